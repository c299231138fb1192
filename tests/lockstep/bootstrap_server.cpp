// SPDX-License-Identifier: Apache-2.0
// Transport Figures 2 and 3 at the Bootstrap-Server, with the values of Core Appendix F, in exact bytes.
#include <memory>

#include "bootstrap/server.hpp"
#include "bootstrap/test_plans.hpp"
#include "tests/lockstep/server_peer.hpp"

namespace drover::lockstep {
namespace {

using bootstrap::BootstrapServer;
using std::chrono::seconds;
using transport::PeerAddress;

const PeerAddress kClient = PeerAddress::v4(0xC0000202, 5683);

// Core Appendix F, Tables 31 to 39, as TLV (Core §6.4.3).
const Bytes kSecurity1 = wire("C8 00 1B 'coaps://server1.example.com' | C1 01 00 | C1 02 00 | C8 03 17 'b313cc22-f969-42ec-ad42' |"
                              "C0 04 | C8 05 10 1ca2028d7197c778e9aef5ef69082bea | C1 0A 65");
const Bytes kSecurity2 = wire(
    "C8 00 1B 'coaps://server2.example.com' | C1 01 00 | C1 02 01 |"
    "C8 03 5B 3059301306072a8648ce3d020106082a8648ce3d03010703420004a09dcb1bc739e7f19afa9adcb1944968bfba73efcec29b50486eb44d1b29c193449970a3736830cb2bd5d7ec05d2bd1fc07b6df5e48b54ce77a6a7229c3a91c2 |"
    "C8 04 5B 3059301306072a8648ce3d020106082a8648ce3d0301070342000482c773f378d30c2783a48eb811b96cf6a90694a8564f1e7f6d366152f11698950f6f7c40cda585334f837750a102f5bf25508ceb9e55dfc0f12a455199a4c960 |"
    "C8 05 79 307702010104209f352da16495748e146fcb5370b8e96d292ced5567a8fae55a22bb67d91651b8a00a06082a8648ce3d030107a14403420004a09dcb1bc739e7f19afa9adcb1944968bfba73efcec29b50486eb44d1b29c193449970a3736830cb2bd5d7ec05d2bd1fc07b6df5e48b54ce77a6a7229c3a91c2 |"
    "C1 0A 66");
const Bytes kServer1 = wire("C1 00 65 | C4 01 00015180 | C2 02 012C | C2 03 1770 | C4 05 00015180 | C1 06 01 | C1 07 'U'");
const Bytes kServer2 = wire("C1 00 66 | C4 01 00015180 | C1 02 3C | C2 03 1770 | C4 05 00015180 | C1 06 00 | C2 07 'UQ'");
const Bytes kAccess[] = {wire("C1 00 01 | C1 01 00 | 83 02 41650F | C1 03 65"),
                         wire("C1 00 01 | C1 01 01 | 83 02 41660F | C1 03 66"),
                         wire("C1 00 03 | C1 01 00 | 86 02 41650F 416601 | C1 03 65"),
                         wire("C1 00 04 | C1 01 00 | 86 02 410001 416501 | C1 03 65"),
                         wire("C1 00 05 | C4 01 0000FFFF | 83 02 416510 | C4 03 0000FFFF")};

class BootstrapLadder : public testing::Test {
 protected:
  BootstrapLadder() {
    bootstrap::Config config;
    config.settings.allow_nosec = true;
    server_ = std::make_unique<BootstrapServer>(std::move(config), rng_);
  }
  void put(const std::string& plan) { ASSERT_TRUE(server_->plans().put(bootstrap::testing::plan(plan))); }
  void say(const Bytes& bytes) { server_->handle_datagram(now_, {kClient, bytes}); }
  Bytes hear() {
    const auto transmit = server_->poll_transmit();
    if (!transmit) {
      ADD_FAILURE() << "the server is silent";
      return {};
    }
    EXPECT_EQ(transmit->to, kClient);
    return transmit->bytes;
  }
  void expect(const Bytes& bytes) { EXPECT_EQ(to_hex(hear()), to_hex(bytes)); }
  void expect_silence() {
    if (const auto transmit = server_->poll_transmit()) ADD_FAILURE() << "heard " << to_hex(transmit->bytes);
  }
  Heard expect_request(std::string_view code, const Bytes& rest) {
    const Heard heard = cut(hear());
    EXPECT_EQ(heard.type, 0) << "requests are confirmable";
    EXPECT_EQ(heard.code, code);
    EXPECT_EQ(to_hex(heard.rest), to_hex(rest));
    return heard;
  }
  void answer(const Heard& request, std::string_view code, std::string_view rest = "") {
    expect_silence();  // NSTART: nothing more until this is answered
    say(wire("6" + std::to_string(request.token.size() / 2) + std::string(code) + request.id + request.token) + wire(rest));
  }
  /// PUT /object/instance in TLV, answered 2.04.
  void expect_write(std::string_view path, const Bytes& payload) {
    answer(expect_request("0.03", wire("B1") + to_bytes(path.substr(1, 1)) + wire("01") + to_bytes(path.substr(3, 1)) + wire("12 2D16 FF") + payload), "44");
  }
  void expect_delete_all() { answer(expect_request("0.04", {}), "42"); }
  void expect_finish(std::string_view answered = "44") { answer(expect_request("0.02", wire("B2 'bs'")), answered); }
  [[nodiscard]] bootstrap::SessionView session() const { return server_->sessions({}).sessions.at(0); }
  void pass_to_deadline() {
    now_ = server_->deadline().value().at;
    server_->handle_timeout(now_);
  }

