// SPDX-License-Identifier: Apache-2.0
// The smartcard as a client sees it: what was found on it, and what became of that (Core §5.2.3.2). Who talks to the
// card is the host.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::client {

/// SHA-256.
using CardDigest = std::array<std::uint8_t, 32>;

// ---- what the host found --------------------------------------------------------------------------------------------

/// No card is there, or it has no bootstrap data: certainly, not because of a failure.
struct NoCard {
  std::string reason;
};
/// It isn't known what the card has: the reader failed, the secure channel, a PIN.
struct UnreadableCard {
  std::string reason;
  std::optional<CardDigest> identity = {};  ///< where that much could be read
};
/// EF LwM2M_Bootstrap (Core G.3.3), unread.
struct CardData {
  CardDigest identity{};  ///< tells cards apart
  CardDigest digest{};    ///< of `file`
  Secret<Bytes> file;
};
using CardFinding = std::variant<NoCard, UnreadableCard, CardData>;

// ---- what the client makes of it ------------------------------------------------------------------------------------

struct CardReport {
  enum class Kind : std::uint8_t {
    Loaded,      ///< its objects are the device's configuration now; `reason`: what of them was left out
    Unchanged,   ///< as it was loaded
    Nothing,     ///< nothing was loaded before either
    Removed,     ///< what was loaded went with it
    Refused,     ///< its data can't be a configuration; what was loaded before from a card went
    Unreadable,  ///< the device is as it was
  };
  Kind kind{};
  std::string reason{};
};
const char* to_string(CardReport::Kind kind);

/// What the configuration holds of a card.
struct SavedCard {
  CardDigest identity{};
  CardDigest digest{};
  /// Object instances that were made from it, and that nobody else has written or deleted as a whole since. It may be
  /// none: the card counts as loaded all the same, so that it isn't loaded again over what a Bootstrap-Server made.
  std::set<lwm2m::Path> instances;
  friend bool operator==(const SavedCard&, const SavedCard&) = default;
};

struct CardLimits {
  /// The host may take so long to look at the card; then the card counts as unreadable.
  Duration patience = std::chrono::seconds(60);
  /// A look is good for so long, and for one Register or Update with each server: several servers at once, and one whose
  /// name is resolved meanwhile.
  Duration fresh = std::chrono::seconds(10);
};

}  // namespace drover::client
