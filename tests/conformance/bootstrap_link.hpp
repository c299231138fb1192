// SPDX-License-Identifier: Apache-2.0
// A real client, a real Bootstrap-Server and a real server that share a credential store, with DTLS between them, in
// virtual time.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bootstrap/server.hpp"
#include "bootstrap/test_plans.hpp"
#include "client/client.hpp"
#include "provision/key_keeper.hpp"
#include "security/dtls/provider.hpp"
#include "server/shard.hpp"
#include "store/test_backing.hpp"
#include "tests/conformance/site.hpp"

namespace drover::conformance {

/// The device knows the Bootstrap-Server of Appendix F, Table 30, whose keys the store has.
class BootstrapLink {
 public:
  static constexpr const char* kName = "example-client";
  static constexpr const char* kIdentity = "b313cc22-f969-42ec-ad42";
  static constexpr const char* kKey = "e129791359950cbb1c8c3c582913b551";
  static constexpr UnixSeconds kUnix = 1'800'000'000;

  /// `name`: what the device calls itself.
  explicit BootstrapLink(const std::string& name = kName, const std::string& key = kKey)
      : client(settings(name), client_rng_) {
    store::Credentials::Settings settings;
    settings.unix_now = [] { return kUnix; };
    credentials = std::move(*store::Credentials::open(backing_.table(), store::testing::sealer(), std::move(settings)));
    know(store::Purpose::Bootstrap, kKey);
    keeper_.emplace(*credentials, provision::KeyKeeper::Settings{});

    bootstrap::Config config;
    config.acceptor = acceptor(bootstrap_acceptor_, store::Purpose::Bootstrap);
    config.credentials = &credentials->source(store::Purpose::Bootstrap);
    config.provider = &server_provider_;
    bootstrap_.emplace(std::move(config), server_rng_);
    server::ShardConfig shard;
    shard.acceptor = acceptor(acceptor_, store::Purpose::Server);
    shard.credentials = &credentials->source(store::Purpose::Server);
    shard_.emplace(std::move(shard), server_rng_);

    for (const int object : {0, 1, 2, 3, 4, 5}) client.define(*bootstrap::testing::definitions().find(static_cast<lwm2m::ObjectId>(object)));
    EXPECT_TRUE(client.tree().add({now, std::nullopt}, 3, 0));
    EXPECT_TRUE(client.tree().add({now, std::nullopt}, 4, 0));
    EXPECT_TRUE(client.add_bootstrap_account(now, "coaps://bootstrap.example.com", psk(key)));
    client.settle(now);
  }

  /// A credential of kName by kIdentity.
  void know(store::Purpose purpose, const std::string& key) {
    store::NewCredential credential;
    credential.purpose = purpose;
    credential.identity = kIdentity;
    credential.key = Secret<Bytes>(*from_hex(key));
    credential.endpoint = kName;
    EXPECT_TRUE(credentials->add(std::move(credential)));
  }
  static client::SecurityValues psk(const std::string& key) {
    client::SecurityValues values;
    values.mode = client::SecurityObject::kPreSharedKey;
    values.identity = to_bytes(kIdentity);
    values.key = Secret<Bytes>(*from_hex(key));
    return values;
  }
  /// ' stands for ".
  void plan(const std::string& json) { EXPECT_TRUE(bootstrap_->plans().put(bootstrap::testing::plan(json))); }

  void start() {
    client.start(now);
    settle();
  }
  void pass(Duration duration) {
    const Instant end = now + duration;
    for (int step = 0; step < 1000; ++step) {
      std::optional<Deadline> next;
      for (const auto& due : {client.deadline(), bootstrap_->deadline(), shard_->deadline()}) {
        if (due && (!next || due->at < next->at)) next = due;
      }
      if (!next || next->at > end) break;
      now = std::max(now, next->at);
      client.handle_timeout(now);
      bootstrap_->handle_timeout(now);
      shard_->handle_timeout(now);
      settle();
    }
    now = end;
  }
  [[nodiscard]] bool is_registered() const { return shard_->has(kName); }
  [[nodiscard]] std::string identity() const {
    const auto device = shard_->device(kName);
    return device ? device->identity : "";
  }
  std::string text(const std::string& path) {
    const auto value = client.tree().get({now, std::nullopt}, Path::parse(path).value());
    if (!value) return "nothing";
    if (const auto* opaque = std::get_if<lwm2m::Opaque>(&*value)) return to_hex(opaque->bytes);
    return lwm2m::content::to_text(*value);
  }
  lwm2m::Status execute(const Path& path) {
    shard_->operate(now, server::Ticket{1}, kName, lwm2m::Execute{path, {}});
    settle();
    const auto done = shard_->poll_done();
    const auto* outcome = done ? std::get_if<lwm2m::Outcome>(&done->result) : nullptr;
    return outcome == nullptr ? lwm2m::Status::Other : outcome->status;
  }
  bootstrap::BootstrapServer& bootstrap() { return *bootstrap_; }
  /// What the newest session did: "Bootstrap-Write /0/1 2.04".
  [[nodiscard]] std::vector<std::string> steps() const {
    std::vector<std::string> lines;
    const auto page = bootstrap_->sessions({});
    if (page.sessions.empty()) return lines;
    const auto session = *bootstrap_->session(page.sessions.front().id);
    for (const auto& entry : session.timeline) {
      if (entry.from_device && std::string(entry.operation) != "Bootstrap-Request") {
        lines.push_back(std::string(entry.operation) + " " + entry.path.to_string() + " " + entry.code.to_string());
      }
    }
    return lines;
  }
  [[nodiscard]] std::string state() const {
    const auto page = bootstrap_->sessions({});
    return page.sessions.empty() ? "" : bootstrap::to_string(page.sessions.front().state);
  }
  [[nodiscard]] bool was_all_dtls() const { return datagrams_ > 0 && strange_ == 0; }

