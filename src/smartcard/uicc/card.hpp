// SPDX-License-Identifier: Apache-2.0
// What the card does with a command: logical channels, secure channels, the PIN, and the shape of answers (ETSI
// TS 102 221 §7, §10, §11).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "smartcard/apdu.hpp"
#include "smartcard/scp03.hpp"
#include "smartcard/uicc/files.hpp"
#include "smartcard/uicc/sms_application.hpp"
#include "smartcard/uicc/uicc.hpp"

namespace drover::smartcard::uicc {

/// The basic channel and three more: what the class byte's two bits can say (§10.1.1).
inline constexpr std::size_t kChannels = 4;

class Card {
 public:
  Card(CardImage image, Rng& rng);

  void reset();
  [[nodiscard]] Bytes atr() const;
  Bytes transmit(ByteView command);
  void replace(CardImage image);
  [[nodiscard]] unsigned pin_tries() const { return pin_tries_; }
  [[nodiscard]] SmsCounters sms_counters() const { return messages_ ? messages_->counters() : SmsCounters{}; }
  void set_sms_counters(const SmsCounters& counters);

 private:
  struct Channel {
    Selection selection = {};
    std::optional<scp03::Card> session = {};
    Bytes remaining = {};  ///< of an answer, for GET RESPONSE
    Status remaining_status = status::kDone;  ///< behind its last piece
    std::size_t handed_out = 0;  ///< octets of the application's next message, by GET DATA
    Bytes stored = {};           ///< blocks of STORE DATA
    unsigned next_block = 0;
  };
  /// A command with what its class byte says.
  struct Call {
    const Command& command;
    std::size_t channel = 0;
    bool is_proprietary = false;  ///< class 8n
    bool is_secured = false;      ///< came over the secure channel
  };

  // card.cpp
  Response run(const Command& command);
  Response run_secured(const Call& call);
  Response dispatch(const Call& call);
  Response shape(const Call& call, Response whole);
  Response get_response(const Call& call);
  void announce(const Call& call, Response& response) const;
  [[nodiscard]] std::optional<Response> wrong_length(const Call& call, std::size_t size) const;
  Response manage_channel(const Call& call);
  Response initialize_update(const Call& call);
  Response external_authenticate(const Call& call);

  // commands.cpp
  Response select(const Call& call);
  Response read_binary(const Call& call);
  Response read_record(const Call& call);
  Response verify_pin(const Call& call);
  Response get_data(const Call& call);
  Response store_data(const Call& call);
  Response envelope(const Call& call);
  Response fetch(const Call& call);
  Response terminal_response(const Call& call);
  Response status_of(const Call& call);
  [[nodiscard]] bool may_read(const Call& call, const File& file) const;
  [[nodiscard]] Channel& channel(const Call& call) { return *channels_[call.channel]; }

  CardImage image_;
  Rng& rng_;
  Files files_;
  std::array<std::optional<Channel>, kChannels> channels_;
  unsigned pin_tries_ = 0;
  bool pin_verified_ = false;
  std::optional<MessageStore> messages_;
};

inline constexpr std::uint8_t kByName = 0x04;  ///< P1 of SELECT: an application (§11.1.1.2)

inline Response only(Status status) { return {{}, status}; }

}  // namespace drover::smartcard::uicc
