// SPDX-License-Identifier: Apache-2.0
// Sessions without security: their steps, and what can go wrong at each.
#include "bootstrap/test_server.hpp"

namespace drover::bootstrap::testing {
namespace {

using std::chrono::seconds;

const std::string kNoSec = R"({'name':'p','discover':false,'servers':[{'id':1,'uri':'coap://h','security':{'mode':'nosec'}}]})";
const std::string kPsk = R"({'name':'p','servers':[{'id':1,'uri':'coaps://h','security':{'mode':'psk'}}]})";
using Lines = std::vector<std::string>;

std::string hex_of(const coap::Request& request) {
  return to_hex(request.payload);
}

TEST_F(ServerTest, LeadsADeviceThroughItsPlan) {
  put(kNoSec);
  ask();
  EXPECT_EQ(device().answered, Lines{"2.04"});
  EXPECT_EQ(device().asked, (Lines{"DELETE /0", "DELETE /1", "PUT /0/1", "PUT /1/0", "POST /bs"}));
  const SessionView view = last();
  EXPECT_STREQ(to_string(view.state), "finished");
  EXPECT_STREQ(to_string(view.applied), "yes");
  EXPECT_EQ(view.step, 4U);
  EXPECT_EQ(view.steps, 4U);
  ASSERT_EQ(view.timeline.size(), 12U);
  EXPECT_STREQ(view.timeline[0].operation, "Bootstrap-Request");
  EXPECT_TRUE(view.timeline[0].from_device);
  EXPECT_STREQ(view.timeline[6].operation, "Bootstrap-Write");
  EXPECT_EQ(view.timeline[6].path, lwm2m::Path(0, 1));
  EXPECT_EQ(view.timeline[6].format, lwm2m::format::kTlv);
  EXPECT_EQ(view.timeline[7].code, coap::code::kChanged);
  EXPECT_EQ(view.began, 1'700'000'000'000);
  EXPECT_EQ(all<SessionStarted>().size(), 1U);
  EXPECT_EQ(all<SessionProgress>().size(), 12U);
  ASSERT_EQ(all<SessionEnded>().size(), 1U);
  EXPECT_EQ(all<SessionEnded>()[0].provisioned.at(0).short_server_id, 1);
}

TEST_F(ServerTest, WithoutSecurityNothingIsGivenUnlessAllowed) {
  Config config;
  config.settings.allow_nosec = false;
  server_ = std::make_unique<BootstrapServer>(std::move(config), rng_);
  put(kNoSec);
  ask();
  EXPECT_EQ(device().answered, Lines{"4.03 a bootstrap needs security"});
  ASSERT_EQ(all<Refused>().size(), 1U);
  EXPECT_EQ(all<Refused>()[0].endpoint, "d");
  EXPECT_EQ(all<Refused>()[0].address, kDevice);
  EXPECT_TRUE(server_->sessions({}).sessions.empty());
  const auto started = server_->start(now_, "d", kDevice, {});
  EXPECT_EQ(started.error().reason, "a bootstrap needs security");
}

TEST_F(ServerTest, BadRequestsHearWhy) {
  ask();
  ask("");
  ask("a", "ep=b");
  ask("a", "pct=x");
  EXPECT_EQ(device().answered,
            (Lines{"4.00 Unknown Endpoint Client Name", "4.00 the parameter 'ep' is missing", "4.00 parameter 'ep' is doubled",
                   "4.00 pct isn't a content format's number"}));
  EXPECT_EQ(server_->counters().requests, 2U);
}

TEST_F(ServerTest, InstancesAreChosenBesideTheBootstrapAccount) {
  put(kPsk);
  device().listing = "lwm2m=\"1.0\",</0/0>;ssid=7,</0/1>,</0/2>;ssid=1,</1/0>;ssid=7,</1/4>;ssid=1";
  ask();
  provide_psk("0123456789abcde");
  // The account of that Short Server ID is overwritten where it was.
  EXPECT_EQ(device().asked, (Lines{"GET /", "DELETE /0", "DELETE /1", "PUT /0/2", "PUT /1/4", "POST /bs"}));
}

TEST_F(ServerTest, WhatIsNotDeletedIsNotOverwritten) {
  put(R"({'name':'p','delete':[],'servers':[{'id':1,'uri':'coap://h','security':{'mode':'nosec'}},
      {'id':2,'uri':'coap://h','security':{'mode':'nosec'}}]})");
  device().listing = "</0/0>;ssid=7,</0/1>,</0/3>;ssid=9,</1/0>;ssid=7";
  ask();
  EXPECT_EQ(device().asked, (Lines{"GET /", "PUT /0/2", "PUT /1/1", "PUT /0/4", "PUT /1/2", "POST /bs"}));
}

