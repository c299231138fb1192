// SPDX-License-Identifier: Apache-2.0
// CoAP messages through the card's LwM2M application, which makes and reads the secured packets itself (Transport
// "Smartcard End-Point"): GET DATA fetches what came, STORE DATA sends. The specification leaves the application's AID,
// the parameters of both and CoAP_TAG open; all are settings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "smartcard/apdu.hpp"
#include "smartcard/scp03.hpp"
#include "smartcard/terminal.hpp"

namespace drover::smartcard {

struct MessageSettings {
  /// The card issuer's. This one has ETSI's provider and the TAR B20203 (Transport "SMS Secured Packet Binding").
  Bytes aid = {0xA0, 0x00, 0x00, 0x00, 0x09, 0x00, 0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0xB2, 0x02, 0x03, 0x00};
  std::uint8_t get_data_p1 = 0x00, get_data_p2 = 0x05;
  std::uint8_t store_data_p1 = 0x80, store_data_p2 = 0x00;  ///< P1 b8: the last block; P2: the block's number
  std::uint8_t coap_tag = 0x05;
  std::optional<scp03::Keys> keys = {};  ///< the secure channel (SHOULD); nothing: none
  scp03::HostSettings secure_channel = {};
};

/// The longest CoAP message that is moved, with its address and tag; STORE DATA takes several blocks.
inline constexpr std::size_t kCardMessageMax = 2048;

struct CardMessage {
  std::string msisdn;  ///< digits of TP-OA, or for TP-DA
  Bytes coap;
};

/// The application on a logical channel of its own, which stays open between calls; it is selected again when the card
/// was reset or the session broke, once a call. It connects the terminal when that isn't; another user of the terminal
/// may connect and disconnect it in between. TP-OA of the last message from a number is TP-DA of what goes there, octet
/// by octet ("MUST be re-used"). One thread at a time; the terminal and `rng` outlive it.
class MessageApplication {
 public:
  MessageApplication(Terminal& terminal, MessageSettings settings, Rng& rng, Trace* trace = nullptr);
  ~MessageApplication();
  MessageApplication(const MessageApplication&) = delete;
  MessageApplication& operator=(const MessageApplication&) = delete;

  /// The next message that came; nothing when there is none (6A88 and the like). What isn't from a number can't be
  /// answered, and is left out. Errors: NotFound when the card has no such application; as the terminal's; Refused;
  /// Channel; Malformed, the message is gone then.
  CardResult<std::optional<CardMessage>> fetch();
  /// The same; Malformed when it is to no number, or longer than kCardMessageMax. When the card was reset between the
  /// last block and its answer, the message may go twice.
  CardResult<void> send(const CardMessage& message);
  /// The last answer said by 91xx that the card has a proactive command for the terminal; true once a time.
  bool take_proactive();
  /// Ends the session, closes the channel, and disconnects the terminal.
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drover::smartcard
