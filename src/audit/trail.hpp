// SPDX-License-Identifier: Apache-2.0
// Who changed what, and who tried to.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace drover::audit {

/// One change, or an attempt at one. No text of it is a secret, nor from a body.
struct Record {
  std::uint64_t number = 0;  ///< given by the trail: from 1, rising, never twice
  UnixSeconds at = 0;        ///< when it was asked for
  std::string who;           ///< "token 3 (anna)", "loopback without token", "nobody known", "droverd"
  std::string role;          ///< "admin"; "" for the program itself and for nobody known
  std::string address;       ///< of the peer, "192.0.2.1:40000"; "" for the program itself
  std::string action;        ///< an HTTP method; or "start", "stop", "reload", "add-token", "rekey"
  std::string target;        ///< path and query of the request; what an action of the program is about
  std::optional<std::uint32_t> status{};  ///< of the answer; nothing for the program itself
  std::string location;      ///< of what was made
  bool refused = false;      ///< who asked wasn't let in
  std::uint32_t unrecorded = 0;  ///< refused attempts before this one that were too many to keep
};

struct Limits {
  std::size_t max = 100'000;  ///< the oldest go first; of refused ones a quarter as many, beside
  [[nodiscard]] std::size_t of(bool refused) const { return refused ? (max + 3) / 4 : max; }
};

/// Which records are asked for; all that is given must hold.
struct Query {
  std::string who;          ///< part of Record::who
  std::string path;         ///< Record::target begins with it
  std::optional<UnixSeconds> from{};  ///< then or later
  std::optional<UnixSeconds> to{};    ///< before
  bool newest_first = true;
  std::optional<std::uint64_t> after{};  ///< the number behind which the page starts, in that order
  std::size_t limit = 100;
};

bool matches(const Record& record, const Query& query);

struct Page {
  std::vector<Record> records;
  std::optional<std::uint64_t> next{};  ///< `after` of the page that follows; a page may have fewer than `limit`
};

/// Thread-safe.
class Trail {
 public:
  /// Records looked at for a page: more matching ones are on the next.
  static constexpr std::size_t kScanMax = 10'000;
  /// Records that may wait for the disk.
  static constexpr std::size_t kWaitingMax = 4096;

  virtual ~Trail() = default;
  /// `kept` is called once it survives a kill, or at once where nothing does; on any thread, and must not block. May be
  /// empty.
  virtual void note(Record record, std::function<void()> kept) = 0;
  /// So many wait for the disk that nothing more should be done that would have to be noted.
  [[nodiscard]] virtual bool is_full() const = 0;
  virtual Result<Page> read(const Query& query) = 0;
};

}  // namespace drover::audit
