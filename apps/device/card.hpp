// SPDX-License-Identifier: Apache-2.0
// A device's smartcard: what the configuration says of it, and who reads it and talks to its application.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/device/section.hpp"
#include "client/card.hpp"
#include "io/serial_device.hpp"
#include "sdk/runtime.hpp"
#include "smartcard/bootstrap_reader.hpp"
#include "smartcard/messages.hpp"
#include "sms/message.hpp"

namespace drover::device {

class Messaging;

/// The table `[card]`.
struct CardConfig {
  std::size_t line = 0;  ///< 0: the device has no reader
  std::string reader;    ///< name of a PC/SC reader, or its beginning; "": whichever has a card
  std::string modem;     ///< path of a modem's serial device instead, whose SIM it is
  io::SerialSettings serial;
  Secret<std::string> sim_pin;  ///< of the modem's SIM; that of [sms] where it is the same modem
  smartcard::ReaderSettings reading;
  std::optional<smartcard::MessageSettings> messages;  ///< SMS Security Mode 2 ends on the card
  Duration poll = std::chrono::seconds(10);            ///< how often the application is asked for messages

  [[nodiscard]] bool is_there() const { return line != 0; }
};

/// Files are relative to `folder`; those with secrets are added to `key_files`.
void read_card(Section section, const std::string& folder, std::vector<std::string>& key_files, CardConfig& config);

/// What a look at a card came to, as the client takes it. A card that has no usable data is as good as none; one that
/// went in the middle is looked at again.
client::CardFinding to_finding(smartcard::CardResult<smartcard::CardReading> reading,
                               const std::optional<smartcard::CardChain>& chain);

/// One at a time on a device's loop, with a thread that waits for the card. It doesn't outlive the runtime and
/// `messaging`; the client may be another one meanwhile.
class Card {
 public:
  /// `messaging` may be nullptr; where it has the modem that the card is in, it is used through that.
  Card(const CardConfig& config, sdk::Runtime& runtime, Messaging* messaging);
  ~Card();
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;

  /// The answer to client::CardWanted; Client::card_found() follows.
  void look();
  /// CoAP for the card's application, where SmsPeer::on_card says so.
  void send(const transport::Transmit& transmit);
  /// A short message for the card (class 2, USIM data download), where this device is its terminal.
  bool take(const sms::ShortMessage& message);
  /// For people: the card, and what went through it.
  [[nodiscard]] std::string describe() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drover::device
