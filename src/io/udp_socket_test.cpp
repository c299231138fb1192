// SPDX-License-Identifier: Apache-2.0
#include "io/udp_socket.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <set>

#include "io/clock.hpp"
#include "io/resolve.hpp"

namespace drover::io {
namespace {

using transport::PeerAddress;

PeerAddress loopback(std::uint16_t port = 0) {
  return PeerAddress::v4(0x7F000001, port);
}
PeerAddress any() {
  return *PeerAddress::parse("[::]:0");
}

UdpSocket opened(const PeerAddress& address) {
  auto socket = UdpSocket::open(address, {});
  EXPECT_TRUE(socket) << socket.error().reason;
  return std::move(*socket);
}

/// Receives until `count` datagrams are there or five seconds have passed without one.
std::vector<std::pair<PeerAddress, Bytes>> receive(UdpSocket& socket, std::size_t count) {
  std::vector<std::pair<PeerAddress, Bytes>> got;
  while (got.size() < count) {
    pollfd wanted{socket.fd(), POLLIN, 0};
    if (::poll(&wanted, 1, 5000) <= 0) break;
    socket.receive([&](const transport::Datagram& datagram) {
      got.emplace_back(datagram.from, Bytes(datagram.bytes.begin(), datagram.bytes.end()));
    });
  }
  return got;
}

TEST(UdpSocket, CarriesDatagramsBothWaysWithTheirSource) {
  UdpSocket server = opened(any());
  UdpSocket client = opened(loopback());
  client.send({{loopback(server.local().port), {1, 2, 3}}});
  const auto got = receive(server, 1);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].first, client.local()) << "an IPv4 peer of a dual-stack socket is a mapped address";
  EXPECT_EQ(got[0].second, (Bytes{1, 2, 3}));
  server.send({{got[0].first, {4}}});
  EXPECT_EQ(receive(client, 1).at(0).second, Bytes{4});
}

TEST(UdpSocket, SendsMoreThanABatchAndEmptyDatagrams) {
  UdpSocket server = opened(loopback());
  UdpSocket client = opened(loopback());
  std::vector<transport::Transmit> batch;
  const std::size_t count = 3 * UdpSocket::kBatch + 1;
  for (std::size_t i = 0; i < count; ++i) batch.push_back({server.local(), Bytes(i, 7)});
  client.send(batch);
  const auto got = receive(server, count);
  ASSERT_EQ(got.size(), count);
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(got[i].second.size(), i);
  EXPECT_EQ(client.dropped(), 0u);
}

TEST(UdpSocket, ADatagramThatIsTooLongIsDroppedAndCounted) {
  UdpSocket server = opened(loopback());
  UdpSocket client = opened(loopback());
  client.send(
      {{server.local(), Bytes(UdpSocket::kDatagramMax + 1, 1)}, {server.local(), Bytes(UdpSocket::kDatagramMax, 2)}});
  const auto got = receive(server, 1);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].second.size(), UdpSocket::kDatagramMax);
  EXPECT_EQ(server.dropped(), 1u);
}

TEST(UdpSocket, WhatCannotBeSentIsCountedAndTheRestGoesOut) {
  UdpSocket server = opened(loopback());
  UdpSocket client = opened(loopback());
  client.send({{*PeerAddress::parse("[::1]:9"), {1}},  // IPv6 on an IPv4 socket
               {server.local(), Bytes(70'000, 1)},     // longer than UDP carries
               {server.local(), {2}}});
  EXPECT_EQ(receive(server, 1).at(0).second, Bytes{2});
  EXPECT_EQ(client.dropped(), 2u);
}

TEST(UdpSocket, APortInUseIsNamed) {
  UdpSocket first = opened(any());
  const auto second = UdpSocket::open(first.local(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, Fault::Environment);
  EXPECT_EQ(second.error().reason,
            "cannot listen on UDP " + first.local().to_string() + ": the port is in use by another program");
  const auto elsewhere = UdpSocket::open(*PeerAddress::parse("192.0.2.1:0"), {});
  ASSERT_FALSE(elsewhere);
  EXPECT_NE(elsewhere.error().reason.find("192.0.2.1:0"), std::string::npos);
}

TEST(UdpSocket, SharedSocketsSpreadPeersAndKeepEachWithItsSocket) {
  auto shared = UdpSocket::open_shared(loopback(), 4, {});
  ASSERT_TRUE(shared) << shared.error().reason;
  const PeerAddress address = shared->front().local();
  std::set<std::size_t> used;
  for (int peer = 0; peer < 64; ++peer) {
    UdpSocket client = opened(loopback());
    std::set<std::size_t> of_peer;
    for (int i = 0; i < 2; ++i) {
      client.send({{address, {1}}});
      bool found = false;
      for (int tries = 0; tries < 100'000 && !found; ++tries) {
        for (std::size_t s = 0; s < shared->size(); ++s) {
          if ((*shared)[s].receive([](const transport::Datagram&) {}) == 0) continue;
          of_peer.insert(s);
          found = true;
        }
      }
    }
    EXPECT_EQ(of_peer.size(), 1u);
    used.insert(of_peer.begin(), of_peer.end());
  }
  EXPECT_GT(used.size(), 1u);
}

TEST(UdpSocket, ConnectionIdsChooseTheirSocket) {  // RFC 9146 §4: the ID stands behind eleven bytes
  UdpSocket::Options secure;
  secure.kind = transport::Kind::Dtls;
  auto shared = UdpSocket::open_shared(loopback(), 4, secure);
  ASSERT_TRUE(shared) << shared.error().reason;
  ASSERT_TRUE(shared->front().steer_by_connection_id(1));
  const PeerAddress address = shared->front().local();
  EXPECT_EQ(address.kind, transport::Kind::Dtls);
  UdpSocket client = opened(loopback());
  for (std::uint8_t wanted = 0; wanted < 12; ++wanted) {
    client.send({{address, {25, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 1, 1, static_cast<std::uint8_t>(wanted % 4), 0}}});
    std::optional<std::size_t> found;
    for (int tries = 0; tries < 100'000 && !found; ++tries) {
      for (std::size_t s = 0; s < shared->size(); ++s) {
        const auto check = [](const transport::Datagram& one) { EXPECT_EQ(one.from.kind, transport::Kind::Dtls); };
        if ((*shared)[s].receive(check) != 0) found = s;
      }
    }
    EXPECT_EQ(found, wanted % 4);
  }
}

TEST(UdpSocket, ASecondInstanceCannotShareThePort) {
  auto first = UdpSocket::open_shared(loopback(), 2, {});
  ASSERT_TRUE(first);
  EXPECT_FALSE(UdpSocket::open_shared(first->front().local(), 2, {}));
  EXPECT_FALSE(UdpSocket::open(first->front().local(), {}));
}

TEST(Resolve, LiteralsOfBothFamilies) {
  EXPECT_EQ(resolve("127.0.0.1", 5683).value().front(), loopback(5683));
  EXPECT_EQ(resolve("::1", 5683).value().front(), *PeerAddress::parse("[::1]:5683"));
}

TEST(Resolve, AHostThatDoesNotExistIsNamed) {
  for (const char* host : {"", "no such host", "256.1.1.1.1"}) {
    const auto addresses = resolve(host, 1);
    ASSERT_FALSE(addresses) << host;
    EXPECT_NE(addresses.error().reason.find(std::string("\"") + host + "\""), std::string::npos);
  }
}

TEST(SystemRng, BlocksDiffer) {
  SystemRng rng;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(rng.next());
  EXPECT_EQ(seen.size(), 1000u);
}

}  // namespace
}  // namespace drover::io