  SplitMix rng_{42};
  Instant now_{};
  std::unique_ptr<BootstrapServer> server_;
};

/// Figure 2's one server, one Access Control instance.
const std::string kFigure2 = R"({'name':'figure','delete':['/'],'servers':[
  {'id':101,'uri':'coaps://server1.example.com','security_instance':1,'server_instance':0,
   'security':{'mode':'psk','identity':'b313cc22-f969-42ec-ad42','key':'1ca2028d7197c778e9aef5ef69082bea'},
   'lifetime':86400,'pmin':300,'pmax':6000,'disable_timeout':86400,'store_notifications':true,'binding':'U'}],
  'write':[{'path':'/2/0','value':{'0':1,'1':0,'2':{'101':15},'3':101}}]})";

TEST_F(BootstrapLadder, Figure2ClientInitiated) {
  put(kFigure2);
  say(wire("41 02 1001 A1 | B2 'bs' | 4C 'ep=node34141'"));
  expect(wire("61 44 1001 A1"));
  expect_delete_all();
  expect_write("/0/1", kSecurity1);
  expect_write("/1/0", kServer1);
  expect_write("/2/0", kAccess[0]);
  expect_finish();
  expect_silence();
  EXPECT_STREQ(to_string(session().state), "finished");
}

TEST_F(BootstrapLadder, Figure2WithBothServersOfAppendixF) {
  put(bootstrap::testing::kAppendixF);
  say(wire("41 02 1001 A1 | B2 'bs' | 4D 04 'ep=example-client'"));
  expect(wire("61 44 1001 A1"));
  expect_delete_all();
  expect_write("/0/1", kSecurity1);
  expect_write("/1/0", kServer1);
  expect_write("/0/2", kSecurity2);
  expect_write("/1/1", kServer2);
  for (int i = 0; i < 5; ++i) expect_write("/2/" + std::to_string(i), kAccess[i]);
  expect_finish();
  EXPECT_STREQ(to_string(session().state), "finished");
}

TEST_F(BootstrapLadder, Figure3IsTheSameOnceTheServerHasExecutedTheTrigger) {
  // POST /1/0/9 goes between the LwM2M Server and the client; the client then asks as in Figure 2, perhaps from a
  // registration that had a bootstrap before.
  put(kFigure2);
  for (const char* id : {"1001", "1002"}) {
    say(wire("41 02") + wire(id) + wire("A1 | B2 'bs' | 4C 'ep=node34141'"));
    expect(wire("61 44") + wire(id) + wire("A1"));
    expect_delete_all();
    expect_write("/0/1", kSecurity1);
    expect_write("/1/0", kServer1);
    expect_write("/2/0", kAccess[0]);
    expect_finish();
    EXPECT_STREQ(to_string(session().state), "finished");
  }
}

TEST_F(BootstrapLadder, TheServerBeginsWithoutABootstrapRequest) {
  put(kFigure2);
  ASSERT_TRUE(server_->start(now_, "node34141", kClient, {}));
  expect_delete_all();
  expect_write("/0/1", kSecurity1);
  expect_write("/1/0", kServer1);
  expect_write("/2/0", kAccess[0]);
  expect_finish();
}

