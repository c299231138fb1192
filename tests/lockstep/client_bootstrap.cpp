// SPDX-License-Identifier: Apache-2.0
// The Bootstrap interface at the client (Core §5.2, Transport Figures 2 and 3), and what happens when it goes wrong.
#include "tests/lockstep/secure_peer.hpp"

namespace drover::testing {
namespace {

using client::BootstrapReport;
using client::BootstrapState;
using client::RegistrationState;

const transport::PeerAddress kBootstrap = server_address(9);

constexpr const char* kRequest = "CON ? POST t=? /bs ?ep=example-client";
constexpr const char* kSecurity101 =
    R"( PUT t=02 /0/1 ct=11543 '{"bn":"/0/1/","e":[{"n":"0","sv":"coap://192.0.2.1"},{"n":"1","bv":false},{"n":"2","v":3},{"n":"10","v":101}]}')";
constexpr const char* kServer101 =
    R"( PUT t=03 /1/0 ct=11543 '{"bn":"/1/0/","e":[{"n":"0","v":101},{"n":"1","v":300},{"n":"6","bv":true},{"n":"7","sv":"U"}]}')";

/// Knows its Bootstrap-Server, 192.0.2.9, alone.
struct Fresh : Device {
  explicit Fresh(const client::ClientSettings& settings = plain_settings(), std::uint32_t hold_off = 0,
                 std::uint32_t timeout = 0)
      : Device(settings, "") {
    EXPECT_TRUE(client.add_bootstrap_account(now, "coap://192.0.2.9", {}, hold_off, timeout));
    client.settle(now);
  }
  void command(const std::string& line) { in("CON " + next_id() + line, kBootstrap); }
  void answer(const std::string& line) { out("ACK " + last_id() + " " + line, kBootstrap); }
  void request() {
    out(kRequest, kBootstrap);
    in("ACK $m 2.04 t=$t", kBootstrap);
    quiet();
  }
  void configure() {
    command(kSecurity101);
    answer("2.04 t=02");
    command(kServer101);
    answer("2.04 t=03");
  }
  void finish() {
    command(" POST t=04 /bs");
    answer("2.04 t=04");
  }
  void be_bootstrapped() {
    client.start(now);
    request();
    configure();
    finish();
    out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=300 ? ?");
    in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
    quiet();
  }
  /// What the device sends next comes within the hour, and looks so.
  void await(const std::string& line, const transport::PeerAddress& to) {
    const Instant before = now;
    std::optional<transport::Transmit> sent;
    while (!(sent = client.poll_transmit()) && now < before + seconds(3600)) pass(seconds(1));
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->to, to);
    expect(line, sent->bytes);
  }
  BootstrapState state() { return client.bootstrap_account()->state; }
  std::optional<BootstrapReport> report(BootstrapReport::Kind kind) {
    while (auto changed = event<client::BootstrapChanged>()) {
      if (changed->report.kind == kind) return changed->report;
    }
    return std::nullopt;
  }
  std::string next_id() {
    ++id_;
    return last_id();
  }
  [[nodiscard]] std::string last_id() const {
    const std::uint8_t bytes[] = {static_cast<std::uint8_t>(id_ >> 8), static_cast<std::uint8_t>(id_)};
    return to_hex(bytes);
  }

