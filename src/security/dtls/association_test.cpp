// SPDX-License-Identifier: Apache-2.0
#include "security/association.hpp"

#include <gtest/gtest.h>

#include "security/dtls/test_peers.hpp"

namespace drover::security::dtls {
namespace {

using testing::CertificateWish;
using testing::exchange;
using testing::issue;
using testing::Issued;
using testing::KeyPair;
using testing::kTestNow;
using testing::KnownPeers;
using testing::Witness;
using std::chrono::seconds;

const Secret<Bytes> kNoSession;

struct Pair {
  std::unique_ptr<Association> client, server;
  std::vector<Bytes> datagrams;
};

class Dtls : public ::testing::Test {
 protected:
  Dtls() {
    known_.psks["sensor-1"] = "0123456789abcdef";
    parameters_.ticket_secret = Secret<Bytes>(Bytes(32, 7));
    parameters_.watcher = &witness_;
  }
  void TearDown() override { EXPECT_EQ(witness_.reused, 0U) << "a nonce was used twice"; }

  std::unique_ptr<Acceptor> acceptor() {
    DtlsProvider provider(parameters_, rng_);
    provider.set_wall_clock(seconds(kTestNow));
    auto made = provider.acceptor(own_, known_);
    EXPECT_TRUE(made) << made.error().reason;
    return std::move(*made);
  }
  std::unique_ptr<Connector> connector(ClientCredential credential, const std::string& host = "server.example") {
    DtlsProvider provider(parameters_, rng_);
    provider.set_wall_clock(seconds(kTestNow));
    auto made = provider.connector(credential, host);
    EXPECT_TRUE(made) << made.error().reason;
    return std::move(*made);
  }
  static ClientCredential psk(std::string identity = "sensor-1", std::string key = "0123456789abcdef") {
    return {PskCredential{std::move(identity), Secret<Bytes>(to_bytes(key))}, {}};
  }
  /// A whole handshake, as far as it gets.
  Pair handshake(Connector& connector, Acceptor& acceptor, const Secret<Bytes>& session = kNoSession,
                 std::string_view id = "\1\0\0\0\0\0\0\1") {
    Pair pair;
    pair.client = connector.connect(now_, session);
    const auto first = pair.client->poll_datagram();
    EXPECT_TRUE(first);
    const auto hello = parse_client_hello(*first);
    EXPECT_TRUE(hello);
    if (!hello) return pair;
    pair.server = acceptor.accept(now_, *hello, as_bytes(std::string_view(id.data(), 8)));
    pair.datagrams.push_back(*first);
    pair.server->handle_datagram(now_, *first);
    exchange(now_, *pair.client, *pair.server, &pair.datagrams);
    return pair;
  }
  void expect_talk(Association& client, Association& server) {
    ASSERT_EQ(client.state(), AssociationState::Established) << client.reason();
    ASSERT_EQ(server.state(), AssociationState::Established) << server.reason();
    ASSERT_TRUE(client.send(now_, as_bytes("ping")));
    exchange(now_, client, server);
    EXPECT_EQ(server.poll_plaintext(), to_bytes("ping"));
    ASSERT_TRUE(server.send(now_, as_bytes("pong")));
    exchange(now_, client, server);
    EXPECT_EQ(client.poll_plaintext(), to_bytes("pong"));
  }

