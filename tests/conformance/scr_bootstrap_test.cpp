// SPDX-License-Identifier: Apache-2.0
// The Bootstrap interface, from both ends (Core §5.2, Transport "Bootstrap Interface").
#include <algorithm>

#include "tests/conformance/bootstrap_link.hpp"

namespace drover::conformance {
namespace {

using bootstrap::testing::kAppendixF;
using client::BootstrapState;

/// Server 101 at server.example.com with a key that is made for the device.
constexpr const char* kPlan = R"({'name':'p','servers':[{'id':101,'uri':'coaps://server.example.com','lifetime':300,
 'security':{'mode':'psk','key':'generate'}}]})";

TEST(Scr, BOOT_004_C_TheDeviceAsksAndIsConfigured) {
  BootstrapLink link;
  link.plan(kPlan);
  link.start();
  EXPECT_EQ(link.state(), "finished");
  EXPECT_EQ(link.text("/0/1/0"), "coaps://server.example.com");
  EXPECT_EQ(link.text("/1/0/1"), "300");
  EXPECT_TRUE(link.is_registered());
}

TEST(Scr, BOOT_005_C_ATriggerOfTheServerLeadsToABootstrap) {
  BootstrapLink link;
  link.plan(kPlan);
  link.start();
  std::string changed = kPlan;
  changed.replace(changed.find("'lifetime':300"), 14, "'lifetime':600");
  link.plan(changed);
  EXPECT_EQ(link.execute(Path(1, 0, 9)), Status::Changed);
  EXPECT_EQ(link.text("/1/0/1"), "600");
  EXPECT_TRUE(link.is_registered());
}

TEST(Scr, BOOT_005_S_TheServerSetsABootstrapOff) {
  BootstrapLink link;
  link.plan(kPlan);
  link.start();
  EXPECT_EQ(link.execute(Path(1, 0, 9)), Status::Changed);
  EXPECT_EQ(link.bootstrap().sessions({}).sessions.size(), 2U);
  EXPECT_EQ(link.state(), "finished");
}

TEST(Scr, BOOT_007_C_TheAccountOfTheBootstrapServerStaysAndHasNoShortServerId) {
  BootstrapLink link;
  link.plan(kPlan);
  link.start();
  EXPECT_EQ(link.text("/0/0/0"), "coaps://bootstrap.example.com");
  EXPECT_EQ(link.text("/0/0/1"), "1");
  ASSERT_TRUE(link.client.bootstrap_account());
  EXPECT_EQ(link.client.bootstrap_account()->uri, "coaps://bootstrap.example.com:5684");
}

TEST(Scr, BOOT_008_C_WhatIsProvisionedIsTakenWithoutAccessRights) {
  BootstrapLink link;
  link.plan(R"({'name':'p','servers':[{'id':101,'uri':'coaps://server.example.com','security':{'mode':'psk'}}],
   'write':[{'path':'/2/0','value':{'0':1,'1':0,'2':{'101':15},'3':101}},{'path':'/3/0/14','value':'+02:00'}]})");
  link.start();
  EXPECT_EQ(link.state(), "finished");
  EXPECT_EQ(link.text("/2/0/2/101"), "15");
  EXPECT_EQ(link.text("/3/0/14"), "+02:00");
}

TEST(Scr, BOOT_009_C_ServersOfTheFactoryComeBeforeTheBootstrapServer) {
  BootstrapLink link;
  link.plan(kPlan);
  ASSERT_TRUE(link.client.add_account(link.now, 7, "coaps://server.example.com", 300,
                                      BootstrapLink::psk("1ca2028d7197c778e9aef5ef69082bea")));
  link.away = true;
  link.start();
  EXPECT_EQ(link.asked, std::vector<std::string>{"server.example.com"});
  for (int minutes = 0; link.state() != "finished" && minutes < 30; ++minutes) link.pass(seconds(60));
  EXPECT_EQ(link.state(), "finished") << "no server could be registered with";
  link.away = false;
  link.pass(seconds(1200));
  EXPECT_TRUE(link.is_registered());
}

TEST(Scr, BOOT_010_C_EveryMessageOfABootstrapIsProtected) {
  BootstrapLink link;
  link.plan(kPlan);
  link.start();
  EXPECT_TRUE(link.is_registered());
  EXPECT_TRUE(link.was_all_dtls());
  // Nobody without the key gets anything, and hears nothing.
  BootstrapLink stranger(BootstrapLink::kName, "00000000000000000000000000000000");
  stranger.plan(kPlan);
  stranger.start();
  stranger.pass(seconds(120));
  EXPECT_EQ(stranger.state(), "");
  EXPECT_FALSE(stranger.client.bootstrap_account()->has_draft);
}

