// SPDX-License-Identifier: Apache-2.0
// Transport §"DTLS-based Security", the client's side: registrations over associations, and what of both survives what.
#include "tests/lockstep/secure_peer.hpp"

namespace drover::testing {
namespace {

using client::RegistrationState;
using client::SecurityObject;
using security::testing::CertificateWish;
using security::testing::issue;
using security::testing::Issued;
using security::testing::KeyPair;

TEST(TransportPreSharedKeys, TheRegistrationGoesOverTheAssociation) {
  Secured link;
  link.be_registered();
  EXPECT_EQ(link.server.newest().peer().name, "example-client");
  EXPECT_EQ(link.server.newest().suite(), "TLS_PSK_WITH_AES_128_CCM_8");
  EXPECT_EQ(link.client().accounts()[0].uri, "coaps://192.0.2.1:5684");
  link.in("CON 0001 GET t=01 /3/0/0");
  link.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
  link.pass(seconds(86400 - 93));
  link.out("CON ? POST t=? /rd/5a3f");
  link.in("ACK $m 2.04 t=$t");
  link.client().stop(link.now());
  link.out("CON ? DELETE t=? /rd/5a3f");
  link.in("ACK $m 2.02 t=$t");
  EXPECT_TRUE(link.client().is_off());
  EXPECT_EQ(link.server.newest().reason(), "the peer closed it");
  EXPECT_EQ(link.server.handshakes, 1U);
  for (const Bytes& datagram : link.datagrams) {
    const std::string text(as_text(datagram));
    EXPECT_EQ(text.find("example-client</"), std::string::npos) << "nothing goes unprotected";
    EXPECT_TRUE(security::parse_record(datagram, 8));
  }
}

TEST(TransportPreSharedKeys, AWrongKeyIsTheReasonAndTheWaitGrows) {
  Secured link({.values = psk_values("example-client", "another")});
  link.client().start(link.now());
  link.run();
  EXPECT_EQ(link.failure(), "handshake: the peer refused: bad_record_mac: the keys differ");
  EXPECT_EQ(link.state(), RegistrationState::Waiting);
  EXPECT_EQ(link.server.handshakes, 1U);
  EXPECT_EQ(link.server.newest().reason(), "wrong pre-shared key for psk \"example-client\"");
  link.pass(seconds(5));
  EXPECT_EQ(link.server.handshakes, 2U) << "again after retry_first";
  link.pass(seconds(2));
  EXPECT_EQ(link.server.handshakes, 2U) << "5 to 10 s from then on";
  link.pass(seconds(8));
  EXPECT_EQ(link.server.handshakes, 3U);
  link.device().set("/0/0/5", lwm2m::Opaque{to_bytes("0123456789abcdef")});
  link.out(Secured::kRegister);
}

TEST(TransportPreSharedKeys, ASilentServerIsAReasonToo) {
  Secured link;
  link.server.silent = true;
  link.client().start(link.now());
  link.pass(seconds(119));
  EXPECT_EQ(link.failure(), "");
  EXPECT_EQ(link.datagrams.size(), 4U) << "9, 18, 36 s apart (RFC 7925 §11)";
  link.pass(seconds(2));
  EXPECT_EQ(link.failure(), "handshake: the handshake took too long");
}

TEST(TransportRawPublicKeys, BothSidesProveTheirs) {
  const KeyPair device, server;
  client::SecurityValues values;
  values.mode = SecurityObject::kRawPublicKey;
  values.identity = device.public_key();
  values.key = device.sec1();
  values.server_key = server.public_key();
  Secured link({.values = values});
  link.server.own.raw_key = server.raw();
  link.server.known.public_keys = {device.public_key()};
  link.be_registered();
  EXPECT_EQ(link.server.newest().suite(), "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8");
  const KeyPair stranger;
  link.device().set("/0/0/4", lwm2m::Opaque{stranger.public_key()});
  link.run();
  EXPECT_NE(link.failure().find("another public key"), std::string::npos);
}

TEST(TransportX509, AChainAndATrustAnchor) {
  const Issued root = issue({.common_name = "root", .authority = true});
  const Issued sub = issue({.common_name = "sub", .authority = true}, &root);
  const Issued device = issue({.common_name = "example-client"}, &sub);
  const Issued server = issue({.common_name = "192.0.2.1", .alternative_names = "IP:192.0.2.1"}, &root);
  client::SecurityValues values;
  values.mode = SecurityObject::kCertificate;
  values.identity = device.der();
  const Bytes above = sub.der();
  values.identity.insert(values.identity.end(), above.begin(), above.end());
  values.key = device.pair.pkcs8();
  values.server_key = root.der();
  Secured link({.values = values});
  link.server.own.certificate = server.credential();
  link.server.own.trust_anchors = {root.der()};
  link.be_registered();
  EXPECT_EQ(link.server.newest().peer().names.at(0), "example-client");
  // Domain-issued mode: the server's own certificate.
  link.device().set("/0/0/4", lwm2m::Opaque{server.der()});
  link.out("CON ? POST t=? /rd/5a3f");
  link.in("ACK $m 2.04 t=$t");
  EXPECT_EQ(link.state(), RegistrationState::Registered);
}

TEST(TransportSecurityModes, WhatDoesntFitIsRefusedWithAReason) {
  const auto reason = [](const std::string& uri, const client::SecurityValues& values, bool with_provider = true) {
    SplitMix rng(1);
    security::dtls::DtlsProvider provider({}, rng);
    client::ClientSettings settings = plain_settings();
    if (with_provider) settings.security = &provider;
    client::Client client(settings, rng);
    client.define(*shipped().find(0));
    client.define(*shipped().find(1));
    const auto added = client.add_account({}, 1, uri, 300, values);
    return added ? std::string("taken") : added.error().reason;
  };
  client::SecurityValues values = psk_values();
  EXPECT_EQ(reason("coaps://192.0.2.1", values), "taken");
  EXPECT_NE(reason("coaps://192.0.2.1", values, false).find("this build has no DTLS"), std::string::npos);
  EXPECT_NE(reason("coap://192.0.2.1", values).find("use coaps://"), std::string::npos);
  EXPECT_NE(reason("coaps://192.0.2.1", {}).find("coaps needs keys"), std::string::npos);
  EXPECT_NE(reason("coaps://192.0.2.1", psk_values("")).find("resource 3"), std::string::npos);
  EXPECT_NE(reason("coaps://192.0.2.1", psk_values("x", "")).find("resource 5"), std::string::npos);
  values.mode = SecurityObject::kCertificate;
  EXPECT_NE(reason("coaps://192.0.2.1", values).find("resource 4"), std::string::npos);
  values.server_key = to_bytes("x");
  EXPECT_EQ(reason("coaps://192.0.2.1", values), "the certificate isn't DER");
  values.mode = 4;
  EXPECT_EQ(reason("coaps://192.0.2.1", values), "the security mode isn't 0 to 3");
  const std::string secret(65, 's');
  EXPECT_EQ(reason("coaps://192.0.2.1", psk_values("x", secret)).find("sss"), std::string::npos);
}

// ---- what survives --------------------------------------------------------------------------------------------------

TEST(CoreSection5_2_5, AChangedCredentialClosesTheAssociation) {
  Secured link;
  link.server.known.psks["example-client"] = "0123456789abcdef";
  link.be_registered();
  const security::Association& first = link.server.newest();
  link.server.known.psks["example-client"] = "fedcba9876543210";
  link.device().set("/0/0/5", lwm2m::Opaque{to_bytes("fedcba9876543210")});
  link.out("CON ? POST t=? /rd/5a3f");
  link.in("ACK $m 2.04 t=$t");
  EXPECT_EQ(link.server.handshakes, 2U);
  EXPECT_FALSE(link.server.newest().is_resumed());
  EXPECT_EQ(first.state(), security::AssociationState::Closed);
  EXPECT_EQ(first.reason(), "the peer closed it");
  EXPECT_TRUE(link.client().tree().remove({link.now(), std::nullopt}, 0, 0));
  link.client().settle(link.now());
  link.out("CON ? DELETE t=? /rd/5a3f");
  link.in("ACK $m 2.02 t=$t");
  EXPECT_EQ(link.server.newest().reason(), "the peer closed it") << "an account that is gone says goodbye";
}

TEST(TransportResumption, AClosedAssociationIsResumedAndTheRegistrationStands) {
  Secured link;
  link.be_registered();
  link.in("CON 0001 GET t=07 obs=0 /3/0/0");
  link.out("ACK 0001 2.05 t=07 obs=? ct=0 'Open Mobile Alliance'");
  link.server.close(link.now());
  link.run();
  EXPECT_EQ(link.failure(), "the peer closed it");
  link.pass(seconds(5));
  EXPECT_EQ(link.server.handshakes, 2U);
  EXPECT_TRUE(link.server.newest().is_resumed());
  link.out("CON ? POST t=? /rd/5a3f");
  link.in("ACK $m 2.04 t=$t");
  link.device().set("/3/0/0", std::string("Other"));
  link.out("NON ? 2.05 t=07 obs=? ct=0 'Other'");
}

TEST(TransportResumption, AServerThatForgotTheSessionGetsAFullHandshake) {
  Secured link({.tickets = false});
  link.be_registered();
  link.server.restart();
  link.client().update(link.now());
  link.run();
  EXPECT_TRUE(link.server.messages.empty());
  link.await(seconds(93));
  EXPECT_EQ(link.failure(), "Update: timeout");
  ASSERT_TRUE(link.server.has_peers());
  EXPECT_FALSE(link.server.newest().is_resumed());
  link.out("CON ? POST t=? /rd/5a3f");
  link.in("ACK $m 4.04 t=$t");
  link.out(Secured::kRegister);
}

TEST(TransportResumption, ALifetimeThatEndsMeanwhileMeansARegister) {
  Secured link({.lifetime = 600});
  link.be_registered();
  link.server.silent = true;
  link.pass(seconds(900));
  link.server.silent = false;
  link.await(seconds(800));
  link.out(Secured::kRegister);
}

TEST(RFC9146, ANewAddressNeedsNoHandshake) {
  Secured link;
  link.be_registered();
  link.address = transport::PeerAddress::v4(0xC6336402, 41000);
  link.client().address_changed(link.now());
  link.out("CON ? POST t=? /rd/5a3f");
  link.in("ACK $m 2.04 t=$t");
  EXPECT_EQ(link.server.handshakes, 1U);
  link.in("CON 0001 GET t=01 /3/0/0");
  link.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
}

TEST(TransportResumption, ANewAddressWithoutConnectionIdIsResumed) {
  Secured link({.connection_id = false});
  link.be_registered();
  link.address = transport::PeerAddress::v4(0xC6336402, 41000);
  link.client().address_changed(link.now());
  link.out("CON ? POST t=? /rd/5a3f");
  EXPECT_EQ(link.server.handshakes, 2U);
  EXPECT_TRUE(link.server.newest().is_resumed());
}

TEST(TransportResumption, ANatThatForgetsIsFoundOutByTheUpdate) {
  Secured link({.connection_id = false});
  link.be_registered();
  link.address = transport::PeerAddress::v4(0xC6336402, 41000);
  link.client().update(link.now());
  link.await(seconds(93));
  EXPECT_EQ(link.failure(), "Update: timeout");
  link.out("CON ? POST t=? /rd/5a3f");
  EXPECT_TRUE(link.server.newest().is_resumed());
}

TEST(DtlsClient, HandshakesSurviveLoss) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Secured link;
    SplitMix dice(seed);
    const auto arrives = [&](const Bytes&) { return dice.below(100) >= 20; };
    link.client().start(link.now());
    for (int step = 0; step < 200 && link.server.messages.empty(); ++step) {
      link.run(arrives);
      link.device().now = std::max(link.now(), link.client().deadline()->at);
      link.client().handle_timeout(link.now());
    }
    link.out(Secured::kRegister);
  }
}