TEST_F(ServerTest, ADeviceThatOnlyDiscoversObjects) {
  put(kPsk);
  device().answers["GET /"] = {"4.00", ""};
  device().answers["GET /0"] = {"2.05", "</0/1>"};
  device().answers["GET /1"] = {"2.05", "</1>"};
  ask();
  provide_psk("0123456789abcde");
  EXPECT_EQ(device().asked, (Lines{"GET /", "GET /0", "GET /1", "DELETE /0", "DELETE /1", "PUT /0/0", "PUT /1/0", "POST /bs"}));
}

TEST_F(ServerTest, ADeviceWithoutDiscoverHasItsAccountAtZero) {
  put(kPsk);
  device().answers["GET /"] = device().answers["GET /0"] = {"4.05", ""};
  ask();
  provide_psk("0123456789abcde");
  EXPECT_EQ(device().asked, (Lines{"GET /", "GET /0", "DELETE /0", "DELETE /1", "PUT /0/1", "PUT /1/0", "POST /bs"}));
  EXPECT_STREQ(to_string(last().state), "finished");
}

TEST_F(ServerTest, NothingIsWrittenToADeviceThatLacksSomething) {
  put(R"({'name':'p','delete':['/'],'expect':['/5','/9']})");
  ask();
  EXPECT_EQ(device().asked, Lines{"GET /"});
  expect_failed("step 1 (Bootstrap-Discover /): the device doesn't have /9, which the plan expects");
}

TEST_F(ServerTest, ExpectingNeedsDiscover) {
  put(R"({'name':'p','delete':['/'],'expect':['/5']})");
  device().answers["GET /"] = {"4.05", ""};
  ask();
  expect_failed("step 1 (Bootstrap-Discover /): the device doesn't know Discover (4.05)");
}

TEST_F(ServerTest, TheFormatIsThatOfTheDevice) {
  put(kNoSec);
  ask("d", "pct=11543");
  EXPECT_EQ(device().requests.at("PUT /1/0").options.content_format(), lwm2m::format::kJson);
  EXPECT_TRUE(as_text(device().requests.at("PUT /1/0").payload).starts_with("{\"bn\":\"/1/0/\""));
  ask("e", "pct=110");  // SenML isn't of 1.0
  EXPECT_EQ(device().requests.at("PUT /1/0").options.content_format(), lwm2m::format::kTlv);
}

// ---- failures -------------------------------------------------------------------------------------------------------

TEST_F(ServerTest, EachStepThatIsRefusedEndsTheSession) {
  put(kNoSec);
  const std::pair<const char*, const char*> cases[] = {
      {"DELETE /0", "step 1 (Bootstrap-Delete /0): refused with 4.00: no"}, {"PUT /0/1", "step 3 (Bootstrap-Write /0/1): refused with 4.00: no"},
      {"PUT /1/0", "step 3 (Bootstrap-Write /1/0): refused with 4.00: no"}, {"POST /bs", "step 4 (Bootstrap-Finish): refused with 4.00: no"}};
  for (const auto& [what, reason] : cases) {
    device().answers = {{what, {"4.00", "no"}}};
    device().asked.clear();
    events_.clear();
    ask();
    expect_failed(reason);
    EXPECT_EQ(device().asked.back(), what);
    EXPECT_STREQ(to_string(last().applied), "no");
  }
}