 private:
  unsigned id_ = 0x100;
};

// ---- as drawn -------------------------------------------------------------------------------------------------------

TEST(TransportFigure2, ClientInitiatedBootstrap) {
  Fresh device;
  device.client.start(device.now);
  device.out(kRequest, kBootstrap);
  // "4402" or so: CON, a token, POST; Uri-Path "bs", Uri-Query "ep=example-client".
  EXPECT_NE(to_hex(device.last_sent).find("b26273" "4d04" + to_hex(to_bytes("ep=example-client"))), std::string::npos);
  device.in("ACK $m 2.04 t=$t", kBootstrap);
  device.quiet();
  EXPECT_EQ(device.state(), BootstrapState::Open);
  device.command(" DELETE t=01");
  device.answer("2.02 t=01");
  device.configure();
  device.finish();
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=300 ?lwm2m=1.0 '</1/0>,</3/0>'");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.quiet();
  EXPECT_TRUE(device.report(BootstrapReport::Kind::Finished));
  ASSERT_EQ(device.client.accounts().size(), 1U);
  EXPECT_EQ(device.client.accounts()[0].server, 101);
  EXPECT_EQ(device.client.accounts()[0].state, RegistrationState::Registered);
}

TEST(CoreSection5_2_3_3, TheServersCommandsMayOvertakeItsAnswer) {
  Fresh device;
  device.client.start(device.now);
  device.out(kRequest, kBootstrap);
  device.configure();
  device.in("ACK $m 2.04 t=$t", kBootstrap);
  device.finish();
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
}

TEST(CoreSection5_2_7_3, DiscoverListsSecurityAndServerInstancesWithTheirIds) {
  Fresh device;
  device.client.define(*shipped().find(5));
  device.client.start(device.now);
  device.request();
  device.configure();
  device.command(" GET t=05 /0 accept=40");
  device.answer("2.05 t=05 ct=40 'lwm2m=\"1.0\",</0/0>,</0/1>;ssid=101'");
  device.command(" GET t=05 accept=40");
  device.answer("2.05 t=05 ct=40 ?");
  EXPECT_TRUE(as_text(device.last_sent).ends_with("lwm2m=\"1.0\",</0/0>,</0/1>;ssid=101,</1/0>;ssid=101,</3/0>,</5>"));
  device.command(" GET t=05 /77 accept=40");
  device.answer("4.04 t=05 ?");
  device.command(" GET t=05 /3/0 accept=40");
  device.answer("4.00 t=05 ?");
  device.command(" GET t=05 /3/0/0 accept=0");
  device.answer("4.05 t=05 ?");
}

TEST(CoreSection5_2_7_5, TheBootstrapAccountAndTheDeviceInstanceStay) {
  Fresh device;
  device.client.start(device.now);
  device.request();
  device.configure();
  device.command(" DELETE t=01");
  device.answer("2.02 t=01");
  device.command(" GET t=05 accept=40");
  device.answer("2.05 t=05 ct=40 'lwm2m=\"1.0\",</0/0>,</1>,</3/0>'");
  for (const char* path : {"/0", "/3", "/1/7"}) {  // RFC 7252 §5.8.4: also what isn't there
    device.command(std::string(" DELETE t=01 ") + path);
    device.answer("2.02 t=01");
  }
  for (const char* path : {"/0/0", "/3/0", "/77", "/x"}) {
    device.command(std::string(" DELETE t=01 ") + path);
    device.answer("4.00 t=01 ?");
  }
}

TEST(CoreSection5_2_7_4, AWriteWithoutFormatOrToWhatIsntThereIsRefused) {
  Fresh device;
  device.client.start(device.now);
  device.request();
  device.command(" PUT t=01 /0/1 '{}'");
  device.answer("4.00 t=01 ?");
  device.command(" PUT t=01 /0/1 ct=60 'a'");
  device.answer("4.15 t=01 ?");
  device.command(" PUT t=01 /77/0 ct=11543 '{\"e\":[]}'");
  device.answer("4.00 t=01 ?");
  device.command(" PUT t=01 /3/1 ct=11543 '{\"e\":[]}'");
  device.answer("4.00 t=01 ?");
  device.command(" PUT t=01 /0/1/0 ct=0 'mailto:me'");
  device.answer("4.00 t=01 ?");
  device.command(" PUT t=01 /3/0/15 ct=0 'Europe/Berlin'");
  device.answer("2.04 t=01");
}

/// As Leshan 1.5 writes an account: with resources of SMS, empty, which this client doesn't have.
TEST(CoreSection5_2_7_4, ResourcesThatArentSupportedAreIgnoredWhateverTheyHold) {
  Fresh device;
  device.client.start(device.now);
  device.request();
  Bytes message = wire::write("CON 0001 PUT t=02 /0/1 ct=11542");
  const Bytes tlv = from_hex("c80015636f61703a2f2f3132372e302e302e313a35363833c10100c10203c003c004c005c10603c007c008c009c10a7b"
                             "c10b01c10c00");
  message.push_back(0xFF);
  message.insert(message.end(), tlv.begin(), tlv.end());
  device.in(message, kBootstrap);
  device.out("ACK 0001 2.04 t=02", kBootstrap);
  device.command(" GET t=05 /0 accept=40");
  device.answer("2.05 t=05 ct=40 'lwm2m=\"1.0\",</0/0>,</0/1>;ssid=123'");
}

// ---- nothing counts before a consistent Finish (Core §5.2.6) ---------------------------------------------------------

TEST(CoreSection5_2_6, AnInconsistentFinishIs406AndStaysOpenForCorrections) {
  Fresh device;
  device.client.start(device.now);
  device.request();
  device.command(" POST t=01 /bs");
  device.answer("4.06 t=01 'there is no server account'");
  device.command(kSecurity101);
  device.answer("2.04 t=02");
  device.command(" POST t=01 /bs");
  device.answer("4.06 t=01 ?");
  EXPECT_TRUE(as_text(device.last_sent).ends_with("/0/1 has no Server instance; none has the Short Server ID 101"));
  EXPECT_EQ(device.state(), BootstrapState::Open);
  EXPECT_FALSE(device.client.tree().has(Path(0, 1)));
  device.command(kServer101);
  device.answer("2.04 t=03");
  device.finish();
  EXPECT_TRUE(device.client.tree().has(Path(0, 1)));
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
}

TEST(CoreSection5_2_6, SilenceLeavesTheDeviceAsItWasAndIsTriedAgain) {
  Fresh device;
  device.client.start(device.now);
  device.request();
  device.configure();
  device.pass(seconds(246));
  EXPECT_EQ(device.state(), BootstrapState::Open);
  device.pass(seconds(1));  // EXCHANGE_LIFETIME
  EXPECT_EQ(device.state(), BootstrapState::Waiting);
  EXPECT_FALSE(device.client.tree().has(Path(0, 1)));
  EXPECT_FALSE(device.client.tree().has(Path(1, 0)));
  const auto failed = device.report(BootstrapReport::Kind::Failed);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->reason, "the bootstrap server fell silent");
  device.pass(failed->retry_in);
  device.out(kRequest, kBootstrap);
  device.in("ACK $m 2.04 t=$t", kBootstrap);
  device.configure();
  device.finish();
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
}

