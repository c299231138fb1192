// SPDX-License-Identifier: Apache-2.0
// Values of single resources and resource instances with their times, and what is asked for of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::history {

/// Milliseconds since 1970 in UTC.
using UnixMilliseconds = std::int64_t;
inline constexpr UnixMilliseconds kSecond = 1000;
inline constexpr UnixMilliseconds kEarliest = std::numeric_limits<UnixMilliseconds>::min();
inline constexpr UnixMilliseconds kLatest = std::numeric_limits<UnixMilliseconds>::max();

/// As JSON has it: see `Value` in docs/openapi.json.
using Scalar = std::variant<std::string, std::int64_t, double, bool>;
/// Strings as they are, numbers in decimal, true and false.
std::string to_text(const Scalar& value);
/// Of an Integer or a Float.
std::optional<double> number_of(const Scalar& value);

/// How a value was learnt.
enum class How : std::uint8_t { Notify, Read, Write, Create };
const char* to_string(How how);  ///< "notify", "read", "write", "create"
std::optional<How> parse_how(const std::string& text);

/// A resource or a resource instance of a device.
struct Series {
  std::string endpoint;
  lwm2m::Path path;
  std::string type{};  ///< as in a DDF file, "" where nobody said
};

struct Sample {
  UnixMilliseconds at = 0;  ///< the device's own time where it gave one, else when it arrived
  Scalar value;
  How how = How::Notify;
  UnixSeconds arrived = 0;
};

struct LastValue {
  Series series;
  Sample sample;
};

/// A place in an order of series and of moments in each: what a page ends with.
struct Position {
  std::string endpoint;
  lwm2m::Path path;  ///< a resource or deeper
  UnixMilliseconds at = 0;
  std::int64_t n = 0;  ///< tells values of the same moment apart
  /// "1700000000125.4~3303/0/5700~urn:dev:os:pump".
  [[nodiscard]] std::string to_string() const;
  static std::optional<Position> parse(std::string_view text);
};

struct LastQuery {
  std::string endpoint;
  lwm2m::Path path;                    ///< the root: all
  std::optional<lwm2m::Path> after{};  ///< a resource or deeper
  std::size_t limit = 100;
};

struct LastPage {
  std::vector<LastValue> values;  ///< in the order of their paths
  bool more = false;
};

enum class Order : std::uint8_t { OldestFirst, NewestFirst };

struct HistoryQuery {
  std::string endpoint;  ///< exactly this one; "": those of `pattern`
  std::string pattern;   ///< `*` for any text, `?` for one character; "": all
  lwm2m::Path path;      ///< the root: all
  UnixMilliseconds from = kEarliest;  ///< at or behind it
  UnixMilliseconds to = kLatest;      ///< before it
  /// In each series; series follow each other by endpoint and path either way.
  Order order = Order::NewestFirst;
  std::optional<Position> after{};
  std::size_t limit = 100;
};

struct HistoryRow {
  std::size_t series = 0;  ///< index into the page's
  Sample sample;
};

/// What of a page's limit or size is exceeded is behind `next`, which is absent at the end.
struct HistoryPage {
  std::vector<Series> series;
  std::vector<HistoryRow> rows;
  std::optional<Position> next{};
};

/// The values of one span of time: from `at`, a multiple of `every` since 1970, to `at + every`.
struct Bucket {
  UnixMilliseconds at = 0;
  std::uint64_t count = 0;
  Scalar first, last;  ///< by their times, whatever the order
  /// Where all of them are numbers.
  struct Numbers {
    Scalar min, max;
    double avg = 0;
  };
  std::optional<Numbers> numbers{};
};

struct BucketRow {
  std::size_t series = 0;
  Bucket bucket;
};

/// Spans without a value have no row.
struct BucketPage {
  std::vector<Series> series;
  std::vector<BucketRow> rows;
  std::optional<Position> next{};
};

struct Limits {
  std::size_t max_count = 1000;            ///< values of a series; up to an eighth more until they are removed
  std::int64_t max_age = 30 * 86'400;      ///< seconds that a value is shown in the history; the last one stays
  std::size_t series_max = 10'000'000;     ///< of all devices
  std::size_t series_max_per_device = 1000;
  friend bool operator==(const Limits&, const Limits&) = default;
};

/// Longer texts aren't kept.
inline constexpr std::size_t kValueMax = 16 << 10;
/// What one page holds at most, counted in its texts: it is made, and sent, as a whole.
inline constexpr std::size_t kPageBytesMax = 1 << 20;
/// Values that go into one page's buckets before it ends.
inline constexpr std::size_t kPageVisitsMax = 200'000;
/// Without a store, all that is kept; when it is full the older half of each history goes.
inline constexpr std::size_t kMemoryMax = 128 << 20;

struct Status {
  std::uint64_t devices = 0;
  std::uint64_t series = 0;
  std::uint64_t stored = 0;               ///< values since the start, like the next
  std::uint64_t late = 0;                 ///< older than the last one of their series
  std::uint64_t refused_device = 0;       ///< beyond series_max_per_device
  std::uint64_t refused_total = 0;        ///< beyond series_max
  std::uint64_t refused_size = 0;         ///< longer than kValueMax
  std::uint64_t lost = 0;                 ///< events that weren't kept long enough
  std::uint64_t cursor = 0;               ///< number of the last event that is in it
  std::uint64_t behind = 0;               ///< events that aren't yet
  std::uint64_t bytes = 0;                ///< of the file without its log
  bool durable = false;
  std::string trouble{};  ///< why nothing is stored now; "" when all is well
};

}  // namespace drover::history
