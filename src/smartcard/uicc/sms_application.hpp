// SPDX-License-Identifier: Apache-2.0
// The card's LwM2M application: secured packets in short messages on one side, CoAP messages on the other (Transport
// "Smartcard End-Point").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "security/sps/packet.hpp"
#include "smartcard/apdu.hpp"
#include "smartcard/toolkit.hpp"
#include "smartcard/uicc/uicc.hpp"
#include "sms/reassembly.hpp"

namespace drover::smartcard::uicc {

/// All it holds is bounded, whatever comes.
class MessageStore {
 public:
  static constexpr std::size_t kInboxMax = 8;     ///< messages that nobody has fetched
  static constexpr std::size_t kOutboxMax = 64;   ///< short messages that the terminal hasn't sent
  static constexpr std::size_t kPartsMax = 20;    ///< of a packet; enough for kCardMessageMax
  static constexpr std::size_t kUnfinishedMax = 4;  ///< packets whose parts come
  static constexpr std::size_t kOwnKept = 16;     ///< checksums of own packets, to know them when they are sent back
  static constexpr unsigned kSendTries = 5;       ///< of a short message that the terminal can't send at the moment

  MessageStore(const SmsApplication& application, Rng& rng);

  /// False when there is no room for another message: nothing was taken. Everything else is taken, and vanishes unless
  /// it is right.
  bool take(ByteView deliver);
  /// TP-OA, tag, length and CoAP message: what GET DATA gives.
  [[nodiscard]] const Bytes* next_message() const { return inbox_.empty() ? nullptr : &inbox_.front(); }
  void remove_message() { inbox_.pop_front(); }
  /// TP-DA, tag, length and CoAP message: what STORE DATA brought.
  Status send(ByteView message);

  /// What FETCH gives; nothing: nothing is to be said to the terminal at the moment.
  [[nodiscard]] std::optional<Bytes> proactive() const;
  void fetched() { is_fetched_ = true; }
  [[nodiscard]] bool is_fetched() const { return is_fetched_; }
  void answered(const toolkit::TerminalResponse& response);
  /// A command came that isn't TERMINAL RESPONSE: what couldn't be sent may be tried again.
  void go_on() { waits_ = false; }
  /// What was fetched and not answered is to be fetched again.
  void reset();

  [[nodiscard]] SmsCounters counters() const { return counters_; }
  void set_counters(const SmsCounters& counters) { counters_ = counters; }

 private:
  struct Waiting {
    std::uint64_t packet = 0;  ///< its parts have the same
    unsigned tries = 0;
    Bytes submit = {};
  };

  void take_packet(ByteView originator, ByteView packet);
  void queue(ByteView destination, sms::PacketType type, const security::sps::Packet& packet);
  [[nodiscard]] bool has_room(std::size_t packet_size, sms::PacketType type) const;
  void remember_own(const security::sps::Checksum& checksum);
  void drop_first_packet();

  std::optional<security::sps::Codec> codec_;  ///< nothing: the keys don't suit their parameters
  bool sends_receipts_ = false;
  std::uint8_t coap_tag_ = 0;
  SmsCounters counters_;
  sms::Reassembly reassembly_;
  std::deque<Bytes> inbox_;
  std::deque<Waiting> outbox_;
  std::deque<security::sps::Checksum> own_;
  std::uint64_t last_packet_ = 0;
  std::uint8_t reference_ = 0;  ///< of the last message in parts
  std::uint8_t number_ = 1;     ///< of the proactive command
  bool is_fetched_ = false, waits_ = false;
};

/// Octets of the address at the beginning (3GPP TS 23.040 §9.1.2.5); nothing when there is no whole one.
std::optional<std::size_t> address_size(ByteView bytes);

}  // namespace drover::smartcard::uicc