  SplitMix rng_{1};
  Instant now_{seconds(1000)};
  Witness witness_;
  Parameters parameters_;
  KnownPeers known_;
  ServerCredentials own_;
  std::vector<std::unique_ptr<Acceptor>> kept_;
};

TEST_F(Dtls, PreSharedKey) {
  const auto server = acceptor();
  const auto client = connector(psk());
  Pair pair = handshake(*client, *server);
  expect_talk(*pair.client, *pair.server);
  EXPECT_EQ(pair.server->peer(), (Identity{IdentityKind::Psk, "sensor-1", {}}));
  EXPECT_EQ(pair.server->credential(), CredentialId{1});
  EXPECT_EQ(pair.server->suite(), "TLS_PSK_WITH_AES_128_CCM_8");
  EXPECT_TRUE(pair.server->has_connection_id());
  EXPECT_FALSE(pair.server->is_resumed());
  ASSERT_FALSE(witness_.lines.empty());
  EXPECT_EQ(witness_.lines.front().substr(0, 14), "CLIENT_RANDOM ");
}

TEST_F(Dtls, PreSharedKeyAndIdentityOfTheLongestKind) {  // Core E.1.1.1, RFC 4279 §5.3
  const std::string identity(kPskIdentityMax, 'i'), key(kPskMax, 'k');
  known_.psks[identity] = key;
  const auto server = acceptor();
  const auto client = connector(psk(identity, key));
  Pair pair = handshake(*client, *server);
  expect_talk(*pair.client, *pair.server);
  DtlsProvider provider(parameters_, rng_);
  EXPECT_FALSE(provider.connector(psk(identity + "i", key), "h"));
  EXPECT_FALSE(provider.connector(psk(identity, key + "k"), "h"));
}

TEST_F(Dtls, AWrongPreSharedKeyIsTold) {
  const auto server = acceptor();
  const auto client = connector(psk("sensor-1", "another key 1234"));
  const Pair pair = handshake(*client, *server);
  EXPECT_EQ(pair.server->state(), AssociationState::Closed);
  EXPECT_EQ(pair.server->reason(), "wrong pre-shared key for psk \"sensor-1\"");
  EXPECT_EQ(pair.client->state(), AssociationState::Closed);
  EXPECT_EQ(pair.client->reason(), "the peer refused: bad_record_mac: the keys differ");
}

TEST_F(Dtls, AnUnknownIdentityIsTold) {
  const auto server = acceptor();
  const auto client = connector(psk("stranger"));
  const Pair pair = handshake(*client, *server);
  EXPECT_EQ(pair.server->reason(), "unknown PSK identity: psk \"stranger\"");
  EXPECT_EQ(pair.client->reason(), "the peer refused: unknown_psk_identity");
}

TEST_F(Dtls, RawPublicKeys) {  // RFC 7250
  const KeyPair device, server_key;
  own_.raw_key = server_key.raw();
  known_.public_keys = {device.public_key()};
  const auto server = acceptor();
  const auto client = connector({device.raw(), server_key.public_key()});
  Pair pair = handshake(*client, *server);
  expect_talk(*pair.client, *pair.server);
  EXPECT_EQ(pair.server->peer().kind, IdentityKind::PublicKey);
  EXPECT_EQ(pair.server->peer().name.size(), 64U);
  EXPECT_EQ(pair.server->credential(), CredentialId{2});
  EXPECT_EQ(pair.server->suite(), "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8");
  EXPECT_TRUE(pair.client->session().reveal().size() > 0);
}

TEST_F(Dtls, RawPublicKeysThatNobodyKnowsAreRefused) {
  const KeyPair device, server_key, stranger;
  own_.raw_key = server_key.raw();
  known_.public_keys = {device.public_key()};
  const auto server = acceptor();
  const auto foreign_device = connector({stranger.raw(), server_key.public_key()});
  EXPECT_NE(handshake(*foreign_device, *server).server->reason().find("another public key"), std::string::npos);
  const auto deceived = connector({device.raw(), stranger.public_key()});
  EXPECT_NE(handshake(*deceived, *server).client->reason().find("another public key"), std::string::npos);
}

TEST_F(Dtls, ARawKeyIsTakenInEachFormat) {  // Core E.1.1.2 and Appendix F
  const KeyPair device, server_key;
  own_.raw_key = RawKeyCredential{server_key.public_key(), server_key.sec1()};
  known_.public_keys = {device.public_key()};
  const auto server = acceptor();
  const auto client = connector({RawKeyCredential{device.public_key(), device.sec1()}, server_key.public_key()});
  Pair pair = handshake(*client, *server);
  expect_talk(*pair.client, *pair.server);
}

TEST_F(Dtls, AKeyThatDoesntBelongToItsPublicKeyIsRefused) {
  const KeyPair device, other;
  DtlsProvider provider(parameters_, rng_);
  const auto made = provider.connector({RawKeyCredential{device.public_key(), other.pkcs8()}, device.public_key()}, "h");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, "the private key doesn't belong to the public key");
}

class DtlsX509 : public Dtls {
 protected:
  DtlsX509() {
    own_.certificate = server_.credential();
    own_.trust_anchors = {root_.der()};
  }
  Issued root_ = issue({.common_name = "root", .authority = true});
  Issued server_ = issue({.common_name = "server.example", .alternative_names = "DNS:server.example"}, &root_);
  Issued device_ = issue({.common_name = "sensor-1", .alternative_names = "URI:urn:dev:os:1"}, &root_);
};

TEST_F(DtlsX509, Certificates) {
  const auto server = acceptor();
  const auto client = connector({device_.credential(), root_.der()});
  Pair pair = handshake(*client, *server);
  expect_talk(*pair.client, *pair.server);
  EXPECT_EQ(pair.server->peer().kind, IdentityKind::Certificate);
  EXPECT_EQ(pair.server->peer().names, (std::vector<std::string>{"sensor-1", "urn:dev:os:1"}));
}

TEST_F(DtlsX509, APeerThatHasOnlyARawKeyIsTakenWithIt) {  // RFC 7250 §4.1: GnuTLS lists X.509 first of what it can check
  const KeyPair device, server_key;
  own_.raw_key = server_key.raw();
  known_.public_keys = {device.public_key()};
  const auto server_side = acceptor();
  const auto client_side = connector({device.raw(), server_key.public_key()});
  const auto client = client_side->connect(now_, kNoSession);
  const Bytes first = *client->poll_datagram();
  auto hello = parse_client_hello(first);
  ASSERT_TRUE(hello);
  hello->client_types = {CertificateType::RawPublicKey};
  hello->server_types = {CertificateType::X509, CertificateType::RawPublicKey};
  const auto server = server_side->accept(now_, *hello, {});
  server->handle_datagram(now_, first);
  exchange(now_, *client, *server);
  expect_talk(*client, *server);
  EXPECT_EQ(server->peer().kind, IdentityKind::PublicKey);
}

TEST_F(DtlsX509, AChainOfFourKibibytesPasses) {
  const Issued sub = issue({.common_name = "sub", .authority = true, .ballast = 1500}, &root_);
  const Issued server_below = issue({.common_name = "server.example", .ballast = 1500}, &sub);
  const Issued device_below = issue({.common_name = "sensor-1", .ballast = 1500}, &sub);
  own_.certificate = CertificateCredential{{server_below.der(), sub.der()}, server_below.pair.pkcs8()};
  ASSERT_GE(server_below.der().size() + sub.der().size(), 3600U);
  const auto server = acceptor();
  const auto client =
      connector({CertificateCredential{{device_below.der(), sub.der()}, device_below.pair.pkcs8()}, root_.der()});
  Pair pair = handshake(*client, *server);
  expect_talk(*pair.client, *pair.server);
  for (const Bytes& datagram : pair.datagrams) EXPECT_LE(datagram.size(), parameters_.mtu);
}

TEST_F(DtlsX509, DomainIssuedModeTakesTheVeryCertificate) {  // Transport "X.509 Certificates"
  const Issued lonely = issue({.common_name = "whatever"});
  own_.certificate = lonely.credential();
  const auto server = acceptor();
  const auto client = connector({device_.credential(), lonely.der()});
  Pair pair = handshake(*client, *server);
  expect_talk(*pair.client, *pair.server);
}

TEST_F(DtlsX509, TheHostMustBeNamed) {
  const auto server = acceptor();
  const auto client = connector({device_.credential(), root_.der()}, "other.example");
  const Pair pair = handshake(*client, *server);
  EXPECT_EQ(pair.client->reason(), "the certificate is for another host");
  EXPECT_EQ(pair.server->state(), AssociationState::Closed);
}

TEST_F(DtlsX509, AnIpAddressMustBeNamed) {
  const auto try_host = [&](const CertificateWish& wish, const std::string& host) {
    const Issued issued = issue(wish, &root_);
    own_.certificate = issued.credential();
    const auto server = acceptor();
    const auto client = connector({device_.credential(), root_.der()}, host);
    return handshake(*client, *server).client->reason();
  };
  EXPECT_EQ(try_host({.common_name = "192.0.2.1"}, "192.0.2.1"), "");
  EXPECT_EQ(try_host({.common_name = "x", .alternative_names = "URI:coaps://[2001:db8::2:1]/"}, "2001:db8::2:1"), "");
  EXPECT_EQ(try_host({.common_name = "x", .alternative_names = "IP:192.0.2.1"}, "192.0.2.1"), "");
  EXPECT_EQ(try_host({.common_name = "192.0.2.2"}, "192.0.2.1"), "the certificate is for another host");
  EXPECT_EQ(try_host({.common_name = "server.example"}, "192.0.2.1"), "the certificate is for another host");
}

TEST_F(DtlsX509, CertificatesThatArentValidAreRefusedWithTheirReason) {
  const Issued stranger_root = issue({.common_name = "root", .authority = true});
  const struct {
    Issued device;
    std::string reason;
  } cases[] = {
      {issue({.common_name = "sensor-1"}, &stranger_root), "the peer's certificate leads to no trust anchor"},
      {issue({.common_name = "sensor-1"}), "the peer's certificate leads to no trust anchor"},
      {issue({.common_name = "sensor-1", .not_after = kTestNow - 1}, &root_), "the peer's certificate has expired"},
      {issue({.common_name = "sensor-1", .not_before = kTestNow + 5000}, &root_),
       "the peer's certificate isn't valid yet"},
  };
  const auto server = acceptor();
  for (const auto& one : cases) {
    const auto client = connector({one.device.credential(), root_.der()});
    const Pair pair = handshake(*client, *server);
    EXPECT_EQ(pair.server->reason(), one.reason);
    EXPECT_EQ(pair.server->state(), AssociationState::Closed);
    EXPECT_EQ(pair.client->state(), AssociationState::Closed);
  }
}

TEST_F(DtlsX509, OnlyListedCertificates) {
  known_.any_certificate = false;
  const auto server = acceptor();
  const auto client = connector({device_.credential(), root_.der()});
  EXPECT_NE(handshake(*client, *server).server->reason().find("isn't wanted here"), std::string::npos);
}

TEST_F(DtlsX509, OnePortTakesAllThreeKinds) {
  const KeyPair device, server_key;
  own_.raw_key = server_key.raw();
  known_.public_keys = {device.public_key()};
  const auto server = acceptor();
  const ClientCredential kinds[] = {psk(), {device.raw(), server_key.public_key()}, {device_.credential(), root_.der()}};
  for (const ClientCredential& kind : kinds) {
    const auto client = connector(kind);
    Pair pair = handshake(*client, *server);
    expect_talk(*pair.client, *pair.server);
  }
}

TEST_F(DtlsX509, ARawKeyWhereACertificateIsExpectedIsRefused) {
  const KeyPair device;
  known_.public_keys = {device.public_key()};
  const auto server = acceptor();
  const auto client = connector({device.raw(), server_.pair.public_key()});
  const Pair pair = handshake(*client, *server);
  EXPECT_EQ(pair.client->state(), AssociationState::Closed);
  EXPECT_NE(pair.server->state(), AssociationState::Established);
}

// ---- resumption -----------------------------------------------------------------------------------------------------

TEST_F(DtlsX509, ASessionIsResumedByItsTicketOrId) {
  for (const bool tickets : {true, false}) {
    if (!tickets) parameters_.ticket_secret = {};
    const auto server = acceptor();
    const auto client = connector({device_.credential(), root_.der()});
    Pair first = handshake(*client, *server);
    expect_talk(*first.client, *first.server);
    const Secret<Bytes> session = first.client->session();
    ASSERT_FALSE(session.empty());
    Pair second = handshake(*client, *server, session);
    expect_talk(*second.client, *second.server);
    EXPECT_TRUE(second.client->is_resumed());
    EXPECT_TRUE(second.server->is_resumed());
    EXPECT_EQ(second.server->peer(), first.server->peer()) << "a resumption proves what the handshake proved";
    EXPECT_EQ(second.client->peer(), first.client->peer());
    EXPECT_LT(second.datagrams.size(), first.datagrams.size());
  }
}

TEST_F(DtlsX509, AnotherCertificateOfOursCountsForHandshakesFromThenOn) {
  const auto server = acceptor();
  const auto client = connector({device_.credential(), root_.der()});
  Pair before = handshake(*client, *server);
  const Secret<Bytes> session = before.client->session();

  const KeyPair other;
  ServerCredentials wrong = own_;
  wrong.certificate->private_key = other.pkcs8();
  EXPECT_FALSE(server->renew(wrong)) << "a key that isn't the certificate's";
  ServerCredentials fresh = own_;
  const Issued second = issue({.common_name = "server.example", .alternative_names = "DNS:server.example"}, &root_);
  fresh.certificate = second.credential();
  ASSERT_TRUE(server->renew(fresh));

  expect_talk(*before.client, *before.server);
  const auto pinned = connector({device_.credential(), second.der()});
  Pair after = handshake(*pinned, *server);
  expect_talk(*after.client, *after.server);
  Pair resumed = handshake(*client, *server, session);
  expect_talk(*resumed.client, *resumed.server);
  EXPECT_TRUE(resumed.server->is_resumed()) << "by its ticket: the anchors are the same";
}

TEST_F(DtlsX509, OtherTrustAnchorsEndTicketsAndTakeOtherCertificates) {
  const auto server = acceptor();
  const auto client = connector({device_.credential(), root_.der()});
  Pair before = handshake(*client, *server);
  const Issued other_root = issue({.common_name = "other root", .authority = true});
  ServerCredentials fresh = own_;
  fresh.trust_anchors = {other_root.der()};
  ASSERT_TRUE(server->renew(fresh));

  expect_talk(*before.client, *before.server);
  const Pair again = handshake(*client, *server, before.client->session());
  EXPECT_NE(again.server->state(), AssociationState::Established) << "nobody verified it under these anchors";
  const Issued device = issue({.common_name = "sensor-2"}, &other_root);
  const auto other = connector({device.credential(), root_.der()});
  Pair taken = handshake(*other, *server);
  expect_talk(*taken.client, *taken.server);
}

TEST_F(Dtls, ATicketOutlivesItsServer) {
  const auto client = connector(psk());
  Secret<Bytes> session;
  {
    const auto server = acceptor();
    Pair pair = handshake(*client, *server);
    session = pair.client->session();
  }
  now_ += std::chrono::hours(20);
  const auto server = acceptor();
  Pair pair = handshake(*client, *server, session);
  expect_talk(*pair.client, *pair.server);
  EXPECT_TRUE(pair.server->is_resumed());
  now_ += std::chrono::hours(48);
  Pair late = handshake(*client, *server, session);
  expect_talk(*late.client, *late.server);
  EXPECT_FALSE(late.server->is_resumed());
}

TEST_F(Dtls, ARemovedCredentialResumesNothing) {
  const auto server = acceptor();
  const auto client = connector(psk());
  Pair first = handshake(*client, *server);
  known_.removed.insert(1);
  Pair second = handshake(*client, *server, first.client->session());
  expect_talk(*second.client, *second.server);
  EXPECT_FALSE(second.server->is_resumed()) << "it went through a full handshake, which asks for the key again";
}

// ---- records --------------------------------------------------------------------------------------------------------

TEST_F(Dtls, ReplayedAndChangedRecordsAreIgnored) {
  const auto server = acceptor();
  const auto client = connector(psk());
  Pair pair = handshake(*client, *server);
  ASSERT_TRUE(pair.client->send(now_, as_bytes("one")));
  const Bytes one = *pair.client->poll_datagram();
  ASSERT_TRUE(pair.client->send(now_, as_bytes("two")));
  const Bytes two = *pair.client->poll_datagram();
  EXPECT_EQ(pair.server->handle_datagram(now_, two), Arrival::Newest);
  EXPECT_EQ(pair.server->handle_datagram(now_, one), Arrival::Accepted) << "late, but authentic";
  EXPECT_EQ(pair.server->poll_plaintext(), to_bytes("two"));
  EXPECT_EQ(pair.server->poll_plaintext(), to_bytes("one"));
  EXPECT_EQ(pair.server->handle_datagram(now_, one), Arrival::Ignored);
  EXPECT_EQ(pair.server->handle_datagram(now_, two), Arrival::Ignored);
  ASSERT_TRUE(pair.client->send(now_, as_bytes("three")));
  const Bytes three = *pair.client->poll_datagram();
  for (std::size_t at = 0; at < three.size(); ++at) {
    Bytes changed = three;
    changed[at] ^= 0x20;
    EXPECT_EQ(pair.server->handle_datagram(now_, changed), Arrival::Ignored) << at;
    EXPECT_EQ(pair.server->handle_datagram(now_, ByteView(three).first(at)), Arrival::Ignored) << at;
  }
  EXPECT_FALSE(pair.server->poll_plaintext());
  EXPECT_FALSE(pair.server->poll_datagram()) << "silence towards garbage";
  EXPECT_EQ(pair.server->handle_datagram(now_, three), Arrival::Newest);
  EXPECT_EQ(pair.server->poll_plaintext(), to_bytes("three"));
}

TEST_F(Dtls, LostFlightsAreRepeatedByTheTimersOfRfc7925) {
  const auto server = acceptor();
  const auto client_side = connector(psk());
  auto client = client_side->connect(now_, kNoSession);
  const auto first = client->poll_datagram();
  ASSERT_TRUE(first);
  ASSERT_TRUE(client->deadline());
  EXPECT_EQ(client->deadline()->at - now_, seconds(9));
  EXPECT_EQ(client->deadline()->reason, Reason::DtlsFlight);
  now_ = client->deadline()->at;
  client->handle_timeout(now_);
  EXPECT_TRUE(client->poll_datagram());
  EXPECT_EQ(client->deadline()->at - now_, seconds(18));
  for (int i = 0; i < 10 && client->deadline(); ++i) {
    now_ = client->deadline()->at;
    client->handle_timeout(now_);
    client->poll_datagram();
  }
  EXPECT_EQ(client->state(), AssociationState::Closed);
  EXPECT_LE(now_ - Instant{seconds(1000)}, seconds(121));
}

TEST_F(Dtls, HandshakesSurviveLossDuplicationAndReordering) {
  parameters_.retransmit_first = seconds(1);
  parameters_.handshake_max = seconds(600);
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SplitMix dice(seed);
    const auto server_side = acceptor();
    const auto client_side = connector(psk());
    auto client = client_side->connect(now_, kNoSession);
    const Bytes first = *client->poll_datagram();
    const auto hello = parse_client_hello(first);
    ASSERT_TRUE(hello);
    auto server = server_side->accept(now_, *hello, {});
    server->handle_datagram(now_, first);
    std::vector<std::pair<bool, Bytes>> flying;
    const auto launch = [&](Association& from, bool to_server) {
      while (auto datagram = from.poll_datagram()) {
        if (dice.below(100) < 20) continue;
        if (dice.below(100) < 20) flying.emplace_back(to_server, *datagram);
        flying.emplace_back(to_server, std::move(*datagram));
      }
    };
    for (int step = 0; step < 2000; ++step) {
      launch(*client, true);
      launch(*server, false);
      if (client->state() == AssociationState::Established && server->state() == AssociationState::Established) break;
      if (!flying.empty()) {
        const std::size_t which = dice.below(static_cast<std::uint32_t>(flying.size()));
        const auto [to_server, datagram] = flying[which];
        flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(which));
        (to_server ? *server : *client).handle_datagram(now_, datagram);
        continue;
      }
      const auto one = client->deadline(), other = server->deadline();
      ASSERT_TRUE(one || other);
      now_ = !other || (one && one->at < other->at) ? one->at : other->at;
      client->handle_timeout(now_);
      server->handle_timeout(now_);
    }
    EXPECT_EQ(client->state(), AssociationState::Established) << seed << " " << client->reason();
    EXPECT_EQ(server->state(), AssociationState::Established) << seed << " " << server->reason();
  }
}

