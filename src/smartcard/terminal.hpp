// SPDX-License-Identifier: Apache-2.0
// A card in a reader, in a modem or in memory, as whoever talks to it sees it.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "base/bytes.hpp"

namespace drover::smartcard {

/// What went wrong with a card. No reason holds anything that the card keeps secret.
struct CardError {
  enum class Kind : std::uint8_t {
    NoCard,     ///< none is there
    Removed,    ///< it went while it was in use
    Reset,      ///< somebody reset it: channels and what was selected are gone
    Terminal,   ///< the reader, the modem or the line to it failed, or is another's at the moment
    Refused,    ///< the card said no: `status`
    NotFound,   ///< the card doesn't have what was looked for
    Malformed,  ///< what the card gave can't be read
    Channel,    ///< the secure channel failed: cryptograms, codes or padding are wrong
    Pin,        ///< a PIN is needed and there is none, it is wrong, or too few tries are left
  };
  Kind kind{};
  std::string reason;
  std::uint16_t status = 0;  ///< SW1 and SW2 of Refused and Pin; 0: none
};
const char* to_string(CardError::Kind kind);

template <class T>
using CardResult = tl::expected<T, CardError>;

inline tl::unexpected<CardError> card_error(CardError::Kind kind, std::string reason, std::uint16_t status = 0) {
  return tl::unexpected<CardError>(CardError{kind, std::move(reason), status});
}

/// One card at a time. Calls wait until the card has answered, for a time that the implementation bounds; one thread at
/// a time. Never throws on what a card says.
class Terminal {
 public:
  virtual ~Terminal() = default;

  /// Takes the card into use, and keeps others from it until disconnect() where that can be. Gives its answer to reset;
  /// empty where the terminal doesn't tell, as a modem. Errors: NoCard, Terminal.
  virtual CardResult<Bytes> connect() = 0;
  /// A whole command APDU; gives the whole response APDU, as it came: 61xx and 6Cxx are the caller's. Errors: Removed,
  /// Reset, Terminal; the card isn't connected then any more.
  virtual CardResult<Bytes> transmit(ByteView command) = 0;
  /// Gives the card back. Nothing happens when none is connected.
  virtual void disconnect() = 0;
};

/// Sees each command and its answer as they went over the line; for people who look for mistakes. What it sees may be
/// secret.
class Trace {
 public:
  virtual ~Trace() = default;
  virtual void exchanged(ByteView command, ByteView response) = 0;
};

}  // namespace drover::smartcard