TEST_F(ServerTest, EachStepThatIsNotAnsweredEndsTheSession) {
  put(kNoSec);
  const std::pair<std::string, const char*> cases[] = {{"DELETE /0", "step 1 (Bootstrap-Delete /0): no answer in time"},
                                                       {"PUT /0/1", "step 3 (Bootstrap-Write /0/1): no answer in time"},
                                                       {"POST /bs", "step 4 (Bootstrap-Finish): no answer in time"}};
  for (const auto& [what, reason] : cases) {
    device().answers = {{what, {"", ""}}};
    events_.clear();
    ask();
    pass(seconds(300));
    expect_failed(reason);
    // Only the answer to Finish decides for the device.
    EXPECT_STREQ(to_string(last().applied), what == "POST /bs" ? "unknown" : "no");
  }
}

TEST_F(ServerTest, LostDatagramsAreRepeated) {
  put(kNoSec);
  int count = 0;
  lost = [&](const transport::Transmit&) { return ++count % 3 == 1; };
  ask();
  pass(seconds(120));
  EXPECT_EQ(device().asked, (Lines{"DELETE /0", "DELETE /1", "PUT /0/1", "PUT /1/0", "POST /bs"}));
  EXPECT_STREQ(to_string(last().state), "finished");
}

TEST_F(ServerTest, AFinishThatIsNotAcceptableIsShownWithTheDevicesWords) {
  put(kNoSec);
  device().answers["POST /bs"] = {"4.06", "no Access Control\nhere"};
  ask();
  expect_failed("step 4 (Bootstrap-Finish): refused with 4.06: no Access Control here");
  EXPECT_EQ(last().timeline.back().code, coap::code::kNotAcceptable);
  EXPECT_EQ(last().timeline.back().text, "no Access Control here");
}

TEST_F(ServerTest, AnOptionalStepMayBeRefused) {
  put(R"({'name':'p','discover':false,'delete':[{'path':'/5','optional':true},'/'],'finish':true})");
  device().answers["DELETE /5"] = {"4.04", ""};
  ask();
  EXPECT_EQ(device().asked, (Lines{"DELETE /5", "DELETE /", "POST /bs"}));
  EXPECT_STREQ(to_string(last().state), "finished");
}

TEST_F(ServerTest, ADeviceMayBeginAnew) {
  put(kNoSec);
  device().answers["PUT /0/1"] = {"", ""};
  ask();
  const SessionId first = last().id;
  device().answers.clear();
  ask();
  EXPECT_EQ(server_->session(first)->reason, "the device began anew");
  EXPECT_STREQ(to_string(last().state), "finished");
  EXPECT_EQ(device().answered, (Lines{"2.04", "2.04"}));
  EXPECT_EQ(server_->counters().sessions, 0U);
}

TEST_F(ServerTest, TwoDevicesAtOnce) {
  put(kPsk);
  const PeerAddress other = PeerAddress::v4(0xC6336401, 5683);
  ask("a");
  ask("b", "", other);
  EXPECT_EQ(server_->counters().sessions, 2U);
  provide_psk("BBBBBBBBBBBBBBB", 1);
  EXPECT_EQ(device(other).asked.back(), "POST /bs");
  EXPECT_TRUE(device().asked.empty());
  provide_psk("AAAAAAAAAAAAAAA", 0);
  EXPECT_NE(hex_of(device().requests.at("PUT /0/1")).find(to_hex(as_bytes("AAAAAAAAAAAAAAA0"))), std::string::npos);
  EXPECT_EQ(hex_of(device().requests.at("PUT /0/1")).find(to_hex(as_bytes("BBBB"))), std::string::npos);
}

TEST_F(ServerTest, ASessionKeepsItsPlan) {
  put(kPsk);
  ask();
  put(R"({'name':'p','delete':['/']})");
  provide_psk("0123456789abcde");
  EXPECT_EQ(device().asked.back(), "POST /bs");
  EXPECT_EQ(device().asked.size(), 6U);
}

// ---- keys -----------------------------------------------------------------------------------------------------------