TEST_F(Dtls, CloseNotifyEndsBoth) {
  const auto server = acceptor();
  const auto client = connector(psk());
  Pair pair = handshake(*client, *server);
  pair.client->close(now_);
  exchange(now_, *pair.client, *pair.server);
  EXPECT_EQ(pair.server->state(), AssociationState::Closed);
  EXPECT_EQ(pair.server->reason(), "the peer closed it");
  EXPECT_FALSE(pair.server->send(now_, as_bytes("late")));
}

TEST_F(Dtls, AMessageThatFitsNoRecordIsRefused) {
  const auto server = acceptor();
  const auto client = connector(psk());
  Pair pair = handshake(*client, *server);
  EXPECT_FALSE(pair.client->send(now_, Bytes(5000)));
  expect_talk(*pair.client, *pair.server);
}

// ---- released and restored ------------------------------------------------------------------------------------------

TEST_F(Dtls, AnAssociationIsReleasedAndGoesOn) {
  const auto server = acceptor();
  const auto client = connector(psk());
  Pair pair = handshake(*client, *server);
  EXPECT_FALSE(pair.server->is_releasable()) << "the client may not have the last flight";
  for (int i = 0; i < 5; ++i) {
    expect_talk(*pair.client, *pair.server);
    ASSERT_TRUE(pair.server->is_releasable());
    const auto released = pair.server->release();
    ASSERT_TRUE(released) << released.error().reason;
    EXPECT_LE(released->reveal().size(), 270U);
    EXPECT_EQ(pair.server->state(), AssociationState::Closed);
    EXPECT_FALSE(pair.server->send(now_, as_bytes("x"))) << "moved, not copied";
    auto restored = (i % 2 == 0 ? acceptor() : std::unique_ptr<Acceptor>());
    Acceptor& where = restored ? *(kept_.emplace_back(std::move(restored))) : *server;
    auto again = where.restore(now_, released->reveal());
    ASSERT_TRUE(again) << again.error().reason;
    EXPECT_EQ((*again)->peer().name, "sensor-1");
    EXPECT_EQ((*again)->credential(), CredentialId{1});
    EXPECT_TRUE((*again)->has_connection_id());
    pair.server = std::move(*again);
  }
}