TEST(CoreSection5_2_6, ARestartInBetweenFindsNothingOfIt) {
  Fresh device;
  device.client.track_unsaved();
  device.client.take_unsaved();
  device.client.start(device.now);
  device.request();
  device.client.take_unsaved();
  device.configure();
  EXPECT_TRUE(device.client.unsaved().paths.empty());
  device.command(" POST t=04 /bs");
  EXPECT_TRUE(device.client.unsaved().at_once) << "saved before the answer leaves";
  EXPECT_TRUE(device.client.unsaved().paths.contains(Path(0, 1)));
}

TEST(CoreSection5_2_6, ALostFinishAnswerIsSaidAgain) {
  Fresh device;
  device.client.start(device.now);
  device.request();
  device.configure();
  device.command(" POST t=04 /bs");
  device.answer("2.04 t=04");
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=1");
  device.quiet();
  device.pass(seconds(5));
  device.in("CON " + device.last_id() + " POST t=04 /bs", kBootstrap);
  device.answer("2.04 t=04");
  device.command(" DELETE t=01 /1");
  device.answer("4.00 t=01 'no bootstrap is under way'");
}

// ---- when (Core §5.2.4) ---------------------------------------------------------------------------------------------

TEST(CoreSection5_2_4, TheHoldOffTimePassesFirst) {
  Fresh device(plain_settings(), 3600);
  device.client.start(device.now);
  EXPECT_EQ(device.state(), BootstrapState::HoldingOff);
  device.pass(seconds(3599));
  device.quiet();
  device.pass(seconds(1));
  device.out(kRequest, kBootstrap);
}

TEST(CoreSection5_2_4, ARefusalWaits) {
  Fresh device;
  device.client.start(device.now);
  device.out(kRequest, kBootstrap);
  device.in("ACK $m 4.00 t=$t 'Unknown Endpoint Client Name'", kBootstrap);
  const auto failed = device.report(BootstrapReport::Kind::Failed);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->reason, "refused: Bad Request (Unknown Endpoint Client Name)");
  EXPECT_GE(failed->retry_in, seconds(450));
  EXPECT_LE(failed->retry_in, seconds(900));
  device.command(kSecurity101);
  device.quiet();
}

TEST(CoreSection5_2_4, AServerThatIsSilentIsAskedAgainLater) {
  Fresh device;
  device.client.start(device.now);
  while (device.state() != BootstrapState::Waiting && device.now < Instant(seconds(1100))) device.pass(seconds(1));
  int sent = 0;
  while (device.client.poll_transmit()) ++sent;
  EXPECT_EQ(sent, 5) << "one and four retransmissions";
  EXPECT_EQ(device.report(BootstrapReport::Kind::Failed)->reason, "Bootstrap-Request: timeout");
  device.await(kRequest, kBootstrap);
}

