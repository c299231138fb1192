// SPDX-License-Identifier: Apache-2.0
// For the gateway's tests: whom a side knows, its disk, and the network between two of them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sms/gateway.hpp"

namespace drover::sms::testing {

inline const std::string kServer = "491700000001";
inline const std::string kDevice = "491700000002";

inline Bytes hex(const std::string& digits) {
  return *from_hex(digits);
}

/// The keys of the reference's vectors.
inline Peer::Packets vector_keys(std::uint8_t spi2 = security::sps::kSpi2NoReceipt) {
  return {.key = 1,
          .parameters = {.spi2 = spi2},
          .keys = {Secret<Bytes>(hex("101112131415161718191a1b1c1d1e1f")),
                   Secret<Bytes>(hex("303132333435363738393a3b3c3d3e3f"))}};
}

class KnownPeers final : public Peers {
 public:
  std::optional<Peer> find(std::string_view msisdn) const override {
    const auto found = peers.find(msisdn);
    return found == peers.end() ? std::nullopt : std::optional(found->second);
  }
  Counters counters(std::uint64_t key) const override {
    ++asked;
    const auto found = disk.find(key);
    return found == disk.end() ? Counters{} : found->second;
  }

  std::map<std::string, Peer, std::less<>> peers;
  std::map<std::uint64_t, Counters> disk;
  mutable std::size_t asked = 0;
};

/// One side. What it wants saved waits until save() is called.
struct Side {
  explicit Side(std::string own_number, GatewaySettings given = {}) : number(std::move(own_number)), settings(given) {
    start();
  }

  /// A new process: what wasn't on disk is gone.
  void start() {
    to_save.clear();
    gateway = std::make_unique<Gateway>(settings, known, rng);
  }
  void send(const std::string& to, transport::Kind kind, const Bytes& bytes, std::uint16_t port = 0) {
    auto address = *transport::PeerAddress::sms(to);
    address.port = port;
    gateway->send(now, {address.as(kind), bytes});
  }
  /// Puts on disk what is to be saved, and says so.
  std::size_t save() {
    std::size_t count = 0;
    poll_saves();
    while (!to_save.empty()) {
      ++count;
      const SaveCounters next = to_save.front();
      to_save.erase(to_save.begin());
      known.disk[next.key] = next.counters;
      gateway->saved(now, next.key);
      poll_saves();
    }
    return count;
  }
  void poll_saves() {
    while (auto next = gateway->poll_save()) to_save.push_back(*next);
  }
  std::vector<ShortMessage> submissions() {
    std::vector<ShortMessage> all;
    while (auto next = gateway->poll_submission()) all.push_back(std::move(next->message));
    return all;
  }
  /// "kind:hex" of each datagram.
  std::vector<std::string> datagrams() {
    static const std::map<transport::Kind, std::string> kNames = {
        {transport::Kind::Sms, "plain:"}, {transport::Kind::SmsDtls, "dtls:"}, {transport::Kind::SmsPacket, "packet:"}};
    std::vector<std::string> all;
    while (auto next = gateway->poll_datagram()) all.push_back(kNames.at(next->to.kind) + to_hex(next->bytes));
    return all;
  }
  std::vector<std::string> notes() {
    std::vector<std::string> all;
    while (auto next = gateway->poll_note()) all.push_back(next->msisdn + ": " + next->text);
    return all;
  }
  /// As the network brings it: from the number of who sent it.
  void hear(const std::string& from, ShortMessage message) {
    message.msisdn = from;
    gateway->handle_delivery(now, message);
  }
  void hear(const std::string& from, const std::vector<ShortMessage>& messages) {
    for (const ShortMessage& message : messages) hear(from, message);
  }
  /// Nothing happened: no answer, no datagram, nothing to save.
  bool is_quiet() {
    poll_saves();
    return submissions().empty() && datagrams().empty() && to_save.empty();
  }
  const GatewayCounters& counters() const { return gateway->counters(); }

  std::string number;
  GatewaySettings settings;
  KnownPeers known;
  SplitMix rng{1};
  Instant now{std::chrono::seconds(1000)};
  std::vector<SaveCounters> to_save;
  std::unique_ptr<Gateway> gateway;
};

/// A server and a device that know each other.
struct Pair {
  explicit Pair(const Peer& peer, GatewaySettings settings = {})
      : server(kServer, settings), device(kDevice, settings) {
    server.known.peers[kDevice] = peer;
    device.known.peers[kServer] = peer;
  }
  Side server, device;
};

inline Pair secured(std::uint8_t spi2 = security::sps::kSpi2NoReceipt, GatewaySettings settings = {}) {
  Peer peer;
  peer.packets = vector_keys(spi2);
  return Pair(peer, settings);
}

}  // namespace drover::sms::testing