TEST(DtlsClient, AFatalAlertOfAStrangerChangesNothing) {
  Secured link;
  link.be_registered();
  link.device().in(Bytes{21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40}, link.server_at);
  link.device().in(Bytes{21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0}, link.server_at);
  link.device().in("CON 0001 GET t=01 /3/0/0", link.server_at);
  link.quiet();
  EXPECT_EQ(link.state(), RegistrationState::Registered);
  link.in("CON 0001 GET t=01 /3/0/0");
  link.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
}

// ---- over restarts --------------------------------------------------------------------------------------------------

TEST(DtlsRestart, AnOrderlyOneNeedsNoHandshake) {
  Secured link;
  link.be_registered();
  link.in("CON 0001 GET t=07 obs=0 /3/0/0");
  link.out("ACK 0001 2.05 t=07 obs=? ct=0 'Open Mobile Alliance'");
  for (int i = 0; i < 3; ++i) {
    link.restart(false);
    link.out("CON ? POST t=? /rd/5a3f");
    link.in("ACK $m 2.04 t=$t");
    link.out("NON ? 2.05 t=07 obs=? ct=0 ?");
    link.quiet();
  }
  EXPECT_EQ(link.server.handshakes, 1U);
  const auto record = security::parse_record(link.datagrams.back(), 8);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->connection_id.size(), 8U) << "it goes on with its Connection ID";
}

