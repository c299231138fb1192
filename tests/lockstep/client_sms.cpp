// SPDX-License-Identifier: Apache-2.0
// Short messages, the client's side: Figure 10 of the Transport document, who is heard and for what, and registrations
// that go by SMS.
#include "client/sms_values.hpp"
#include "tests/lockstep/secure_peer.hpp"

namespace drover::testing {
namespace {

using client::AccountWishes;
using client::RegistrationState;
using client::SecurityObject;
using client::SmsMode1;
using client::SmsValues;
using transport::Kind;
using transport::PeerAddress;

constexpr const char* kServerNumber = "491701234567";

PeerAddress by_sms(Kind kind, const char* number = kServerNumber) {
  return PeerAddress::sms(number).value().as(kind);
}

client::ClientSettings with_sms(const std::string& version = "1.0") {
  client::ClientSettings settings = plain_settings();
  settings.version = version;
  settings.sms.msisdn = "12345678";
  settings.sms.attached = true;
  return settings;
}

SmsValues no_sec() {
  return {SecurityObject::kSmsNoSec, {}, {}, kServerNumber};
}
/// The keys of the reference's vectors.
SmsValues packets(std::int64_t mode = SecurityObject::kSmsOnSmartcard) {
  return {mode, from_hex("12121600b20203"),
          Secret<Bytes>(from_hex("101112131415161718191a1b1c1d1e1f303132333435363738393a3b3c3d3e3f")),
          std::string("+") + kServerNumber};
}

struct Messenger : Device {
  Messenger(const client::ClientSettings& settings, const std::string& binding, const SmsValues& sms,
            const std::string& uri = "coap://192.0.2.1")
      : Device(settings, "") {
    const auto added = client.add_account(now, 1, uri, 86400, {}, AccountWishes{binding, sms});
    EXPECT_TRUE(added) << added.error().reason;
    client.settle(now);
  }
  void be_registered(const std::string& binding, const PeerAddress& server = server_address()) {
    client.start(now);
    out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ?sms=12345678 ? ?b=" + binding + " ?", server);
    in("ACK $m 2.01 t=$t loc=rd loc=5a3f", server);
    quiet();
    EXPECT_EQ(client.accounts()[0].state, RegistrationState::Registered);
  }
  RegistrationState state() { return client.accounts()[0].state; }
};

TEST(TransportSmartcardEndPoint, TheCardHasTheKeysAndTheClientTheCoap) {
  client::ClientSettings settings = with_sms();
  settings.sms.on_card = true;
  Messenger device(settings, "S", {SecurityObject::kSmsOnSmartcard, {}, {}, kServerNumber}, "tel:+491701234567");
  const PeerAddress server = by_sms(Kind::SmsPacket);
  device.be_registered("S", server);
  const auto peer = device.client.sms_peer(kServerNumber).value();
  EXPECT_TRUE(peer.on_card);
  EXPECT_FALSE(peer.packets);
  EXPECT_FALSE(peer.plain);
  device.in("CON 0101 GET t=01 /3/0/0", server);
  device.out("ACK 0101 2.05 t=01 ct=0 'Open Mobile Alliance'", server);
  device.in("CON 0102 GET t=02 /3/0/0", by_sms(Kind::Sms));
  device.quiet();
}

TEST(TransportFigure10, QueueModeWithSmsRegistrationUpdateTrigger) {
  Messenger device(with_sms(), "UQS", no_sec());
  // lt=86400 and lwm2m=1.0 stand where the figure has nothing, and what it calls SMS= is sms= in the operation's table.
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=86400 ?sms=12345678 ?lwm2m=1.0 ?b=UQS ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.pass(seconds(93));
  EXPECT_TRUE(device.client.is_offline()) << "but reachable by SMS";
  device.pass(seconds(3600));
  device.quiet();
  // "POST /1/x/8", as Appendix L writes it.
  device.in(from_hex("4402b60b2161fb63b13101300138"), by_sms(Kind::Sms));
  device.out("ACK b60b 2.04 t=2161fb63", by_sms(Kind::Sms));
  device.out("CON ? POST t=? /rd/5a3f");
  device.quiet();
  device.in("ACK $m 2.04 t=$t");
  device.in("CON 0001 GET t=01 /3/0/0");
  device.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
  device.in("CON 0002 GET t=02 /1/0/1");
  device.out("ACK 0002 2.05 t=02 ct=0 '86400'");
  device.pass(seconds(93));
  EXPECT_TRUE(device.client.is_offline());
  device.quiet();
}

TEST(TransportUpdateTrigger, UnderUqtItIsNotAnswered) {
  for (const char* type : {"NON", "CON"}) {
    Messenger device(with_sms("1.1"), "UQT", no_sec());
    device.be_registered("UQT");
    device.pass(seconds(93));
    device.in(std::string(type) + " 0001 POST t=01 /1/0/8", by_sms(Kind::Sms));
    device.out("CON ? POST t=? /rd/5a3f");
    device.quiet();
    device.in("ACK $m 2.04 t=$t");
    // The network delivers it once more.
    device.in(std::string(type) + " 0001 POST t=01 /1/0/8", by_sms(Kind::Sms));
    device.quiet();
    device.in("NON 0002 POST t=02 /1/0/8", by_sms(Kind::Sms));
    device.out("CON ? POST t=? /rd/5a3f");
    device.in("ACK $m 2.04 t=$t");
    device.quiet();
  }
}

TEST(TransportSmsSecurity, StrangersAndOtherWaysGetSilence) {
  Messenger device(with_sms(), "UQS", no_sec());
  const Bytes trigger = from_hex("4402b60b2161fb63b13101300138");
  device.in(trigger, by_sms(Kind::Sms));
  device.quiet();  // not registered
  device.be_registered("UQS");
  device.pass(seconds(93));
  device.in(trigger, by_sms(Kind::Sms, "491701234568"));
  device.in(trigger, by_sms(Kind::SmsPacket));
  device.in(trigger, by_sms(Kind::SmsDtls));
  device.in("CON 0001 GET t=01 /3/0/0", by_sms(Kind::Sms));
  device.in("CON 0002 POST t=02 /1/1/8", by_sms(Kind::Sms));
  device.in("CON 0003 POST t=03 /3/0/4", by_sms(Kind::Sms));
  device.in("CON 0004 PUT t=04 /1/0/8 ct=0 'x'", by_sms(Kind::Sms));
  device.in("CON 0005 EMPTY", by_sms(Kind::Sms, "1"));
  for (std::size_t size = 0; size < trigger.size(); ++size) {
    device.in(Bytes(trigger.begin(), trigger.begin() + static_cast<std::ptrdiff_t>(size)), by_sms(Kind::Sms, "1"));
  }
  device.quiet();
  EXPECT_TRUE(device.client.is_offline());
  EXPECT_EQ(device.client.counters().operations, 0U);
  EXPECT_EQ(device.client.counters().refused_sms, 8U + trigger.size());
}

TEST(TransportSmsSecurity, ForDebuggingAllIsServedWithoutProtection) {
  client::ClientSettings settings = with_sms();
  settings.sms.allow_nosec_management = true;
  Messenger device(settings, "US", no_sec());
  device.be_registered("US");
  device.in("CON 0001 GET t=01 /3/0/0", by_sms(Kind::Sms));
  device.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'", by_sms(Kind::Sms));
  // A response goes the way that its request came.
  device.in("CON 0002 GET t=02 /3/0/0");
  device.out("ACK 0002 2.05 t=02 ct=0 'Open Mobile Alliance'");
  device.quiet();
}

TEST(TransportSmsSecurity, WithSecuredPacketsTheyAreTheOnlyWay) {
  Messenger device(with_sms(), "US", packets());
  device.be_registered("US");
  device.in("CON 0001 GET t=01 /3/0/0", by_sms(Kind::SmsPacket));
  device.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'", by_sms(Kind::SmsPacket));
  device.in("CON 0002 POST t=02 /1/0/8", by_sms(Kind::Sms));
  device.quiet();
  const auto peer = device.client.sms_peer(kServerNumber).value();
  EXPECT_FALSE(peer.plain || peer.dtls);
  EXPECT_EQ(peer.packets.value().parameters.octets(), from_hex("12121600b20203"));
  EXPECT_FALSE(device.client.sms_peer("49170123456"));
}

// ---- by SMS alone ---------------------------------------------------------------------------------------------------

TEST(CoreTable8, WithBindingSAllGoesBySms) {
  Messenger device(with_sms(), "S", packets(), "tel:+12125550178");
  const PeerAddress server = by_sms(Kind::SmsPacket);
  device.be_registered("S", server);
  EXPECT_EQ(device.client.accounts()[0].uri, "tel:+491701234567") << "the number of /0/x/9 wins";
  device.in("CON 0001 GET t=01 /3/0/0 obs=0", server);
  device.out("ACK 0001 2.05 t=01 obs=? ct=0 'Open Mobile Alliance'", server);
  device.set("/3/0/0", std::string("OMA"));
  device.out("NON ? 2.05 t=01 obs=? ct=0 'OMA'", server);
  device.in("CON 0002 GET t=02 /3/0/0");
  device.quiet();  // UDP isn't a way
  device.client.address_changed(device.now);
  device.quiet();
  device.pass(seconds(86400 - 300));
  device.out("CON ? POST t=? /rd/5a3f", server);
  device.in("ACK $m 2.04 t=$t", server);
  device.client.stop(device.now);
  device.out("CON ? DELETE t=? /rd/5a3f", server);
  device.in("ACK $m 2.02 t=$t", server);
  EXPECT_TRUE(device.client.is_off());
}

TEST(TransportSmsBinding, ARegisterIsSentOnceAndWaitedForMinutes) {
  Messenger device(with_sms(), "S", packets(), "tel:+491701234567");
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ?sms=12345678 ? ?b=S ?", by_sms(Kind::SmsPacket));
  device.pass(seconds(299));
  EXPECT_EQ(device.state(), RegistrationState::Registering);
  device.quiet();
  device.pass(seconds(1));
  EXPECT_EQ(device.state(), RegistrationState::Waiting);
  device.pass(seconds(149));
  device.quiet();
  device.pass(seconds(151));
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ?sms=12345678 ? ?b=S ?", by_sms(Kind::SmsPacket));
}

TEST(CoreTable8, WithBindingSqItSleepsForShortMessages) {
  Messenger device(with_sms(), "SQ", packets());
  const PeerAddress server = by_sms(Kind::SmsPacket);
  device.be_registered("SQ", server);
  device.in("CON 0001 GET t=01 /3/0/0 obs=0", server);
  device.out("ACK 0001 2.05 t=01 obs=? ct=0 'Open Mobile Alliance'", server);
  device.pass(seconds(299));
  EXPECT_FALSE(device.client.accounts()[0].asleep);
  device.pass(seconds(1));
  EXPECT_TRUE(device.client.accounts()[0].asleep);
  device.in("CON 0002 GET t=02 /3/0/0", server);
  device.quiet();
  device.set("/3/0/0", std::string("OMA"));
  device.out("CON ? POST t=? /rd/5a3f", server);
  device.quiet();
  device.in("ACK $m 2.04 t=$t", server);
  device.out("CON ? 2.05 t=01 obs=? ct=0 'OMA'", server);
  device.in("ACK $m EMPTY", server);
  device.pass(seconds(300));
  EXPECT_TRUE(device.client.accounts()[0].asleep);
}

TEST(CoreTable8, AnotherWayBeginsWithARegisterBehindTheUpdate) {
  Messenger device(with_sms(), "U", packets());
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ?sms=12345678 ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.in("CON 0001 PUT t=01 /1/0/7 ct=0 'S'");
  device.out("ACK 0001 2.04 t=01");
  device.pass(milliseconds(200));
  device.out("CON ? POST t=? /rd/5a3f ?b=S");
  device.quiet();
  device.in("ACK $m 2.04 t=$t");
  const PeerAddress server = by_sms(Kind::SmsPacket);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ?sms=12345678 ? ?b=S ?", server);
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a40", server);
  device.quiet();
  device.in("CON 0002 PUT t=02 /1/0/7 ct=0 'UQS'", server);
  device.out("ACK 0002 2.04 t=02", server);
  device.pass(milliseconds(200));
  device.out("CON ? POST t=? /rd/5a40 ?b=UQS", server);
  device.in("ACK $m 2.04 t=$t", server);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ?sms=12345678 ? ?b=UQS ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a41");
  device.quiet();
}

// ---- bindings -------------------------------------------------------------------------------------------------------

TEST(CoreAppendixE2, ABindingIsTakenOnlyWithWhatItNeeds) {
  struct Row {
    client::ClientSettings settings;
    SmsValues sms;
    std::string taken;
  };
  client::ClientSettings debugging = with_sms();
  debugging.sms.allow_nosec_management = true;
  const Row rows[] = {
      {plain_settings(), {}, "U UQ"},
      {with_sms(), {}, "U UQ"},
      {with_sms(), no_sec(), "U UQ US UQS"},
      {with_sms("1.1"), no_sec(), "U UQ US UQS UQT"},
      {with_sms(), packets(), "U UQ S SQ US UQS"},
      {debugging, no_sec(), "U UQ S SQ US UQS"},
      {with_sms(), {SecurityObject::kSmsOnDevice, {}, {}, kServerNumber}, "U UQ"},
  };
  for (const auto& [settings, sms, taken] : rows) {
    std::string seen;
    for (const char* binding : {"U", "UQ", "S", "SQ", "US", "UQS", "UQT", "UQSQ", "USQ", "uq"}) {
      Messenger device(settings, "U", sms);
      device.client.start(device.now);
      device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? " + std::string(settings.sms.attached ? "? ?" : "?"));
      device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
      device.in("CON 0001 PUT t=01 /1/0/7 ct=0 '" + std::string(binding) + "'");
      const auto answer = device.client.poll_transmit();
      if (answer && wire::read(answer->bytes)[2] == "2.04") seen += (seen.empty() ? "" : " ") + std::string(binding);
    }
    EXPECT_EQ(seen, taken);
  }
}

TEST(CoreAppendixE4, SupportedBindingAndModesSayWhatThereIs) {
  Device plain;
  EXPECT_EQ(plain.client.tree().get({plain.now, std::nullopt}, Path(3, 0, 16)), lwm2m::Value(std::string("UQ")));
  Device attached(with_sms());
  EXPECT_EQ(attached.client.tree().get({attached.now, std::nullopt}, Path(3, 0, 16)), lwm2m::Value(std::string("UQSQ")));
}

TEST(CoreAppendixE8, ShortMessagesAreCounted) {
  Device device(with_sms());
  device.client.define(*shipped().find(7));
  device.add(7, 0);
  device.client.sms_counted(device.now, 5, 7);
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ?sms=12345678 ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  device.in("CON 0001 POST t=01 /7/0/6");
  device.out("ACK 0001 2.04 t=01");
  device.client.sms_counted(device.now, 8, 9);
  device.in("CON 0002 GET t=02 /7/0/0");
  device.out("ACK 0002 2.05 t=02 ct=0 '3'");
  device.in("CON 0003 GET t=03 /7/0/1");
  device.out("ACK 0003 2.05 t=03 ct=0 '2'");
}

// ---- the Security object --------------------------------------------------------------------------------------------

TEST(CoreAppendixE1, KeyParametersHaveSixOrSevenOctetsInModeTwoOnly) {
  const client::SecurityValues psk = psk_values("udp", "0123456789abcdef");
  const auto made = [&](const SmsValues& values, SmsMode1 mode1 = SmsMode1::Dtls) {
    const auto result = client::protect_sms(values, psk, mode1);
    return result ? std::string(result->address.to_string()) + "/" + std::to_string(static_cast<int>(result->address.kind))
                  : result.error().reason;
  };
  const std::string packet = "sms:491701234567/5";
  EXPECT_EQ(made(packets()), packet);
  SmsValues values = packets();
  values.key_parameters = from_hex("12121600b202");
  EXPECT_EQ(made(values), packet);
  for (const char* wrong : {"", "12121600b2", "12121600b2020300", "11111600b20203", "12121600b20204"}) {
    values.key_parameters = from_hex(wrong);
    EXPECT_EQ(made(values).rfind("resource 7", 0), 0U) << made(values);
    values.mode = SecurityObject::kSmsOnDevice;
    EXPECT_EQ(made(values), "sms:491701234567/4") << "an identity";
    EXPECT_EQ(made(values, SmsMode1::SecuredPackets).rfind("resource 7", 0), 0U);
    values.mode = SecurityObject::kSmsOnSmartcard;
  }
  EXPECT_EQ(made(packets(SecurityObject::kSmsOnDevice), SmsMode1::SecuredPackets), packet) << "the enabler's drafts";
  values = packets();
  values.keys = Secret<Bytes>(Bytes(20, 1));
  EXPECT_EQ(made(values).rfind("resource 8", 0), 0U);
  EXPECT_EQ(made(values).find("01"), std::string::npos);
  values = packets();
  values.mode = 204;
  EXPECT_EQ(made(values), "this client has no SMS Security Mode 204; use 1, 2 or 3");
  values.mode.reset();
  EXPECT_EQ(made(values), "resource 6 (SMS Security Mode) is missing: 1, 2 or 3");
  values = packets();
  values.number = "call me";
  EXPECT_EQ(made(values).rfind("resource 9", 0), 0U);
}

TEST(CoreAppendixE1, ModeOneTakesItsOwnPreSharedKeyOrThatOfUdp) {
  SmsValues values{SecurityObject::kSmsOnDevice, to_bytes("sms-identity"), Secret<Bytes>(to_bytes("sms-key")), kServerNumber};
  const client::SecurityValues udp = psk_values("udp-identity", "udp-key");
  auto made = client::protect_sms(values, udp, SmsMode1::Dtls).value();
  EXPECT_EQ(made.dtls.identity, to_bytes("sms-identity"));
  EXPECT_EQ(made.dtls.key.reveal(), to_bytes("sms-key"));
  values.keys = {};
  made = client::protect_sms(values, udp, SmsMode1::Dtls).value();
  EXPECT_EQ(made.dtls.identity, to_bytes("udp-identity"));
  EXPECT_EQ(made.dtls.key.reveal(), to_bytes("udp-key"));
  EXPECT_FALSE(client::protect_sms(values, {}, SmsMode1::Dtls));
}

TEST(CoreAppendixE1, TheSmsResourcesArePrivateToo) {
  Messenger device(with_sms(), "US", packets());
  device.be_registered("US");
  for (const std::string resource : {"6", "7", "8", "9"}) {
    device.in("CON 000" + resource + " GET t=01 /0/0/" + resource);
    device.out("ACK 000" + resource + " 4.01 t=01 ?");
    device.in("CON 001" + resource + " PUT t=02 /0/0/" + resource + " ct=0 '3'");
    device.out("ACK 001" + resource + " 4.01 t=02 ?");
  }
}

// ---- counters -------------------------------------------------------------------------------------------------------

TEST(SecuredPackets, CountersNeverGoBackAndOutliveTheProcess) {
  Messenger device(with_sms(), "US", packets());
  device.client.track_unsaved();
  (void)device.client.take_unsaved();
  const std::uint64_t key = device.client.sms_peer(kServerNumber)->packets->key;
  EXPECT_EQ(device.client.sms_counters(key), (client::SmsCounters{key, 0, 0}));
  device.client.set_sms_counters({key, 64, 7});
  EXPECT_TRUE(device.client.unsaved().at_once && device.client.unsaved().sms_counters);
  device.client.set_sms_counters({key, 1, 9});
  EXPECT_EQ(device.client.sms_counters(key), (client::SmsCounters{key, 64, 9}));
  const client::SavedState saved = device.client.saved_state(device.now, 1'700'000'000);
  Messenger again(with_sms(), "US", packets());
  EXPECT_EQ(again.client.sms_peer(kServerNumber)->packets->key, key) << "the same keys, the same counters";
  again.client.restore(again.now, 1'700'000'000, saved);
  EXPECT_EQ(again.client.sms_counters(key), (client::SmsCounters{key, 64, 9}));
}

}  // namespace
}  // namespace drover::testing
