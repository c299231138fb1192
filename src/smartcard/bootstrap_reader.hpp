// SPDX-License-Identifier: Apache-2.0
// Reads the bootstrap data from a card: the steps of Core G.2, over the secure channel of Appendix H where there are
// keys.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "smartcard/pkcs15.hpp"
#include "smartcard/scp03.hpp"
#include "smartcard/terminal.hpp"

namespace drover::smartcard {

struct ReaderSettings {
  std::optional<scp03::Keys> keys = {};  ///< nothing: no secure channel
  scp03::HostSettings secure_channel = {};
  /// 4 to 8 digits, verified where a file says that it is private and the card wants it; empty: none. It is never tried
  /// when the card says that fewer than kPinTriesKept + 1 tries are left, nor once more after the card refused it: see
  /// BootstrapReader.
  Secret<std::string> pin = {};
  /// The application where EF(DIR) has none; empty: the search ends there. For cards whose EF(DIR) isn't written.
  Bytes fallback_aid = {};
};
/// Tries of a PIN that stay for people.
inline constexpr unsigned kPinTriesKept = 1;

using Digest = std::array<std::uint8_t, 32>;  ///< SHA-256

/// What was found on the way, for people; without secrets.
struct CardChain {
  Bytes atr = {};       ///< empty: the terminal doesn't tell
  std::string iccid = {};  ///< digits of EF(ICCID), 2FE2; "": the card has none
  std::vector<pkcs15::Application> applications = {};  ///< of EF(DIR)
  Bytes aid = {};       ///< of the application that was selected
  std::uint8_t channel = 0;
  bool secured = false;  ///< over the secure channel
  std::vector<pkcs15::Path> dodfs = {};
  std::optional<pkcs15::DataObject> object = {};  ///< the one that was taken
  std::size_t file_size = 0;   ///< of the EF, by its FCP
  std::size_t data_size = 0;   ///< that counts, by its header
  bool pin_verified = false;
  std::optional<unsigned> pin_tries = {};  ///< left, where the card was asked
};

struct CardReading {
  CardChain chain;
  /// EF LwM2M_Bootstrap without padding, as it is: not parsed, not checked.
  Secret<Bytes> file;
};

/// A card is told from others by this: SHA-256 of its answer to reset and its ICCID.
Digest card_identity(const CardChain& chain);
Digest digest_of(ByteView bytes);

/// One terminal's reader. It is kept over readings, since it remembers the PIN that a card refused: for that card
/// (by card_identity()) it isn't tried again. One thread at a time; the terminal and `rng` outlive it.
class BootstrapReader {
 public:
  BootstrapReader(Terminal& terminal, ReaderSettings settings, Rng& rng, Trace* trace = nullptr);

  /// Connects, reads all, closes channel and session, and disconnects, whatever happens. An answer that breaks the
  /// secure channel ends the session; reading begins anew once, since a card may have been reset by somebody else.
  /// Errors: as CardError says; NotFound when the card has no LwM2M bootstrap object. Nothing of a file that couldn't be
  /// read whole is given.
  CardResult<CardReading> read();
  /// What is known of the card from the last read(), also one that failed: its answer to reset and its ICCID are read
  /// first. Nothing before them.
  [[nodiscard]] const std::optional<CardChain>& chain() const { return chain_; }

 private:
  class Run;
  Terminal& terminal_;
  ReaderSettings settings_;
  Rng& rng_;
  Trace* trace_;
  std::optional<CardChain> chain_;
  std::optional<Digest> refused_pin_of_;
  /// A PIN went to this card while so many tries were left, and its answer was lost: fewer the next time say that it was
  /// wrong.
  struct UnansweredPin {
    Digest card;
    unsigned tries;
  };
  std::optional<UnansweredPin> unanswered_pin_;
};

}  // namespace drover::smartcard
