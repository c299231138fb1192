// SPDX-License-Identifier: Apache-2.0
// What gpsd says, line by line (gpsd_json(5)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "client/objects/location_object.hpp"

namespace drover::machine {

/// What one line of gpsd means for a device; a line about something else means nothing.
struct GpsdReport {
  std::optional<client::Fix> fix;    ///< TPV of mode 2 or 3
  std::optional<bool> has_receiver;  ///< DEVICES: whether its list has an entry
};

/// Nothing for what isn't a JSON object with a "class", and for a TPV whose numbers are out of range. `now` is the
/// time of a fix that has none.
std::optional<GpsdReport> parse_gpsd(std::string_view line, UnixSeconds now);

/// Cuts a stream into lines, with bounded memory: a line longer than kLineMax is dropped up to its end.
class LineBuffer {
 public:
  /// gpsd's own bound for a response is 10240 bytes (GPS_JSON_RESPONSE_MAX); four times of it.
  static constexpr std::size_t kLineMax = 40960;

  void append(std::string_view bytes);
  /// The next whole line without its end.
  std::optional<std::string> next();
  /// Another stream begins; dropped() goes on.
  void restart();
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  std::string pending_;
  std::size_t complete_ = 0;  ///< bytes of pending_ that are whole lines
  bool skipping_ = false;     ///< inside a line that was too long
  std::uint64_t dropped_ = 0;
};

}  // namespace drover::machine
