// SPDX-License-Identifier: Apache-2.0
// A real client and a real server with DTLS between them, in virtual time.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "security/dtls/provider.hpp"
#include "security/dtls/test_peers.hpp"
#include "tests/conformance/configurations.hpp"

namespace drover::conformance {

inline constexpr const char* kHost = "server.example.com";  // of the test cases
inline constexpr const char* kSharedKey = "0123456789abcdef";

/// The server knows the pre-shared key of kEndpoint.
class SecureLink {
 public:
  explicit SecureLink(client::SecurityValues values, security::ServerCredentials own = {})
      : values_(std::move(values)),
        server_provider_({}, server_rng_),
        client_provider_({}, client_rng_),
        client(settings(client_provider_), client_rng_) {
    known.psks[kEndpoint] = kSharedKey;
    server_provider_.set_wall_clock(seconds(security::testing::kTestNow));
    client_provider_.set_wall_clock(seconds(security::testing::kTestNow));
    acceptor_ = std::move(server_provider_.acceptor(own, known).value());
    server::ShardConfig config;
    config.acceptor = acceptor_.get();
    config.credentials = &known;
    shard_.emplace(std::move(config), server_rng_);
    for (const lwm2m::ObjectId object : std::initializer_list<lwm2m::ObjectId>{0, 1, 3}) client.define(*definitions().find(object));
    EXPECT_TRUE(client.tree().add({now_, std::nullopt}, 3, 0));
    EXPECT_TRUE(client.tree().set({now_, std::nullopt}, Path(3, 0, 0), std::string(kManufacturer)));
  }

  /// The raw public key of kEndpoint.
  void know(const security::testing::KeyPair& key) {
    known.public_keys = {key.public_key()};
    known.public_key_endpoint = kEndpoint;
  }
  /// Registers, or fails to.
  void start() {
    EXPECT_TRUE(client.add_account(now_, 1, std::string("coaps://") + kHost, 300, values_));
    client.start(now_);
    settle();
  }
  [[nodiscard]] bool is_registered() const {
    return client.accounts()[0].state == client::RegistrationState::Registered;
  }
  /// What the server calls what the client proved; "" when it isn't registered there.
  [[nodiscard]] std::string identity() const {
    const auto device = shard_->device(kEndpoint);
    return device ? device->identity : "";
  }
  /// /3/0 in TLV, and in it the manufacturer; "" without an answer.
  std::string read_manufacturer() {
    shard_->operate(now_, server::Ticket{1}, kEndpoint, lwm2m::Read{Path(3, 0), format::kTlv, false});
    settle();
    const auto done = shard_->poll_done();
    const auto* outcome = done ? std::get_if<lwm2m::Outcome>(&done->result) : nullptr;
    if (outcome == nullptr || outcome->status != Status::Content) return "";
    const std::string text(as_text(outcome->payload));
    return text.find(kManufacturer) == std::string::npos ? "" : kManufacturer;
  }
  /// Why the server refused somebody; "" when it didn't.
  std::string refusal() {
    while (const auto event = shard_->poll_event()) {
      if (event->kind == server::EventKind::Refused) return event->reason;
    }
    return "";
  }
  /// Why the client isn't registered.
  std::string failure() const { return failure_; }
  /// Of the last ServerHello (RFC 5246 §7.4.1.3); 0 without one.
  [[nodiscard]] unsigned suite() const { return suite_; }
  /// Everything that went over the link was a record of DTLS 1.2 (RFC 6347 §4.1), and something did.
  [[nodiscard]] bool was_all_dtls() const { return datagrams_ > 0 && strange_ == 0; }

  security::testing::KnownPeers known;

 private:
  static client::ClientSettings settings(security::Provider& provider) {
    client::ClientSettings made;
    made.endpoint = kEndpoint;
    made.security = &provider;
    return made;
  }
  void settle() {
    const auto server_at = transport::PeerAddress::v4(0xC0000201, 5684);
    const auto client_at = transport::PeerAddress::v4(0xC6336401, 40000);
    for (bool busy = true; busy;) {
      busy = false;
      while (const auto event = client.poll_event()) {
        if (const auto* wanted = std::get_if<client::ResolveWanted>(&*event)) {
          EXPECT_EQ(wanted->host, kHost);
          client.resolved(now_, wanted->server, {server_at});
        } else if (const auto* changed = std::get_if<client::RegistrationChanged>(&*event)) {
          if (changed->report.kind == client::RegistrationReport::Kind::Failed) failure_ = changed->report.reason;
        }
        busy = true;
      }
      while (const auto sent = client.poll_transmit()) {
        EXPECT_EQ(sent->to, server_at);
        note(sent->bytes);
        shard_->handle_datagram(now_, {client_at.as(transport::Kind::Dtls), sent->bytes});
        busy = true;
      }
      while (const auto sent = shard_->poll_transmit()) {
        note(sent->bytes);
        client.handle_datagram(now_, {server_at, sent->bytes});
        busy = true;
      }
    }
  }
  void note(const Bytes& datagram) {
    constexpr std::uint8_t kHandshake = 22, kServerHello = 2;
    constexpr std::size_t kRecordHeader = 13, kSessionIdSize = kRecordHeader + 12 + 2 + 32;
    ++datagrams_;
    if (!security::parse_record(datagram, security::Handle::kSize)) ++strange_;
    if (datagram.size() <= kSessionIdSize || datagram[0] != kHandshake || datagram[kRecordHeader] != kServerHello) return;
    const std::size_t at = kSessionIdSize + 1 + datagram[kSessionIdSize];
    if (datagram.size() >= at + 2) suite_ = static_cast<unsigned>(datagram[at] << 8 | datagram[at + 1]);
  }

  Instant now_{seconds(1000)};
  client::SecurityValues values_;
  SplitMix server_rng_{1}, client_rng_{2};
  security::dtls::DtlsProvider server_provider_, client_provider_;
  std::unique_ptr<security::Acceptor> acceptor_;
  std::optional<server::Shard> shard_;
  std::string failure_;
  std::size_t datagrams_ = 0, strange_ = 0;
  unsigned suite_ = 0;

 public:
  client::Client client;
};

}  // namespace drover::conformance