TEST(CoreSection5_2_4, FallsBackWhenNoServerCanBeRegisteredWith) {
  Fresh device;
  ASSERT_TRUE(device.client.add_account(device.now, 1, "coap://192.0.2.1", 300));
  device.client.start(device.now);
  int failures = 0;
  bool asked = false;
  while (!asked && device.now < Instant(seconds(2000))) {
    device.pass(seconds(1));
    while (const auto changed = device.event<client::RegistrationChanged>()) {
      failures += changed->report.kind == client::RegistrationReport::Kind::Failed;
    }
    while (const auto sent = device.client.poll_transmit()) asked |= sent->to == kBootstrap;
  }
  EXPECT_TRUE(asked);
  EXPECT_EQ(failures, 3);
}

TEST(CoreSection5_2_4, ARefusedRegisterIsEnough) {
  Fresh device;
  ASSERT_TRUE(device.client.add_account(device.now, 1, "coap://192.0.2.1", 300));
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.in("ACK $m 4.00 t=$t");
  device.request();
  device.configure();
  device.finish();
  // The account was left as it was; it is registered with at once, as is the new one.
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
}

TEST(CoreSection5_2_4, ARegistrationThatStandsAfterAllEndsIt) {
  Fresh device(plain_settings(), 3600);
  ASSERT_TRUE(device.client.add_account(device.now, 1, "coap://192.0.2.1", 300));
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.in("ACK $m 4.03 t=$t");
  EXPECT_EQ(device.state(), BootstrapState::HoldingOff);
  device.await("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?", server_address());
  device.in("ACK $m 2.01 t=$t loc=rd loc=1");
  EXPECT_EQ(device.state(), BootstrapState::Off);
  device.pass(seconds(100));
  device.quiet();
}

TEST(CoreSection5_2_4, BootstrapsThatLeadNowhereBecomeRarer) {
  Fresh device;
  device.client.start(device.now);
  device.request();
  device.configure();
  device.finish();
  Duration last{};
  for (int round = 0; round < 3; ++round) {
    device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
    device.in("ACK $m 4.03 t=$t");
    const Instant before = device.now;
    device.await(kRequest, kBootstrap);
    EXPECT_GT(device.now - before, last);
    last = device.now - before;
    device.in("ACK $m 2.04 t=$t", kBootstrap);
    device.finish();
  }
}

// ---- Server Initiated Bootstrap (Core §5.2.3.4) -----------------------------------------------------------------------

TEST(CoreFigure8, TheTriggerLeadsToAClientInitiatedBootstrap) {
  Fresh device(plain_settings(), 3600);
  ASSERT_TRUE(device.client.add_account(device.now, 101, "coap://192.0.2.1", 300));
  device.be_registered();
  device.in("CON 0001 POST t=01 /1/0/9");
  device.out("ACK 0001 2.04 t=01");
  device.request();
  // Core §5.2: requests that aren't part of it are ignored meanwhile.
  device.in("CON 0002 GET t=02 /3/0/0");
  device.quiet();
  device.command(" PUT t=06 /1/0/1 ct=0 '900'");
  device.answer("2.04 t=06");
  device.finish();
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=900 ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=2");
  device.in("CON 0003 GET t=03 /3/0/0");
  device.out("ACK 0003 2.05 t=03 ct=0 'Open Mobile Alliance'");
}

TEST(CoreFigure8, WithoutABootstrapAccountTheTriggerIsRefused) {
  Device device;
  device.be_registered();
  device.in("CON 0001 POST t=01 /1/0/9");
  device.out("ACK 0001 4.05 t=01 ?");
}

TEST(CoreSection5_2_5, OnlyTheBootstrapServersCommandsCount) {
  Fresh device;
  ASSERT_TRUE(device.client.add_account(device.now, 101, "coap://192.0.2.1", 300));
  device.be_registered();
  device.in(std::string("CON 0001") + kSecurity101, server_address());
  device.out("ACK 0001 4.01 t=02 ?");
  device.in(std::string("CON 0002") + kSecurity101, kBootstrap);
  device.in("CON 0003 DELETE t=01", kBootstrap);
  device.in(std::string("CON 0004") + kSecurity101, server_address(77));
  device.quiet();
  EXPECT_EQ(device.client.counters().ignored, 3U) << "NoSec lets nobody begin a bootstrap";
}

// ---- the Bootstrap-Server account (Core §5.2.3.3, step 3) ------------------------------------------------------------