TEST(Scr, BOOT_010_S_OnlyWhoProvesTheEndpointGetsItsKeys) {
  BootstrapLink link("another-client");
  link.plan(kPlan);
  link.start();
  EXPECT_EQ(link.state(), "");
  ASSERT_FALSE(link.refusals.empty());
  EXPECT_NE(link.refusals.front().find("endpoint name"), std::string::npos) << link.refusals.front();
  EXPECT_TRUE(link.credentials->of_endpoint(store::Purpose::Server, "another-client").empty());
}

TEST(Scr, BOOT_014_C_TheRequestNamesTheEndpoint) {
  BootstrapLink link;
  link.plan(kPlan);
  link.start();
  const auto session = link.bootstrap().session(link.bootstrap().sessions({}).sessions.front().id);
  ASSERT_TRUE(session);
  EXPECT_EQ(session->endpoint, "example-client");
  EXPECT_EQ(session->identity.name, BootstrapLink::kIdentity);
}

TEST(Scr, BOOT_015_C_DiscoverDeleteWriteAndFinish) {
  BootstrapLink link;
  link.plan(kPlan);
  link.start();
  EXPECT_EQ(link.steps(), (std::vector<std::string>{"Bootstrap-Discover / 2.05", "Bootstrap-Delete /0 2.02",
                                                    "Bootstrap-Delete /1 2.02", "Bootstrap-Write /0/1 2.04",
                                                    "Bootstrap-Write /1/0 2.04", "Bootstrap-Finish / 2.04"}));
}

TEST(Scr, BOOT_016_C_AContradictionIsReportedAtTheFinish) {
  BootstrapLink link;
  link.plan(R"({'name':'p','servers':[{'id':101,'uri':'coaps://server.example.com','security':{'mode':'psk'}}],
   'write':[{'path':'/2/0','value':{'0':1,'1':0,'2':{'101':15},'3':200}}]})");
  link.start();
  EXPECT_EQ(link.state(), "failed");
  const auto session = *link.bootstrap().session(link.bootstrap().sessions({}).sessions.front().id);
  EXPECT_NE(session.reason.find("4.06"), std::string::npos) << session.reason;
  EXPECT_EQ(session.timeline.back().text, "/2/0 belongs to 200, which is no server here");
  EXPECT_FALSE(link.client.tree().has(Path(1, 0))) << "the device is as it was";
  EXPECT_TRUE(link.credentials->of_endpoint(store::Purpose::Server, "example-client").empty()) << "and so is the store";
}

TEST(Ets, Case0_ClientInitiatedBootstrap) {
  BootstrapLink link;
  link.plan(kPlan);
  EXPECT_FALSE(link.client.tree().has(Path(1, 0)));
  link.start();
  EXPECT_EQ(link.state(), "finished");
  EXPECT_EQ(link.text("/0/1/10"), "101");
  EXPECT_EQ(link.text("/1/0/0"), "101");
  EXPECT_TRUE(link.is_registered());
}

TEST(Ets, Case5_BootstrapSetOffByTheServer) {
  BootstrapLink link;
  link.plan(kPlan);
  link.start();
  ASSERT_TRUE(link.is_registered());
  const std::string key = link.text("/0/1/5");
  EXPECT_EQ(link.execute(Path(1, 0, 9)), Status::Changed);
  EXPECT_EQ(link.steps().back(), "Bootstrap-Finish / 2.04");
  EXPECT_EQ(link.text("/0/1/5"), key) << "who comes back keeps its key";
  EXPECT_TRUE(link.is_registered());
}