TEST(DtlsRestart, AfterAKillTheSessionIsResumed) {
  Secured link;
  link.be_registered();
  link.restart(true);
  link.out("CON ? POST t=? /rd/5a3f");
  EXPECT_EQ(link.server.handshakes, 2U);
  EXPECT_TRUE(link.server.newest().is_resumed());
}

TEST(DtlsRestart, AServerThatLostItMeanwhileIsFoundByAHandshake) {
  Secured link;
  link.be_registered();
  link.restart(false, [&] { link.server.restart(); });
  link.await(seconds(94));
  link.out("CON ? POST t=? /rd/5a3f");
  EXPECT_EQ(link.server.handshakes, 2U);
}

// ---- the server begins ----------------------------------------------------------------------------------------------

TEST(TransportDtlsRoles, AServerMayBeginTheHandshake) {
  Secured link({.accept_handshakes = true});
  link.be_registered();
  Calling server(link);
  server.run();
  ASSERT_EQ(server.association->state(), security::AssociationState::Established) << server.association->reason();
  server.in("CON 0001 GET t=01 /3/0/0");
  EXPECT_EQ(server.out(), "ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
}

TEST(TransportDtlsRoles, OnlyTheKeysOfAnAccountOpenTheDevice) {
  Secured link({.accept_handshakes = true});
  link.be_registered();
  for (const auto& values : {psk_values("stranger"), psk_values("example-client", "another")}) {
    Calling stranger(link, values);
    stranger.address = transport::PeerAddress::v4(0xC0000209, 5684);
    stranger.run();
    EXPECT_EQ(stranger.association->state(), security::AssociationState::Closed);
  }
  link.in("CON 0001 GET t=01 /3/0/0");
  link.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
  Secured deaf;
  deaf.be_registered();
  Calling unheard(deaf);
  unheard.run();
  EXPECT_EQ(unheard.sent, 1U) << "silence, where it isn't wanted";
}

TEST(TransportDtlsRoles, AHelloWithoutCookieIsAnsweredByLessAndLeavesNothing) {
  Secured link({.accept_handshakes = true});
  Calling server(link);
  const Bytes hello = *server.association->poll_datagram();
  for (std::uint32_t last = 1; last < 200; ++last) {
    link.device().in(hello, transport::PeerAddress::v4(0xC6336400 + last, 5684));
    const auto answer = link.client().poll_transmit();
    ASSERT_TRUE(answer);
    EXPECT_LT(answer->bytes.size(), hello.size());
    EXPECT_FALSE(link.client().poll_transmit());
  }
  EXPECT_FALSE(link.client().deadline()) << "no state, no timer";
}

}  // namespace
}  // namespace drover::testing
