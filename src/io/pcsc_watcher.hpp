// SPDX-License-Identifier: Apache-2.0
// Sees cards and readers come and go, by PC/SC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "io/event_loop.hpp"

namespace drover::io {

struct ReaderEvent {
  enum class What : std::uint8_t {
    NoService,    ///< pcscd isn't there: said once, until it was
    ReaderCame,
    ReaderWent,
    CardCame,     ///< also one that was in when its reader came
    CardWent,
    CardSwapped,  ///< it was taken out, and one put in, between two looks: maybe the same
  };
  What what{};
  std::string reader = {};  ///< "" for NoService
  Bytes atr = {};           ///< of CardCame and CardSwapped; empty where the card hasn't said it yet
  std::string reason = {};  ///< of NoService, for people
};
const char* to_string(ReaderEvent::What what);

struct WatcherSettings {
  std::string reader = {};  ///< as in PcscSettings
  /// Between two tries to reach pcscd, doubling.
  Duration retry_first = std::chrono::seconds(1);
  Duration retry_max = std::chrono::seconds(30);
};

/// Watches on a thread of its own and tells on the loop's: first what is there, then what changes; in order, nothing
/// twice. Where the program was built without libpcsclite it says NoService, once. A pcscd that is restarted takes its
/// readers away and brings them again. Make and destroy it on the loop's thread; the loop outlives it; `on_event` isn't
/// called once it is destroyed, and may do that.
class PcscWatcher {
 public:
  /// Events that the loop hasn't taken: past it watching waits. What happens meanwhile shows in pcscd's counters.
  static constexpr std::size_t kEventsMax = 64;
  /// The longest that it waits for an event before it lists the readers anew: one that came right behind the last list
  /// shows then.
  static constexpr Duration kLookAgain = std::chrono::seconds(10);
  /// After a look that was too early, or told nothing new: so nothing that pcscd says makes it spin.
  static constexpr Duration kBreath = std::chrono::milliseconds(100);

  PcscWatcher(EventLoop& loop, WatcherSettings settings, std::function<void(const ReaderEvent&)> on_event);
  ~PcscWatcher();
  PcscWatcher(const PcscWatcher&) = delete;
  PcscWatcher& operator=(const PcscWatcher&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace drover::io