// The tables of Appendix F, as a Bootstrap-Server's plan says them: 30 to 39.
TEST(AppendixF, TwoServersOfAPlanAreExactlyTheTables) {
  BootstrapLink link;
  std::string plan = kAppendixF;
  // Its Connectivity Monitoring instance isn't the plan's.
  plan.replace(plan.find("'delete':['/']"), 14, "'delete':['/0','/1','/2']");
  link.plan(plan);
  link.know(store::Purpose::Server, "1ca2028d7197c778e9aef5ef69082bea");
  link.start();
  ASSERT_EQ(link.state(), "finished") << link.bootstrap().sessions({}).sessions.front().reason;
  const auto instances = [&](lwm2m::ObjectId object) { return link.client.tree().instances(object); };
  EXPECT_EQ(instances(0), (std::vector<lwm2m::InstanceId>{0, 1, 2}));
  EXPECT_EQ(instances(1), (std::vector<lwm2m::InstanceId>{0, 1}));
  EXPECT_EQ(instances(2), (std::vector<lwm2m::InstanceId>{0, 1, 2, 3, 4}));
  EXPECT_EQ(instances(5), std::vector<lwm2m::InstanceId>{});
  const std::string client_key =
      "3059301306072a8648ce3d020106082a8648ce3d03010703420004a09dcb1bc739e7f19afa9adcb1944968bfba73efcec29b50486eb44d1b29c1"
      "93449970a3736830cb2bd5d7ec05d2bd1fc07b6df5e48b54ce77a6a7229c3a91c2";
  const std::string server_key =
      "3059301306072a8648ce3d020106082a8648ce3d0301070342000482c773f378d30c2783a48eb811b96cf6a90694a8564f1e7f6d366152f11698"
      "950f6f7c40cda585334f837750a102f5bf25508ceb9e55dfc0f12a455199a4c960";
  const std::string private_key =
      "307702010104209f352da16495748e146fcb5370b8e96d292ced5567a8fae55a22bb67d91651b8a00a06082a8648ce3d030107a144034200"
      "04a09dcb1bc739e7f19afa9adcb1944968bfba73efcec29b50486eb44d1b29c193449970a3736830cb2bd5d7ec05d2bd1fc07b6df5e48b54ce77"
      "a6a7229c3a91c2";
  const std::string identity = to_hex(to_bytes(BootstrapLink::kIdentity));
  const std::pair<const char*, std::string> values[] = {
      {"/0/0/0", "coaps://bootstrap.example.com"}, {"/0/0/1", "1"}, {"/0/0/2", "0"}, {"/0/0/3", identity},
      {"/0/0/5", BootstrapLink::kKey},
      {"/0/1/0", "coaps://server1.example.com"}, {"/0/1/1", "0"}, {"/0/1/2", "0"}, {"/0/1/3", identity}, {"/0/1/4", ""},
      {"/0/1/5", "1ca2028d7197c778e9aef5ef69082bea"}, {"/0/1/10", "101"},
      {"/0/2/0", "coaps://server2.example.com"}, {"/0/2/1", "0"}, {"/0/2/2", "1"}, {"/0/2/3", client_key},
      {"/0/2/4", server_key}, {"/0/2/5", private_key}, {"/0/2/10", "102"},
      {"/1/0/0", "101"}, {"/1/0/1", "86400"}, {"/1/0/2", "300"}, {"/1/0/3", "6000"}, {"/1/0/5", "86400"},
      {"/1/0/6", "1"}, {"/1/0/7", "U"},
      {"/1/1/0", "102"}, {"/1/1/1", "86400"}, {"/1/1/2", "60"}, {"/1/1/3", "6000"}, {"/1/1/5", "86400"},
      {"/1/1/6", "0"}, {"/1/1/7", "UQ"},
      {"/2/0/0", "1"}, {"/2/0/1", "0"}, {"/2/0/2/101", "15"}, {"/2/0/3", "101"},
      {"/2/1/0", "1"}, {"/2/1/1", "1"}, {"/2/1/2/102", "15"}, {"/2/1/3", "102"},
      {"/2/2/0", "3"}, {"/2/2/1", "0"}, {"/2/2/2/101", "15"}, {"/2/2/2/102", "1"}, {"/2/2/3", "101"},
      {"/2/3/0", "4"}, {"/2/3/1", "0"}, {"/2/3/2/101", "1"}, {"/2/3/2/0", "1"}, {"/2/3/3", "101"},
      {"/2/4/0", "5"}, {"/2/4/1", "65535"}, {"/2/4/2/101", "16"}, {"/2/4/3", "65535"}};
  for (const auto& [path, value] : values) EXPECT_EQ(link.text(path), value) << path;
  EXPECT_TRUE(link.is_registered());
  EXPECT_EQ(link.identity(), "psk \"b313cc22-f969-42ec-ad42\"");
}

// Of the Security object the server's side is what a Bootstrap-Server writes: nobody reads it.
TEST(Scr, OBJ_001_S_SecurityIsWrittenByTheBootstrapServerAlone) {
  BootstrapLink link;
  link.plan(kPlan);
  link.start();
  EXPECT_EQ(link.text("/0/1/0"), "coaps://server.example.com");
  EXPECT_EQ(link.text("/0/1/1"), "0");
  EXPECT_EQ(link.text("/0/1/2"), "0");
  EXPECT_EQ(link.text("/0/1/10"), "101");
  EXPECT_TRUE(link.is_registered()) << "its keys are those that the server knows";
  EXPECT_EQ(link.execute(Path(0, 1, 0)), Status::Unauthorized);
}

}  // namespace
}  // namespace drover::conformance
