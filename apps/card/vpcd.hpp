// SPDX-License-Identifier: Apache-2.0
// A card in vsmartcard's virtual reader (vpcd): messages of two octets of length, big endian, and content, both ways.
// One octet is a control, anything longer a command APDU, whose response goes back. Sans-IO.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "smartcard/terminal.hpp"
#include "smartcard/uicc/uicc.hpp"

namespace drover::card {

class VpcdSession {
 public:
  static constexpr std::uint16_t kPort = 35963;  ///< where vpcd listens

  /// One connection: the card is in from its beginning to its end. `card` and `trace` outlive it.
  explicit VpcdSession(smartcard::uicc::Uicc& card, smartcard::Trace* trace = nullptr) : card_(card), trace_(trace) {}

  void receive(ByteView bytes);
  std::optional<Bytes> poll_output();

 private:
  void take(ByteView message);
  void answer(ByteView content);

  smartcard::uicc::Uicc& card_;
  smartcard::Trace* trace_;
  Bytes input_, output_;
};

}  // namespace drover::card
