// SPDX-License-Identifier: Apache-2.0
// The gateway's secured packets: keys with their counters, and what waits for these to be on disk.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "security/sps/packet.hpp"
#include "sms/gateway.hpp"
#include "sms/gateway_notes.hpp"
#include "sms/user_data.hpp"

namespace drover::sms {

/// A command leaves when the reservation of its counter is on disk, and one that came is handed out when its counter
/// is; so a crash uses no counter twice and takes no packet twice. What is sent with one key, and what comes with it,
/// keeps its order. At most one SaveCounters of a key is under way.
class GatewayPackets {
 public:
  /// Keys whose ciphers are kept ready; those of others are made anew. Counters of every key that was used are kept.
  static constexpr std::size_t kCodecsMax = 1024;
  /// Own commands of a key by which one that is sent back to us is known: the newest, and older ones as long as their
  /// counters would still be taken or their receipts are awaited. Own receipts.
  static constexpr std::size_t kOwnKept = 16;
  static constexpr std::size_t kOwnMax = 256;
  static constexpr std::size_t kOwnReceiptsMax = 16;

  /// Leaves now.
  struct Outgoing {
    std::string msisdn;
    PacketType type{};
    bool on_smartcard = false;
    Bytes packet = {};
  };
  /// Came, was protected, and comes once.
  struct Incoming {
    std::string msisdn;
    std::uint64_t key = 0;
    Bytes coap = {};
  };

  /// All of them outlive it.
  GatewayPackets(const GatewaySettings& settings, const Peers& peers, GatewayCounters& counters, GatewayNotes& notes)
      : settings_(settings), peers_(peers), counters_(counters), notes_(notes) {}

  void send(Instant now, const std::string& msisdn, const Peer::Packets& with, ByteView coap);
  void receive(Instant now, const std::string& msisdn, const Peer::Packets& with, PacketType type, ByteView packet);
  void saved(std::uint64_t key);

  std::optional<Outgoing> poll_outgoing() { return take_front(outgoing_); }
  std::optional<Incoming> poll_incoming() { return take_front(incoming_); }
  std::optional<SaveCounters> poll_save();

 private:
  struct Own {
    std::uint64_t counter = 0;
    security::sps::Checksum checksum{};
    bool awaits_receipt = false;
  };
  struct WaitingOutgoing {
    std::uint64_t counter = 0;
    Outgoing packet;
  };
  struct WaitingIncoming {
    std::uint64_t counter = 0;
    Incoming message;
    std::optional<Outgoing> receipt;
  };
  struct Channel {
    Counters saved;                  ///< on disk
    std::optional<Counters> saving;  ///< handed to the owner
    bool is_to_save = false;         ///< stands in to_save_
    std::uint64_t next = 1;          ///< counter of the next command
    std::uint64_t received = 0;      ///< highest that was taken, on disk or not
    std::list<WaitingOutgoing> outgoing;
    std::list<WaitingIncoming> incoming;
    std::vector<Own> own;
    std::vector<security::sps::Checksum> own_receipts;
    std::unique_ptr<security::sps::Codec> codec;
    security::sps::Parameters parameters;           ///< of the codec
    std::list<std::uint64_t>::iterator place = {};  ///< of the codec in codecs_
  };

  Channel& channel(std::uint64_t key);
  security::sps::Codec* codec(Channel& channel, const Peer::Packets& with);
  void take_command(Instant now, const std::string& msisdn, const Peer::Packets& with, Channel& channel,
                    security::sps::Command command);
  void take_response(Instant now, const std::string& msisdn, Channel& channel, const security::sps::Response& response);
  std::optional<Outgoing> receipt(const std::string& msisdn, const Peer::Packets& with, Channel& channel,
                                  std::uint64_t counter);
  void remember_own(Channel& channel, Own own);
  void want_save(std::uint64_t key, Channel& channel);
  [[nodiscard]] std::uint64_t reservation(const Channel& channel) const;
  void release(Channel& channel);

  const GatewaySettings& settings_;
  const Peers& peers_;
  GatewayCounters& counters_;
  GatewayNotes& notes_;
  std::unordered_map<std::uint64_t, Channel> channels_;
  std::list<std::uint64_t> codecs_;  ///< keys whose channels have one; the last was used last
  std::deque<std::uint64_t> to_save_;
  std::size_t waiting_ = 0;  ///< messages in all channels
  std::deque<Outgoing> outgoing_;
  std::deque<Incoming> incoming_;
};

}  // namespace drover::sms