TEST_F(BootstrapLadder, ARepeatedRequestHearsTheSameAnswer) {
  put(kFigure2);
  const Bytes request = wire("41 02 1001 A1 | B2 'bs' | 4C 'ep=node34141'");
  say(request);
  expect(wire("61 44 1001 A1"));
  const Heard deletion = expect_request("0.04", {});
  say(request);
  expect(wire("61 44 1001 A1"));
  answer(deletion, "42");
  expect_write("/0/1", kSecurity1);
  EXPECT_EQ(server_->counters().requests, 1U);
}

TEST_F(BootstrapLadder, ALostWriteIsRepeatedAsItWas) {
  put(kFigure2);
  say(wire("41 02 1001 A1 | B2 'bs' | 4C 'ep=node34141'"));
  expect(wire("61 44 1001 A1"));
  expect_delete_all();
  const Bytes first = hear();
  pass_to_deadline();
  EXPECT_EQ(to_hex(hear()), to_hex(first));
  answer(cut(first), "44");
  expect_write("/1/0", kServer1);
}

TEST_F(BootstrapLadder, AnAnswerOfItsOwnMessage) {
  put(kFigure2);
  say(wire("41 02 1001 A1 | B2 'bs' | 4C 'ep=node34141'"));
  expect(wire("61 44 1001 A1"));
  const Heard deletion = expect_request("0.04", {});
  say(wire("60 00" + deletion.id));
  expect_silence();
  say(wire("4" + std::to_string(deletion.token.size() / 2) + "42 7001" + deletion.token));
  expect(wire("60 00 7001"));
  expect_write("/0/1", kSecurity1);
}

TEST_F(BootstrapLadder, AResetEndsIt) {
  put(kFigure2);
  say(wire("41 02 1001 A1 | B2 'bs' | 4C 'ep=node34141'"));
  expect(wire("61 44 1001 A1"));
  const Heard deletion = expect_request("0.04", {});
  say(wire("70 00" + deletion.id));
  expect_silence();
  EXPECT_EQ(session().reason, "step 1 (Bootstrap-Delete /): the device rejected the message (Reset)");
}

TEST_F(BootstrapLadder, AnUnknownEndpointIsABadRequest) {
  put(bootstrap::testing::kAppendixF);
  say(wire("41 02 1001 A1 | B2 'bs' | 4C 'ep=node34141'"));
  expect(wire("61 80 1001 A1 | FF 'Unknown Endpoint Client Name'"));
  expect_silence();
}

TEST_F(BootstrapLadder, AnInconsistentConfigurationIsNotAcceptable) {
  put(kFigure2);
  say(wire("41 02 1001 A1 | B2 'bs' | 4C 'ep=node34141'"));
  expect(wire("61 44 1001 A1"));
  expect_delete_all();
  expect_write("/0/1", kSecurity1);
  expect_write("/1/0", kServer1);
  expect_write("/2/0", kAccess[0]);
  expect_finish("86");
  expect_silence();
  EXPECT_EQ(session().reason, "step 4 (Bootstrap-Finish): refused with 4.06");
  EXPECT_STREQ(to_string(session().applied), "no");
}

TEST_F(BootstrapLadder, DiscoverAsTheSpecificationPrintsIt) {
  // Core §5.2.7.3: the credentials for the Bootstrap-Server are in instance 1.
  put(R"({'name':'p','delete':[],'servers':[{'id':103,'uri':'coap://h','security':{'mode':'nosec'}}]})");
  say(wire("41 02 1001 A1 | B2 'bs' | 4C 'ep=node34141'"));
  expect(wire("61 44 1001 A1"));
  answer(expect_request("0.01", wire("D1 04 28")), "45", R"(C1 28 FF 'lwm2m="1.0",</0/0>;ssid=101, </0/1/>, </0/2>;ssid=102')");
  expect_write("/0/3", wire("C8 00 08 'coap://h' | C1 01 00 | C1 02 03 | C0 03 | C0 04 | C0 05 | C1 0A 67"));
  expect_write("/1/0", wire("C1 00 67 | C4 01 00015180 | C1 06 01 | C1 07 'U'"));
  expect_finish();
}

}  // namespace
}  // namespace drover::lockstep