TEST(CoreSection5_2_3_3, TheAccountIsPurgedAfterItsTimeout) {
  Fresh device(plain_settings(), 0, 600);
  device.be_bootstrapped();
  const auto saved = device.client.saved_state(device.now, 1'700'000'000);
  EXPECT_EQ(saved.bootstrap_purge, 1'700'000'600);
  device.pass(seconds(599));
  EXPECT_TRUE(device.client.bootstrap_account());
  device.pass(seconds(1));
  EXPECT_FALSE(device.client.bootstrap_account());
  EXPECT_FALSE(device.client.tree().has(Path(0, 0)));
}

TEST(CoreSection5_2_3_3, AnUnsuccessfulBootstrapPurgesNothing) {
  Fresh device(plain_settings(), 0, 600);
  device.client.start(device.now);
  device.request();
  device.pass(seconds(800));
  EXPECT_TRUE(device.client.bootstrap_account());
}

TEST(CoreSection5_2_3_3, AnotherBootstrapAccountTakesTheOldOnesPlace) {
  Fresh device;
  device.client.start(device.now);
  device.request();
  device.configure();
  const std::string other =
      R"( PUT t=02 /0/5 ct=11543 '{"bn":"/0/5/","e":[{"n":"0","sv":"coap://192.0.2.8"},{"n":"1","bv":true},{"n":"2","v":3}]}')";
  device.command(other);
  device.answer("2.04 t=02");
  device.command(R"( PUT t=02 /0/6 ct=11543 '{"bn":"/0/6/","e":[{"n":"0","sv":"coap://192.0.2.7"},{"n":"1","bv":true},{"n":"2","v":3}]}')");
  device.answer("2.04 t=02");
  device.command(" POST t=04 /bs");
  device.answer("4.06 t=04 'there are several Bootstrap-Server accounts'");
  device.command(" DELETE t=01 /0/6");
  device.answer("2.02 t=01");
  device.finish();
  EXPECT_EQ(device.client.tree().instances(0), (std::vector<lwm2m::InstanceId>{1, 5}));
  device.pass(seconds(250));
  EXPECT_EQ(device.client.bootstrap_account()->uri, "coap://192.0.2.8:5683");
}

TEST(DraftsOf1_0, SilenceMayStandForTheFinish) {
  client::ClientSettings settings = plain_settings();
  settings.bootstrap.finish_after = seconds(10);
  Fresh device(settings);
  device.client.start(device.now);
  device.request();
  device.pass(seconds(60));
  EXPECT_EQ(device.state(), BootstrapState::Open) << "nothing was said yet";
  device.command(kSecurity101);
  device.answer("2.04 t=02");
  device.pass(seconds(60));
  EXPECT_EQ(device.state(), BootstrapState::Open) << "half of it isn't consistent";
  device.command(kServer101);
  device.answer("2.04 t=03");
  device.pass(seconds(10));
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
}

// ---- over DTLS ------------------------------------------------------------------------------------------------------

/// A device with a Bootstrap-Server of its own keys, as the server under Secured.
struct SecureFresh : Secured {
  explicit SecureFresh(bool accept_handshakes = false)
      : Secured({.uri = "", .accept_handshakes = accept_handshakes}) {
    EXPECT_TRUE(client().add_bootstrap_account(now(), "coaps://192.0.2.1", psk_values()));
    client().settle(now());
  }
  BootstrapState state() { return client().bootstrap_account()->state; }
};

constexpr const char* kSecure101 =
    R"( PUT t=02 /0/1 ct=11543 '{"bn":"/0/1/","e":[{"n":"0","sv":"coaps://192.0.2.1"},{"n":"1","bv":false},{"n":"2","v":0},)"
    R"({"n":"3","sv":"ZXhhbXBsZS1jbGllbnQ="},{"n":"5","sv":"MDEyMzQ1Njc4OWFiY2RlZg=="},{"n":"10","v":101}]}')";

TEST(TransportFigure2, OverDtls) {
  SecureFresh link;
  link.client().start(link.now());
  link.out(kRequest);
  link.in("ACK $m 2.04 t=$t");
  EXPECT_EQ(link.state(), BootstrapState::Open);
  link.in(std::string("CON 0101") + kSecure101);
  link.out("ACK 0101 2.04 t=02");
  link.in(std::string("CON 0102") + kServer101);
  link.out("ACK 0102 2.04 t=03");
  EXPECT_EQ(link.server.handshakes, 1U);
  link.in("CON 0103 POST t=04 /bs");
  link.out("ACK 0103 2.04 t=04");
  link.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=300 ? ?");
  EXPECT_EQ(link.server.handshakes, 2U) << "Core 5.2.5: another session for the other interface";
}

TEST(CoreSection5_2_5, AnAssociationThatEndsLeavesTheDeviceAsItWas) {
  SecureFresh link;
  link.client().start(link.now());
  link.out(kRequest);
  link.in("ACK $m 2.04 t=$t");
  link.in(std::string("CON 0101") + kSecure101);
  link.out("ACK 0101 2.04 t=02");
  link.server.close(link.now());
  link.run();
  EXPECT_EQ(link.state(), BootstrapState::Waiting);
  EXPECT_FALSE(link.client().bootstrap_account()->has_draft);
  EXPECT_FALSE(link.client().tree().has(Path(0, 1)));
}

TEST(CoreSection5_2_5, TheBootstrapServersAssociationEndsWithTheProcess) {
  SecureFresh link;
  link.client().start(link.now());
  link.out(kRequest);
  link.in("ACK $m 2.04 t=$t");
  link.client().release_associations(link.now());
  link.run();
  EXPECT_EQ(link.server.newest().reason(), "the peer closed it");
  const auto saved = link.client().saved_state(link.now(), Secured::kUnix);
  ASSERT_EQ(saved.channels.size(), 1U) << "a session to resume";
  EXPECT_TRUE(saved.channels[0].released.empty()) << "nothing that the next process would have to end";
}

TEST(TransportFigure3, TheBootstrapServerBeginsByItself) {
  Secured link({.accept_handshakes = true});
  link.be_registered();
  ASSERT_TRUE(link.client().add_bootstrap_account(link.now(), "coaps://192.0.2.9", psk_values("bootstrap", "0123456789")));
  link.client().settle(link.now());
  Calling server(link, psk_values("bootstrap", "0123456789"));
  server.address = transport::PeerAddress::v4(0xC0000209, 5684);
  server.run();
  ASSERT_EQ(server.association->state(), security::AssociationState::Established) << server.association->reason();
  server.in("CON 0001 POST t=04 /bs");
  EXPECT_EQ(server.out(), "ACK 0001 4.00 t=04 'no bootstrap is under way'") << "it begins with a Write or Delete";
  server.in("CON 0002 PUT t=02 /1/0/1 ct=0 '900'");
  EXPECT_EQ(server.out(), "ACK 0002 2.04 t=02");
  EXPECT_EQ(link.client().bootstrap_account()->state, BootstrapState::Open);
  server.in("CON 0003 POST t=04 /bs");
  EXPECT_EQ(server.out(), "ACK 0003 2.04 t=04");
  EXPECT_EQ(link.client().tree().get({link.now(), std::nullopt}, Path(1, 0, 1)), lwm2m::Value(std::int64_t{900}));
}

TEST(TransportFigure3, ABootstrapThatHasJustFinishedIsNoReasonToRefuseTheNext) {
  Secured link({.accept_handshakes = true});
  link.be_registered();
  ASSERT_TRUE(link.client().add_bootstrap_account(link.now(), "coaps://192.0.2.9", psk_values("bootstrap", "0123456789")));
  link.client().settle(link.now());
  for (int round = 0; round < 2; ++round) {
    Calling server(link, psk_values("bootstrap", "0123456789"));
    server.address = transport::PeerAddress::v4(0xC0000209, static_cast<std::uint16_t>(5684 + round));
    server.run();
    server.in("CON 0002 PUT t=02 /1/0/1 ct=0 '900'");
    EXPECT_EQ(server.out(), "ACK 0002 2.04 t=02") << round;
    server.in("CON 0003 POST t=04 /bs");
    EXPECT_EQ(server.out(), "ACK 0003 2.04 t=04");
    EXPECT_EQ(link.client().bootstrap_account()->state, BootstrapState::Lingering);
  }
}

TEST(TransportFigure3, AServersOwnKeysDontOpenTheBootstrapInterface) {
  Secured link({.accept_handshakes = true});
  link.be_registered();
  ASSERT_TRUE(link.client().add_bootstrap_account(link.now(), "coaps://192.0.2.9", psk_values("bootstrap", "0123456789")));
  link.client().settle(link.now());
  Calling server(link);
  server.run();
  ASSERT_EQ(server.association->state(), security::AssociationState::Established);
  server.in("CON 0002 DELETE t=02");
  EXPECT_TRUE(server.out().starts_with("ACK 0002 4.05 t=02"));
  EXPECT_TRUE(link.client().tree().has(Path(1, 0)));
}

}  // namespace
}  // namespace drover::testing