TEST_F(Dtls, AClientIsReleasedAndGoesOn) {
  const auto server = acceptor();
  const auto client = connector(psk());
  Pair pair = handshake(*client, *server);
  expect_talk(*pair.client, *pair.server);
  const auto released = pair.client->release();
  ASSERT_TRUE(released) << released.error().reason;
  const auto later = connector(psk());
  auto restored = later->restore(now_, *released);
  ASSERT_TRUE(restored) << restored.error().reason;
  expect_talk(**restored, *pair.server);
}

TEST_F(Dtls, TheWitnessSeesWhatAStaleCopyWouldDo) {  // what the world test relies on
  const auto server = acceptor();
  const auto client = connector(psk());
  Pair pair = handshake(*client, *server);
  expect_talk(*pair.client, *pair.server);
  const Secret<Bytes> released = *pair.server->release();
  for (const char* text : {"one", "another"}) {
    auto copy = server->restore(now_, released.reveal());
    ASSERT_TRUE(copy);
    ASSERT_TRUE((*copy)->send(now_, as_bytes(text)));
  }
  EXPECT_EQ(witness_.reused, 1U);
  witness_.reused = 0;
}

TEST_F(Dtls, WhatIsntAReleasedAssociationIsRefused) {
  const auto server = acceptor();
  const auto client = connector(psk());
  Pair pair = handshake(*client, *server);
  expect_talk(*pair.client, *pair.server);
  const Secret<Bytes> released = *pair.server->release();
  for (std::size_t size = 0; size < released.reveal().size(); ++size) {
    Bytes cut(released.reveal().begin(), released.reveal().begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(server->restore(now_, cut)) << size;
  }
  EXPECT_EQ(server->inspect(released.reveal())->identity.name, "sensor-1");
  EXPECT_TRUE(server->restore(now_, released.reveal()));
}

TEST(DtlsLibrary, IsOfTheRightSeries) {
  EXPECT_TRUE(check_library());
  EXPECT_EQ(library_version().substr(0, 13), "Mbed TLS 3.6.");
}

}  // namespace
}  // namespace drover::security::dtls
