// SPDX-License-Identifier: Apache-2.0
// Sessions over DTLS: devices that come, and devices that are called.
#include "bootstrap/test_server.hpp"
#include "security/dtls/test_peers.hpp"

namespace drover::bootstrap::testing {
namespace {

using security::testing::issue;
using security::testing::KeyPair;
using security::testing::KnownPeers;
using security::testing::kTestNow;
using std::chrono::seconds;
using transport::Kind;

const std::string kPsk = R"({'name':'p','servers':[{'id':1,'uri':'coaps://h','security':{'mode':'psk'}}]})";
const std::string kBootstrapKey = "0123456789abcdef";

/// One secure device; its CoAP side is Device, which knows the server as an association.
class SecureTest : public ServerTest {
 protected:
  SecureTest() {
    known_.psks["d"] = kBootstrapKey;
    parameters_.watcher = &witness_;
    provider_ = std::make_unique<security::dtls::DtlsProvider>(parameters_, rng_);
    provider_->set_wall_clock(seconds(kTestNow));
    own_.raw_key = server_key_.raw();
    own_.certificate = issue({.common_name = "server.example", .alternative_names = "DNS:server.example"}, &root_).credential();
    own_.trust_anchors = {root_.der()};
    acceptor_ = std::move(*provider_->acceptor(own_, known_));
    Config config;
    config.acceptor = acceptor_.get();
    config.credentials = &known_;
    config.provider = provider_.get();
    start_server(std::move(config));
    device(kName);
  }
  void TearDown() override {
    EXPECT_EQ(witness_.reused, 0U) << "a nonce was used twice";
    server_.reset();  // what it is made of is this fixture's, which ends before its base
  }

  void connect(const security::ClientCredential& credential) {
    connector_ = std::move(*provider_->connector(credential, "server.example"));
    association_ = connector_->connect(now_, {});
    settle_secure();
  }
  static security::ClientCredential psk(const std::string& identity, const std::string& key) {
    return {security::PskCredential{identity, Secret<Bytes>(to_bytes(key))}, {}};
  }
  void ask_secure(const std::string& endpoint) {
    device(kName).ask(now_, kName, endpoint);
    settle_secure();
  }
  void settle_secure() {
    Device& coap = *devices_.at(kName);
    for (bool busy = true; busy;) {
      busy = false;
      coap.settle(now_);
      while (auto message = coap.endpoint().poll_transmit()) {
        if (association_) static_cast<void>(association_->send(now_, message->bytes));
        busy = true;
      }
      while (association_) {
        auto datagram = association_->poll_datagram();
        if (!datagram) break;
        server_->handle_datagram(now_, {kAddress, *datagram});
        busy = true;
      }
      while (auto transmit = server_->poll_transmit()) {
        EXPECT_EQ(transmit->to, kAddress);
        busy = true;
        if (expected_caller_ && !association_) accept(transmit->bytes);
        if (association_) association_->handle_datagram(now_, transmit->bytes);
      }
      while (association_) {
        auto plaintext = association_->poll_plaintext();
        if (!plaintext) break;
        coap.endpoint().handle_datagram(now_, {kName, *plaintext});
        busy = true;
      }
      while (auto event = server_->poll_event()) events_.push_back(std::move(*event));
    }
  }
  /// The device's DTLS server, which is one of two lines: it asks for no cookie.
  void accept(const Bytes& datagram) {
    if (const auto hello = security::parse_client_hello(datagram)) association_ = expected_caller_->accept(now_, *hello, {});
  }

  inline static const PeerAddress kAddress = PeerAddress::v4(0xC0000202, 40000).as(Kind::Dtls);
  inline static const PeerAddress kName = PeerAddress::association(77);  ///< the server, for the device's CoAP