  Instant now{seconds(1000)};
  bool away = false;                  ///< the server doesn't hear
  std::vector<std::string> asked;     ///< where names were wanted from, in order
  std::vector<std::string> refusals;  ///< of the Bootstrap-Server
  std::unique_ptr<store::Credentials> credentials;

 private:
  client::ClientSettings settings(const std::string& name) {
    client_provider_.set_wall_clock(seconds(kUnix));
    client::ClientSettings made;
    made.endpoint = name;
    made.security = &client_provider_;
    return made;
  }
  security::Acceptor* acceptor(std::unique_ptr<security::Acceptor>& to, store::Purpose purpose) {
    server_provider_.set_wall_clock(seconds(kUnix));
    to = std::move(server_provider_.acceptor({}, credentials->source(purpose)).value());
    return to.get();
  }
  void settle() {
    const auto bootstrap_at = transport::PeerAddress::v4(0xC0000209, 5684);
    const auto server_at = transport::PeerAddress::v4(0xC0000201, 5684);
    const auto client_at = transport::PeerAddress::v4(0xC6336401, 40000).as(transport::Kind::Dtls);
    for (bool busy = true; busy;) {
      busy = false;
      while (const auto event = client.poll_event()) {
        busy = true;
        const auto* wanted = std::get_if<client::ResolveWanted>(&*event);
        if (wanted == nullptr) continue;
        asked.push_back(wanted->host);
        client.resolved(now, wanted->server, {wanted->host.starts_with("bootstrap") ? bootstrap_at : server_at});
      }
      while (const auto event = bootstrap_->poll_event()) {
        busy = true;
        if (const auto* keys = std::get_if<bootstrap::KeysWanted>(&*event)) {
          bootstrap_->provide(now, keys->session, keeper_->provide(*keys));
        } else if (const auto* ended = std::get_if<bootstrap::SessionEnded>(&*event)) {
          EXPECT_TRUE(keeper_->ended(*ended));
        } else if (const auto* refused = std::get_if<bootstrap::Refused>(&*event)) {
          refusals.push_back(refused->reason);
        }
      }
      while (shard_->poll_event()) {
      }
      while (const auto sent = client.poll_transmit()) {
        busy = true;
        note(sent->bytes);
        if (sent->to == bootstrap_at) bootstrap_->handle_datagram(now, {client_at, sent->bytes});
        if (sent->to == server_at && !away) shard_->handle_datagram(now, {client_at, sent->bytes});
      }
      while (const auto sent = bootstrap_->poll_transmit()) {
        busy = true;
        note(sent->bytes);
        client.handle_datagram(now, {bootstrap_at, sent->bytes});
      }
      while (const auto sent = shard_->poll_transmit()) {
        busy = true;
        note(sent->bytes);
        if (!away) client.handle_datagram(now, {server_at, sent->bytes});
      }
    }
  }
  void note(const Bytes& datagram) {
    ++datagrams_;
    if (!security::parse_record(datagram, security::Handle::kSize)) ++strange_;
  }

  SplitMix server_rng_{1}, client_rng_{2};
  security::dtls::DtlsProvider server_provider_{{}, server_rng_}, client_provider_{{}, client_rng_};
  store::testing::MemoryBacking backing_;
  std::optional<provision::KeyKeeper> keeper_;
  std::unique_ptr<security::Acceptor> bootstrap_acceptor_, acceptor_;
  std::optional<bootstrap::BootstrapServer> bootstrap_;
  std::optional<server::Shard> shard_;
  std::size_t datagrams_ = 0, strange_ = 0;

 public:
  client::Client client;
};

}  // namespace drover::conformance