TEST_F(ServerTest, KeysAreAskedForAndWaitedFor) {
  put(R"({'name':'p','keys':'rotate','discover':false,'servers':[
      {'id':1,'uri':'coaps://{endpoint}.example','security':{'mode':'psk','identity':'{endpoint}-{id}','key_bytes':32}},
      {'id':2,'uri':'coaps://h','security':{'mode':'rpk','server_public_key':'aabb'}}]})");
  ask("d");
  EXPECT_TRUE(device().asked.empty());
  EXPECT_STREQ(to_string(last().state), "waiting");
  ASSERT_EQ(all<KeysWanted>().size(), 1U);
  const KeysWanted wanted = all<KeysWanted>()[0];
  EXPECT_TRUE(wanted.rotate);
  ASSERT_EQ(wanted.requests.size(), 2U);
  EXPECT_EQ(wanted.requests[0].identity, "d-1");
  EXPECT_EQ(wanted.requests[0].uri, "coaps://d.example");
  EXPECT_EQ(wanted.requests[0].key_bytes, 32U);
  EXPECT_STREQ(to_string(wanted.requests[1].mode), "rpk");
  EXPECT_EQ(to_hex(wanted.requests[1].server_public_key), "aabb");
  server_->provide(now_, wanted.session,
                   std::vector<security::ClientCredential>{
                       {security::PskCredential{"kept", Secret<Bytes>(Bytes(32, 'k'))}, {}},
                       {security::RawKeyCredential{Bytes{1, 2}, Secret<Bytes>(Bytes{3, 4})}, {}}});
  settle();
  const SessionView view = last();
  EXPECT_STREQ(to_string(view.state), "finished");
  ASSERT_EQ(view.provisioned.size(), 2U);
  EXPECT_EQ(as_text(view.provisioned[0].public_identity), "kept");
  EXPECT_TRUE(view.provisioned[0].generated);
  EXPECT_EQ(to_hex(view.provisioned[1].public_identity), "0102");
}

TEST_F(ServerTest, KeysThatDoNotComeOrDoNotFitEndTheSession) {
  put(kPsk);
  const auto key = [](std::string identity, std::string bytes) {
    return security::ClientCredential{security::PskCredential{std::move(identity), Secret<Bytes>(to_bytes(bytes))}, {}};
  };
  using Keys = std::vector<security::ClientCredential>;
  const std::pair<Result<Keys>, const char*> cases[] = {
      {tl::unexpected(Error{Fault::Environment, 0, "the disk is full"}), "keys: the disk is full"},
      {Keys{}, "keys: fewer than were asked for"},
      {Keys{key("a", "k"), key("b", "l")}, "keys: more than were asked for"},
      {Keys{key("", "k")}, "keys of server 1: resource 3 (Public Key or Identity) is empty"},
      {Keys{key("a", "")}, "keys of server 1: resource 5 (Secret Key) is empty"},
      {Keys{key(std::string(129, 'a'), "k")}, "keys of server 1: the PSK identity has more than 128 bytes"},
      {Keys{{security::RawKeyCredential{Bytes{1}, Secret<Bytes>(Bytes{1})}, Bytes{1}}}, "keys of server 1: they are of another security mode"},
  };
  for (const auto& [keys, reason] : cases) {
    events_.clear();
    ask();
    server_->provide(now_, all<KeysWanted>().at(0).session, keys);
    settle();
    expect_failed(reason);
  }
  events_.clear();
  ask();
  pass(seconds(61));
  expect_failed("keys: they didn't come in time");
  // Too late, and for nobody.
  server_->provide(now_, last().id, Keys{key("a", "k")});
  server_->provide(now_, SessionId{999}, Keys{key("a", "k")});
  settle();
  EXPECT_EQ(device().asked, Lines{});
}

TEST_F(ServerTest, TwoServersNeverGetTheSameKey) {
  put(R"({'name':'p','servers':[{'id':1,'uri':'coaps://a','security':{'mode':'psk'}},{'id':2,'uri':'coaps://b','security':{'mode':'psk'}}]})");
  ask();
  const security::ClientCredential key{security::PskCredential{"i", Secret<Bytes>(Bytes(16, 1))}, {}};
  server_->provide(now_, last().id, std::vector<security::ClientCredential>{key, key});
  settle();
  expect_failed("keys of server 2: they are those of server 1");
}