  KnownPeers known_;
  security::testing::Witness witness_;
  security::dtls::Parameters parameters_;
  KeyPair server_key_;
  security::testing::Issued root_ = issue({.common_name = "root", .authority = true});
  security::ServerCredentials own_;
  std::unique_ptr<security::dtls::DtlsProvider> provider_;
  std::unique_ptr<security::Acceptor> acceptor_;
  std::unique_ptr<security::Connector> connector_;
  std::unique_ptr<security::Acceptor> expected_caller_;  ///< of a device that is called
  std::unique_ptr<security::Association> association_;
};

TEST_F(SecureTest, OverAPreSharedKey) {
  put(kPsk);
  connect(psk("d", kBootstrapKey));
  ask_secure("d");
  const KeysWanted wanted = all<KeysWanted>().at(0);
  EXPECT_EQ(wanted.identity.name, "d");
  EXPECT_EQ(wanted.credential, security::CredentialId{1});
  server_->provide(now_, wanted.session, std::vector{psk("d.1", "another key here")});
  settle_secure();
  EXPECT_EQ(device(kName).asked.back(), "POST /bs");
  const SessionView view = last();
  EXPECT_STREQ(to_string(view.state), "finished");
  EXPECT_EQ(view.address, kAddress);
  EXPECT_EQ(view.identity.to_string(), "psk \"d\"");
  EXPECT_EQ(server_->counters().handshakes, 1U);
}

TEST_F(SecureTest, AnotherEndpointIsRefused) {
  put(kPsk);
  connect(psk("d", kBootstrapKey));
  ask_secure("somebody-else");
  EXPECT_EQ(device(kName).answered, std::vector<std::string>{"4.00 the endpoint name isn't that of psk \"d\""});
  ASSERT_EQ(all<Refused>().size(), 1U);
  EXPECT_EQ(all<Refused>()[0].address, kAddress);
  EXPECT_TRUE(server_->sessions({}).sessions.empty());
}

TEST_F(SecureTest, WhoHasTheWrongKeyIsRefused) {
  put(kPsk);
  connect(psk("d", "not its key 1234"));
  ASSERT_EQ(all<Refused>().size(), 1U);
  EXPECT_EQ(all<Refused>()[0].endpoint, "");
}

TEST_F(SecureTest, AnEndpointWithCredentialsNeverComesWithout) {
  Config config;
  config.settings.allow_nosec = true;
  config.credentials = &known_;
  start_server(std::move(config));
  put(kPsk);
  ask("d");
  EXPECT_EQ(device().answered, std::vector<std::string>{"4.03 the endpoint has credentials and came without"});
}

TEST_F(SecureTest, NoServerGetsTheKeyOfTheBootstrap) {
  put(kPsk);
  connect(psk("d", kBootstrapKey));
  ask_secure("d");
  server_->provide(now_, last().id, std::vector{psk("d.1", kBootstrapKey)});
  settle_secure();
  expect_failed("keys: a server would get the key of the bootstrap (Core 5.2.5)");
  EXPECT_TRUE(device(kName).asked.empty() || device(kName).asked.back() == "GET /");
}

TEST_F(SecureTest, APlansOwnKeyIsNotThatOfTheBootstrapEither) {
  put(R"({'name':'p','endpoints':['d'],'servers':[{'id':1,'uri':'coaps://h','security':{'mode':'psk','key':')" +
      to_hex(as_bytes(kBootstrapKey)) + "'}}]}");
  connect(psk("d", kBootstrapKey));
  ask_secure("d");
  expect_failed("keys: a server would get the key of the bootstrap (Core 5.2.5)");
}

TEST_F(SecureTest, NorTheRawPublicKey) {
  put(R"({'name':'p','servers':[{'id':1,'uri':'coaps://h','security':{'mode':'rpk','server_public_key':'aabb'}}]})");
  KeyPair device_key;
  known_.public_keys = {device_key.public_key()};
  connect({device_key.raw(), server_key_.public_key()});
  ask_secure("d");
  // It is called by its fingerprint, which the refusal shows.
  const std::string reason = all<Refused>().at(0).reason;
  const std::size_t quote = reason.find('"');
  ask_secure(reason.substr(quote + 1, reason.size() - quote - 2));
  ASSERT_EQ(all<KeysWanted>().size(), 1U) << reason;
  server_->provide(now_, last().id, std::vector<security::ClientCredential>{{device_key.raw(), {}}});
  settle_secure();
  expect_failed("keys: a server would get the key of the bootstrap (Core 5.2.5)");
}

TEST_F(SecureTest, OverACertificate) {
  put(kPsk);
  const auto certificate = issue({.common_name = "d"}, &root_);
  connect({certificate.credential(), root_.der()});
  ask_secure("d");
  ASSERT_EQ(all<KeysWanted>().size(), 1U);
  EXPECT_EQ(all<KeysWanted>()[0].identity.kind, security::IdentityKind::Certificate);
}

TEST_F(SecureTest, AnAssociationThatEndsTakesItsSessionAlong) {
  put(kPsk);
  connect(psk("d", kBootstrapKey));
  ask_secure("d");
  association_->close(now_);
  settle_secure();
  expect_failed("the association has ended: the peer closed it");
}

TEST_F(SecureTest, ADeviceIsCalled) {
  put(kPsk);
  KnownPeers servers;
  servers.psks["bs"] = "the server's key";
  expected_caller_ = std::move(*provider_->acceptor({}, servers));
  const auto id = server_->start(now_, "d", kAddress, psk("bs", "the server's key"));
  ASSERT_TRUE(id) << id.error().reason;
  settle_secure();
  ASSERT_NE(association_, nullptr);
  EXPECT_EQ(association_->peer().name, "bs");
  EXPECT_STREQ(to_string(last().state), "waiting");
  server_->provide(now_, *id, std::vector{psk("d.1", "another key here")});
  settle_secure();
  EXPECT_EQ(device(kName).asked, (std::vector<std::string>{"GET /", "DELETE /0", "DELETE /1", "PUT /0/1", "PUT /1/0", "POST /bs"}));
  EXPECT_STREQ(to_string(last().state), "finished");
  EXPECT_TRUE(last().server_initiated);
  EXPECT_EQ(association_->state(), security::AssociationState::Closed);
}

TEST_F(SecureTest, KeysMayComeBeforeTheHandshake) {
  put(kPsk);
  KnownPeers servers;
  servers.psks["bs"] = "the server's key";
  expected_caller_ = std::move(*provider_->acceptor({}, servers));
  const auto id = server_->start(now_, "d", kAddress, psk("bs", "the server's key"));
  ASSERT_TRUE(id);
  server_->provide(now_, *id, std::vector{psk("d.1", "another key here")});
  EXPECT_STREQ(to_string(last().state), "waiting");
  settle_secure();
  EXPECT_STREQ(to_string(last().state), "finished");
}

TEST_F(SecureTest, ADeviceThatIsCalledMayNotAnswer) {
  put(kPsk);
  const auto id = server_->start(now_, "d", kAddress, psk("bs", "the server's key"));
  ASSERT_TRUE(id);
  settle_secure();
  server_->provide(now_, *id, std::vector{psk("d.1", "another key here")});
  // Nobody listens: the flights go nowhere.
  for (int steps = 0; steps < 100 && server_->deadline(); ++steps) {
    now_ = std::max(now_, server_->deadline()->at);
    server_->handle_timeout(now_);
    settle_secure();
  }
  const SessionView view = last();
  EXPECT_STREQ(to_string(view.state), "failed");
  EXPECT_TRUE(view.reason.starts_with("the association has ended: handshake: ")) << view.reason;
}

TEST_F(SecureTest, WhatCanNotBeCalledIsSaid) {
  EXPECT_EQ(server_->start(now_, "d", kAddress, psk("bs", "k")).error().reason, "there is no plan for this endpoint");
  put(kPsk);
  EXPECT_EQ(server_->start(now_, "d", kAddress, {}).error().reason, "the credential is missing");
  EXPECT_EQ(server_->start(now_, "d", PeerAddress::association(1), {}).error().reason, "no network address");
  EXPECT_FALSE(server_->start(now_, "d", kAddress, psk("bs", "")));
  EXPECT_EQ(server_->counters().sessions, 0U);
}

}  // namespace
}  // namespace drover::bootstrap::testing
