// SPDX-License-Identifier: Apache-2.0
// Bootstrap from smartcard at the client (Core §5.2.3.2; §5.2.4, step 1; Appendix G.3.3): the card comes first, it is
// looked at with each Register and Update, and what it brought comes and goes as a whole.
#include "tests/lockstep/client_peer.hpp"

namespace drover::testing {
namespace {

using client::CardData;
using client::CardReport;
using client::NoCard;
using client::RegistrationState;
using client::UnreadableCard;

using Kind = CardReport::Kind;

const transport::PeerAddress kFactory = server_address(1);
const transport::PeerAddress kCard = server_address(7);
const transport::PeerAddress kBootstrap = server_address(9);

client::ClientSettings with_card() {
  client::ClientSettings settings = plain_settings();
  settings.smartcard = true;
  return settings;
}

std::string number(std::size_t value, std::size_t octets) {
  std::string text;
  for (std::size_t i = octets; i > 0; --i) text += to_hex(Bytes{static_cast<std::uint8_t>(value >> ((i - 1) * 8))});
  return text;
}

/// An object of a file: id, implicit version, length, TLV.
std::string object(unsigned id, const std::string& tlv) {
  return number(id, 2) + "00" + number(tlv.size() / 2, 2) + tlv;
}

Bytes file_of(const std::vector<std::string>& objects) {
  std::string all;
  for (const std::string& each : objects) all += each;
  return drover::from_hex(number(objects.size(), 2) + number(all.size() / 2, 2) + all).value();
}

/// Security instance 0: "coap://192.0.2.7", no Bootstrap-Server, NoSec, Short Server ID 101.
const std::string kSecurity101 = "08001cc80010" + to_hex(to_bytes("coap://192.0.2.7")) + "c10100c10203c10a65";
/// Server instance 0: 101, lifetime 43200, no notification storing, "U".
const std::string kServer101 = "08000fc10065c4010000a8c0c10600c10755";
/// The same with a lifetime of 600.
const std::string kServer101Shorter = "08000dc10065c2010258c10600c10755";
/// Security instance 0: the Bootstrap-Server "coap://192.0.2.9".
const std::string kSecurityBootstrap = "080019c80010" + to_hex(to_bytes("coap://192.0.2.9")) + "c10101c10203";

const Bytes kOneServer = file_of({object(0, kSecurity101), object(1, kServer101)});
const Bytes kOneServerShorter = file_of({object(0, kSecurity101), object(1, kServer101Shorter)});
const Bytes kBootstrapAlone = file_of({object(0, kSecurityBootstrap)});

/// A reader's look, with digests that tell contents apart as SHA-256 would.
CardData data(const Bytes& file, std::uint8_t card = 1) {
  CardData found;
  found.identity.fill(card);
  for (std::size_t i = 0; i < file.size(); ++i) {
    std::uint8_t& digit = found.digest.at(i % found.digest.size());
    digit = static_cast<std::uint8_t>(std::size_t{digit} * 31 + file[i] + i);
  }
  found.file = Secret<Bytes>(file);
  return found;
}

struct CardDevice : Device {
  explicit CardDevice(const std::string& factory = "", const client::ClientSettings& settings = with_card())
      : Device(settings, factory) {
    client.define(*shipped().find(2));
    client.define(*shipped().find(3303));
  }
  bool is_asked() { return event<client::CardWanted>().has_value(); }
  CardReport found(client::CardFinding finding) {
    client.card_found(now, std::move(finding));
    const auto changed = event<client::CardChanged>();
    if (changed) return changed->report;
    ADD_FAILURE() << "nothing became of the card";
    return {};
  }
  Kind look(client::CardFinding finding) { return found(std::move(finding)).kind; }
  void registers(const std::string& lifetime = "?lt=43200") {
    out("CON ? POST t=? /rd ct=40 ?ep=example-client " + lifetime + " ? ?", kCard);
    in("ACK $m 2.01 t=$t loc=rd loc=5a3f", kCard);
    quiet();
  }
  void be_on_card(const Bytes& file = kOneServer) {
    client.start(now);
    EXPECT_TRUE(is_asked());
    EXPECT_EQ(look(data(file)), Kind::Loaded);
    registers();
  }
  std::string text(const std::string& path) {
    const auto value = client.tree().get({now, std::nullopt}, Path::parse(path).value());
    if (!value) return "none";
    if (const auto* number = std::get_if<std::int64_t>(&*value)) return std::to_string(*number);
    const auto* string = std::get_if<std::string>(&*value);
    return string == nullptr ? "other" : *string;
  }
  std::size_t count(lwm2m::ObjectId object) { return client.tree().instances(object).size(); }
};

// ---- §5.2.4: the card first -----------------------------------------------------------------------------------------

TEST(CoreSection5_2_4Step1, NothingIsRegisteredBeforeTheCardWasLookedAt) {
  CardDevice device("coap://192.0.2.1");
  device.client.start(device.now);
  EXPECT_TRUE(device.is_asked());
  device.quiet();
  EXPECT_FALSE(device.client.bootstrap(device.now));
  device.pass(seconds(59));
  device.quiet();
}

TEST(CoreSection5_2_4Step1, TheServerOfTheCardTakesThePlaceOfTheFactorys) {  // OMA LightweightM2M-1.0-int-3
  CardDevice device("coap://192.0.2.1");
  device.client.start(device.now);
  EXPECT_EQ(device.look(data(kOneServer)), Kind::Loaded);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=43200 ?lwm2m=1.0 '</1/0>,</2>,</3/0>,</3303>'", kCard);
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f", kCard);
  device.quiet();
  device.in("CON 0101 GET t=01 /1/0/1", kCard);
  device.out("ACK 0101 2.05 t=01 ct=0 '43200'", kCard);
  ASSERT_EQ(device.client.accounts().size(), 1U);
  EXPECT_EQ(device.client.accounts()[0].server, 101);
  EXPECT_EQ(device.text("/0/0/0"), "coap://192.0.2.7");
}

TEST(CoreSection5_2_4Step2, WithoutACardTheFactorysServerIsRegisteredWith) {
  CardDevice device("coap://192.0.2.1");
  device.client.start(device.now);
  const CardReport report = device.found(NoCard{"no card is in the reader"});
  EXPECT_EQ(report.kind, Kind::Nothing);
  EXPECT_EQ(report.reason, "no card is in the reader");
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=86400 ? ?", kFactory);
}

TEST(CoreSection5_2_4Step2, AReaderThatNeverAnswersHoldsTheDeviceUpForAMinute) {
  CardDevice device("coap://192.0.2.1");
  device.client.start(device.now);
  device.pass(client::CardLimits{}.patience);
  EXPECT_EQ(device.event<client::CardChanged>()->report.kind, Kind::Unreadable);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=86400 ? ?", kFactory);
}

TEST(CoreSection5_2_4Step4, ABootstrapServerOfTheCardIsAskedWhenItBringsNoServer) {
  CardDevice device("coap://192.0.2.1");
  device.client.start(device.now);
  EXPECT_EQ(device.look(data(kBootstrapAlone)), Kind::Loaded);
  device.out("CON ? POST t=? /bs ?ep=example-client", kBootstrap);
  device.quiet();
  EXPECT_TRUE(device.client.accounts().empty());
}

TEST(CoreAppendixG_3_3, TheFileOfANordicTestIsABootstrapServer) {  // sdk-nrf tests, uicc_lwm2m
  CardDevice device;
  device.client.start(device.now);
  EXPECT_EQ(device.look(data(drover::from_hex("00010036000000003108002ec80025636f61703a2f2f6c657368616e2e65636c697073"
                                      "6570726f6a656374732e696f3a35373833c10101c10203ffff")
                                 .value())),
            Kind::Loaded);
  EXPECT_EQ(device.client.bootstrap_account()->uri, "coap://leshan.eclipseprojects.io:5783");
}

// ---- §5.2.3.2: a look with each Register and Update -------------------------------------------------------------------

TEST(CoreSection5_2_3_2, EachUpdateWaitsForALookAtTheCard) {
  CardDevice device;
  device.be_on_card();
  device.pass(seconds(60));
  device.client.update(device.now);
  EXPECT_TRUE(device.is_asked());
  device.quiet();
  EXPECT_EQ(device.look(data(kOneServer)), Kind::Unchanged);
  device.out("CON ? POST t=? /rd/5a3f", kCard);
  device.in("ACK $m 2.04 t=$t", kCard);
  device.pass(seconds(60));
  device.client.update(device.now);
  EXPECT_TRUE(device.is_asked()) << "the last look was for the last Update";
}

TEST(CoreSection5_2_3_2, ARegisterThatIsTriedAgainWaitsToo) {
  CardDevice device;
  device.client.start(device.now);
  EXPECT_EQ(device.look(data(kOneServer)), Kind::Loaded);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?", kCard);
  device.in("ACK $m 5.03 t=$t", kCard);
  device.pass(seconds(15));
  EXPECT_TRUE(device.is_asked());
  device.quiet();
  EXPECT_EQ(device.look(data(kOneServer)), Kind::Unchanged);
  device.registers();
}

TEST(CoreSection5_2_3_2, ADeregisterWaitsForNothing) {
  CardDevice device;
  device.be_on_card();
  device.pass(seconds(60));
  device.client.stop(device.now);
  EXPECT_FALSE(device.is_asked());
  device.out("CON ? DELETE t=? /rd/5a3f", kCard);
  device.in("ACK $m 2.02 t=$t", kCard);
  EXPECT_TRUE(device.client.is_off());
}

TEST(CoreSection5_2_3_2, AStopWhileTheCardIsLookedAtEndsAtOnce) {
  CardDevice device;
  device.client.start(device.now);
  EXPECT_EQ(device.look(data(kOneServer)), Kind::Loaded);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?", kCard);
  device.in("ACK $m 5.03 t=$t", kCard);
  device.pass(seconds(15));
  EXPECT_TRUE(device.is_asked());
  device.client.stop(device.now);
  device.quiet();
  EXPECT_TRUE(device.client.is_off());
}

TEST(CoreSection5_2_3_2, ServersOfTheFactoryNeedNoCard) {
  CardDevice device("coap://192.0.2.1");
  device.client.start(device.now);
  EXPECT_EQ(device.look(NoCard{"none"}), Kind::Nothing);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=86400 ? ?", kFactory);
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f", kFactory);
  device.pass(seconds(60));
  device.client.update(device.now);
  device.out("CON ? POST t=? /rd/5a3f", kFactory);
}

TEST(ScrCr010, AChangedCardIsLoadedInPlaceOfItsFormerSelf) {
  CardDevice device;
  device.be_on_card();
  device.pass(seconds(60));
  device.client.update(device.now);
  EXPECT_TRUE(device.is_asked());
  EXPECT_EQ(device.look(data(kOneServerShorter)), Kind::Loaded);
  device.registers("?lt=600");
  EXPECT_EQ(device.text("/1/0/1"), "600");
  EXPECT_EQ(device.count(0), 1U);
}

TEST(ScrBoot013, AnotherCardWithTheSameContentIsLoadedAnew) {
  CardDevice device;
  device.be_on_card();
  device.set("/1/0/1", std::int64_t{777});
  device.pass(milliseconds(300));
  device.quiet();
  EXPECT_EQ(device.look(data(kOneServer)), Kind::Unchanged) << "the look for the Register was for that alone";
  device.out("CON ? POST t=? /rd/5a3f ?lt=777", kCard);
  device.in("ACK $m 2.04 t=$t", kCard);
  device.pass(seconds(60));
  device.client.look_at_card(device.now);
  EXPECT_TRUE(device.is_asked());
  EXPECT_EQ(device.look(data(kOneServer, 2)), Kind::Loaded);
  EXPECT_EQ(device.text("/1/0/1"), "43200");
}

TEST(CoreSection5_2_3_2, WhatCameFromACardGoesWithIt) {
  CardDevice device;
  device.be_on_card();
  device.pass(seconds(60));
  device.client.update(device.now);
  EXPECT_TRUE(device.is_asked());
  EXPECT_EQ(device.look(NoCard{"the card was taken out"}), Kind::Removed);
  EXPECT_EQ(device.count(0), 0U);
  EXPECT_EQ(device.count(1), 0U);
  EXPECT_EQ(device.client.loaded_card(), std::nullopt);
  device.out("CON ? DELETE t=? /rd/5a3f", kCard);
  device.in("ACK $m 2.02 t=$t", kCard);
  device.quiet();
  EXPECT_TRUE(device.client.accounts().empty());
  // Step 2 of §5.2.4 is the host's.
  EXPECT_TRUE(device.client.add_account(device.now, 1, "coap://192.0.2.1", 86400));
  device.client.settle(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=86400 ? ?", kFactory);
}

TEST(CoreSection5_2_3_2, ACardThatComesLaterIsLoaded) {
  CardDevice device("coap://192.0.2.1");
  device.client.start(device.now);
  EXPECT_EQ(device.look(NoCard{"none"}), Kind::Nothing);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=86400 ? ?", kFactory);
  device.in("ACK $m 2.01 t=$t loc=rd loc=1", kFactory);
  EXPECT_EQ(device.look(data(kOneServer)), Kind::Loaded) << "of the host's own accord";
  device.out("CON ? DELETE t=? /rd/1", kFactory);
  device.registers();
}

// ---- what can't be read ------------------------------------------------------------------------------------------------

TEST(CoreSection5_2_3_2, AFailureLeavesTheDeviceAsItWas) {
  CardDevice device;
  device.be_on_card();
  device.pass(seconds(60));
  device.client.update(device.now);
  EXPECT_TRUE(device.is_asked());
  EXPECT_EQ(device.look(UnreadableCard{"the card's cryptogram is wrong", data({}).identity}), Kind::Unreadable);
  EXPECT_EQ(device.text("/1/0/1"), "43200");
  device.out("CON ? POST t=? /rd/5a3f", kCard);
  device.in("ACK $m 2.04 t=$t", kCard);
}

TEST(CoreSection5_2_3_2, AnotherCardThatCannotBeReadEndsWhatTheFirstBrought) {
  CardDevice device;
  device.be_on_card();
  device.client.look_at_card(device.now);
  EXPECT_EQ(device.look(UnreadableCard{"PIN", data({}, 2).identity}), Kind::Removed);
  EXPECT_EQ(device.count(0), 0U);
}

TEST(CoreSection5_2_3_2, ACardThatCouldNotBeReadIsTriedAgainWithTheNextUpdate) {
  CardDevice device("coap://192.0.2.1");
  device.client.start(device.now);
  EXPECT_EQ(device.look(UnreadableCard{"the reader failed"}), Kind::Unreadable);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=86400 ? ?", kFactory);
  device.in("ACK $m 2.01 t=$t loc=rd loc=1", kFactory);
  device.pass(seconds(60));
  device.client.update(device.now);
  EXPECT_TRUE(device.is_asked());
  EXPECT_EQ(device.look(data(kOneServer)), Kind::Loaded);
  device.out("CON ? DELETE t=? /rd/1", kFactory);
  device.registers();
}

TEST(CoreSection5_2_6, DataThatAreNoConfigurationAreRefusedAsAWhole) {
  const std::string with_object = "080005c91644" "00";  // not TLV of object 3303
  const struct {
    const char* what;
    Bytes file;
    const char* reason;
  } cases[] = {
      {"cut off", Bytes(kOneServer.begin(), kOneServer.end() - 1), ""},
      {"no server instance", file_of({object(0, kSecurity101)}), "/0/0 has no Server instance; none has the Short Server ID 101"},
      {"no account", file_of({object(1, kServer101)}), "/1/0 has no Security instance; none has the Short Server ID 101"},
      {"keys for coap", file_of({object(0, "08001cc80010" + to_hex(to_bytes("coap://192.0.2.7")) + "c10100c10200c10a65"),
                                 object(1, kServer101)}),
       ""},
      {"TLV cut off", file_of({object(0, kSecurity101.substr(0, kSecurity101.size() - 2)), object(1, kServer101)}), ""},
      {"another object's TLV", file_of({object(0, kSecurity101), object(1, kServer101), object(3303, with_object)}), ""},
      {"object 0 of version 2", drover::from_hex("0001" "0025" "0000" "0200" "001f" + kSecurity101).value(), "object 0 is of version 2.0"},
  };
  for (const auto& [what, file, reason] : cases) {
    CardDevice device("coap://192.0.2.1");
    device.client.start(device.now);
    const CardReport report = device.found(data(file));
    EXPECT_EQ(report.kind, Kind::Refused) << what;
    EXPECT_NE(report.reason, "") << what;
    if (reason[0] != '\0') {
      EXPECT_EQ(report.reason, reason) << what;
    }
    EXPECT_EQ(device.text("/0/0/0"), "coap://192.0.2.1") << what;
    device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=86400 ? ?", kFactory);
  }
}

TEST(CoreSection5_2_3_2, AChangeToSomethingUselessDisablesWhatWasThere) {
  CardDevice device;
  device.be_on_card();
  device.client.look_at_card(device.now);
  EXPECT_EQ(device.look(data(file_of({object(0, kSecurity101)}))), Kind::Refused);
  EXPECT_EQ(device.count(0), 0U);
  device.out("CON ? DELETE t=? /rd/5a3f", kCard);
}

// ---- other objects, access rights, a Bootstrap-Server -----------------------------------------------------------------

TEST(CoreAppendixG_3_3, ObjectsThatTheDeviceHasNotAreLeftOut) {
  CardDevice device;
  device.client.start(device.now);
  // Version 2.5 (G.3.3's example), which is nobody's here; and object 3303 of the implicit version: 21.5 at /3303/0/5700.
  const std::string versioned = "2328" "0205" "0003" "c10001";
  const std::string sensor = object(3303, "080007e4164441ac0000");
  const CardReport report = device.found(data(file_of({object(0, kSecurity101), versioned, object(1, kServer101), sensor})));
  EXPECT_EQ(report.kind, Kind::Loaded) << report.reason;
  EXPECT_EQ(report.reason, "object 9000 isn't known here");
  EXPECT_EQ(device.count(3303), 1U);
  device.registers();
  device.client.look_at_card(device.now);
  EXPECT_EQ(device.look(NoCard{"gone"}), Kind::Removed);
  EXPECT_EQ(device.count(3303), 0U) << "as a whole";
  EXPECT_EQ(device.count(3), 1U);
}

/// Server 101 as above and 102 at 192.0.2.8; object 3's instance is 101's, who lets 102 read.
const Bytes kTwoServers = file_of(
    {object(0, kSecurity101 + "08011cc80010" + to_hex(to_bytes("coap://192.0.2.8")) + "c10100c10203c10a66"),
     object(1, kServer101 + "08010fc10066c4010000a8c0c10600c10755"),
     object(2, "080011" "c10003" "c10100" "8602" "41650f" "416601" "c10365")});

TEST(ScrBoot003, AccessRightsOfACardHold) {
  CardDevice device;
  device.client.start(device.now);
  ASSERT_EQ(device.look(data(kTwoServers)), Kind::Loaded);
  const auto second = server_address(8);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=43200 ? ?", kCard);
  device.in("ACK $m 2.01 t=$t loc=rd loc=1", kCard);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ?lt=43200 ? ?", second);
  device.in("ACK $m 2.01 t=$t loc=rd loc=2", second);
  device.in("CON 0101 GET t=01 /3/0/0", second);
  device.out("ACK 0101 2.05 t=01 ct=0 'Open Mobile Alliance'", second);
  device.in("CON 0102 POST t=02 /3/0/4", second);
  device.out("ACK 0102 4.01 t=02 ?", second);
  device.pass(seconds(60));
  device.client.look_at_card(device.now);
  EXPECT_EQ(device.look(data(kOneServer)), Kind::Loaded);
  EXPECT_EQ(device.count(2), 0U) << "its rights went with the rest";
  EXPECT_EQ(device.count(3), 1U);
  EXPECT_EQ(device.count(0), 1U);
}

TEST(CoreE_1_3, WhatACardsServerLeavesBehindGoesToTheServersThatStay) {
  CardDevice device;
  device.client.start(device.now);
  ASSERT_EQ(device.look(data(kTwoServers)), Kind::Loaded);
  // A server that the card didn't bring, as a Bootstrap-Server would.
  EXPECT_TRUE(device.client.add_account(device.now, 9, "coap://192.0.2.9", 300));
  device.client.look_at_card(device.now);
  EXPECT_EQ(device.look(NoCard{"gone"}), Kind::Removed);
  EXPECT_EQ(device.count(0), 1U);
  EXPECT_EQ(device.count(3), 1U);
  ASSERT_EQ(device.client.accounts().size(), 3U);  // two of them are leaving
}

TEST(CoreSection5_2_7, ABootstrapServersConfigurationStaysWhileTheCardIsTheSame) {
  CardDevice device;
  device.client.start(device.now);
  EXPECT_EQ(device.look(data(kBootstrapAlone)), Kind::Loaded);
  device.out("CON ? POST t=? /bs ?ep=example-client", kBootstrap);
  device.in("ACK $m 2.04 t=$t", kBootstrap);
  device.in(R"(CON 0101 PUT t=02 /0/1 ct=11543 '{"bn":"/0/1/","e":[{"n":"0","sv":"coap://192.0.2.7"},{"n":"1","bv":false},{"n":"2","v":3},{"n":"10","v":101}]}')",
            kBootstrap);
  device.out("ACK 0101 2.04 t=02", kBootstrap);
  device.in(R"(CON 0102 PUT t=03 /1/0 ct=11543 '{"bn":"/1/0/","e":[{"n":"0","v":101},{"n":"1","v":300},{"n":"6","bv":true},{"n":"7","sv":"U"}]}')",
            kBootstrap);
  device.out("ACK 0102 2.04 t=03", kBootstrap);
  device.client.look_at_card(device.now);
  device.client.card_found(device.now, NoCard{"in the middle of it"});
  device.pass(seconds(61));  // the host's time is over, its answer isn't
  EXPECT_FALSE(device.event<client::CardChanged>()) << "it waits until the Bootstrap-Server is through";
  device.in("CON 0103 POST t=04 /bs", kBootstrap);
  device.out("ACK 0103 2.04 t=04", kBootstrap);
  EXPECT_EQ(device.event<client::CardChanged>()->report.kind, Kind::Removed);
  EXPECT_EQ(device.count(0), 1U) << "the Bootstrap-Server account was the card's, the server's is the Bootstrap-Server's";
  EXPECT_EQ(device.text("/0/1/0"), "coap://192.0.2.7");
}

TEST(CoreSection5_2_7, WhatABootstrapServerWroteIsNotTheCardsAnyMore) {
  CardDevice device;
  const Bytes file = file_of({object(0, kSecurity101 + "080119c80010" + to_hex(to_bytes("coap://192.0.2.9")) + "c10101c10203"),
                              object(1, kServer101)});
  device.be_on_card(file);
  EXPECT_TRUE(device.client.bootstrap(device.now));
  device.out("CON ? POST t=? /bs ?ep=example-client", kBootstrap);
  device.in("ACK $m 2.04 t=$t", kBootstrap);
  device.in(R"(CON 0102 PUT t=03 /1/0 ct=11543 '{"bn":"/1/0/","e":[{"n":"0","v":101},{"n":"1","v":300},{"n":"6","bv":true},{"n":"7","sv":"U"}]}')",
            kBootstrap);
  device.out("ACK 0102 2.04 t=03", kBootstrap);
  device.in("CON 0103 POST t=04 /bs", kBootstrap);
  device.out("ACK 0103 2.04 t=04", kBootstrap);
  EXPECT_EQ(device.look(data(file)), Kind::Unchanged);
  device.registers("?lt=300");
  EXPECT_EQ(device.client.loaded_card()->instances, (std::set<Path>{Path(0, 0), Path(0, 1)}));
  device.pass(seconds(60));
  device.client.update(device.now);
  EXPECT_EQ(device.look(data(file)), Kind::Unchanged);
  EXPECT_EQ(device.text("/1/0/1"), "300") << "an unchanged card isn't loaded over it";
}

// ---- over a restart ----------------------------------------------------------------------------------------------------

TEST(CoreSection5_2_3_2, ARestartKnowsTheCardThatWasLoaded) {
  CardDevice before;
  before.be_on_card();
  before.set("/1/0/1", std::int64_t{777});
  before.pass(milliseconds(300));
  EXPECT_EQ(before.look(data(kOneServer)), Kind::Unchanged);
  before.out("CON ? POST t=? /rd/5a3f ?lt=777", kCard);
  before.in("ACK $m 2.04 t=$t", kCard);
  const client::SavedState saved = before.client.saved_state(before.now, 1'500'000'000);
  ASSERT_TRUE(saved.card);
  EXPECT_EQ(saved.card->instances, (std::set<Path>{Path(0, 0), Path(1, 0)}));
  for (const bool same : {true, false}) {
    CardDevice device;
    EXPECT_TRUE(device.client.add_account(device.now, 101, "coap://192.0.2.7", 777));
    device.client.restore(device.now, 1'500'000'060, saved);
    device.quiet();
    device.client.start(device.now);
    device.quiet();  // the registration goes on behind the look
    if (same) {
      EXPECT_EQ(device.look(data(kOneServer)), Kind::Unchanged);
      EXPECT_EQ(device.text("/1/0/1"), "777");
      device.out("CON ? POST t=? /rd/5a3f", kCard);
    } else {
      EXPECT_EQ(device.look(NoCard{"none"}), Kind::Removed);
      EXPECT_EQ(device.count(0), 0U);
      device.out("CON ? DELETE t=? /rd/5a3f", kCard);
    }
  }
}

}  // namespace
}  // namespace drover::testing