TEST_F(ServerTest, NoKeyIsShownThatADeviceRepeats) {
  put(kPsk);
  const std::string key = "0123456789abcde0";
  for (const std::string& echo : {key, to_hex(as_bytes(key)), std::string("MDEyMzQ1Njc4OWFiY2RlMA==")}) {
    device().answers["PUT /0/1"] = {"4.00", "bad value " + echo};
    events_.clear();
    ask();
    provide_psk("0123456789abcde");
    expect_failed("step 4 (Bootstrap-Write /0/1): refused with 4.00: (it repeats a key)");
    for (const TimelineEntry& entry : last().timeline) EXPECT_EQ(entry.text.find(echo), std::string::npos);
  }
}

// ---- limits ---------------------------------------------------------------------------------------------------------

TEST_F(ServerTest, SessionsAreLimitedInAllAndByNetwork) {
  Config config;
  config.settings.sessions_max = 3;
  config.settings.sessions_per_network_max = 2;
  start_server(std::move(config));
  put(kPsk);
  ask("a"), ask("b"), ask("c");
  EXPECT_EQ(device().answered.back(), "5.03 too many bootstraps of that network are under way");
  ask("b");  // in its own place
  EXPECT_EQ(device().answered.back(), "2.04");
  const PeerAddress other = PeerAddress::v4(0xC6336401, 5683);
  ask("c", "", other), ask("e", "", other);
  EXPECT_EQ(device(other).answered, (Lines{"2.04", "5.03 too many bootstraps are under way"}));
  EXPECT_EQ(server_->counters().sessions, 3U);
}

TEST_F(ServerTest, EndedSessionsAreKeptUpToALimit) {
  Config config;
  config.settings.kept_sessions_max = 5;
  config.settings.timeline_max = 3;
  start_server(std::move(config));
  put(kNoSec);
  for (int i = 0; i < 9; ++i) ask("d" + std::to_string(i));
  SessionPage page = server_->sessions({.endpoint = {}, .before = {}, .limit = 2});
  ASSERT_EQ(page.sessions.size(), 2U);
  EXPECT_EQ(page.sessions[0].endpoint, "d8");
  EXPECT_TRUE(page.sessions[0].timeline.empty());
  ASSERT_TRUE(page.next);
  page = server_->sessions({.endpoint = {}, .before = page.next, .limit = 100});
  EXPECT_EQ(page.sessions.size(), 3U);
  EXPECT_FALSE(page.next);
  EXPECT_EQ(page.sessions.back().endpoint, "d4");
  EXPECT_EQ(server_->sessions({.endpoint = "d6", .before = {}, .limit = 10}).sessions.size(), 1U);
  EXPECT_EQ(last().timeline.size(), 3U);
  EXPECT_EQ(last().omitted, 9U);
}

TEST_F(ServerTest, SomebodyMayEndASession) {
  put(kPsk);
  ask();
  EXPECT_TRUE(server_->end(now_, last().id, "given up"));
  settle();
  expect_failed("given up");
  EXPECT_FALSE(server_->end(now_, last().id, "again"));
}

TEST_F(ServerTest, ADeviceIsCalledWithoutSecurity) {
  put(kNoSec);
  device();
  const auto id = server_->start(now_, "d", kDevice, {});
  ASSERT_TRUE(id) << id.error().reason;
  settle();
  EXPECT_EQ(device().asked, (Lines{"DELETE /0", "DELETE /1", "PUT /0/1", "PUT /1/0", "POST /bs"}));
  EXPECT_TRUE(last().server_initiated);
  EXPECT_STREQ(to_string(last().state), "finished");
  EXPECT_EQ(server_->start(now_, "", kDevice, {}).error().reason, "the endpoint name must be 1 to 255 bytes of UTF-8");
}

TEST_F(ServerTest, AnEndpointInAUriChoosesNoHost) {
  put(R"({'name':'p','discover':false,'servers':[{'id':1,'uri':'coap://{endpoint}.h','security':{'mode':'nosec'}}]})");
  ask("evil/@x");
  EXPECT_EQ(last().provisioned.at(0).uri, "coap://evil%2f%40x.h");
  events_.clear();
  ask(std::string(252, '/'));
  expect_failed("step 3: the URI of server 1 has more than 255 bytes");
}

}  // namespace
}  // namespace drover::bootstrap::testing
