// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "bootstrap/dry_run.hpp"
#include "bootstrap/test_plans.hpp"

namespace drover::bootstrap::testing {
namespace {

const std::string kServer = R"({'id':1,'uri':'coaps://h','security':{'mode':'psk'}})";

std::string with_server(const std::string& server, const std::string& rest = "") {
  return "{'name':'p','servers':[" + server + "]" + rest + "}";
}

std::vector<std::string> order(const SharedPlan& plan) {
  return nlohmann::json::parse(plan->description).at("order").get<std::vector<std::string>>();
}

TEST(PlanJson, TheOrderIsDiscoverDeleteServersWritesFinish) {
  const auto compiled = plan(with_server(kServer, ",'write':[{'path':'/3/0/14','value':'+02:00'}]"));
  EXPECT_EQ(order(compiled), (std::vector<std::string>{"discover /", "delete /0", "delete /1", "server 1",
                                                       "write /3/0/14", "finish"}))
      << compiled->description;
}

TEST(PlanJson, WithFixedInstancesNothingIsDiscovered) {
  EXPECT_EQ(order(plan(kAppendixF)).front(), "delete /");
  EXPECT_EQ(order(plan(kAppendixF)).size(), 9U);
}

TEST(PlanJson, StepsGiveAnotherOrder) {
  const auto compiled = plan(with_server(kServer, R"(,'discover':false,'steps':[{'server':1},{'delete':'/5','optional':true},
      {'write':'/3/0/14','value':'Z'},{'discover':'/3'},{'finish':true}])"));
  EXPECT_EQ(order(compiled), (std::vector<std::string>{"server 1", "delete /5 (optional)", "write /3/0/14", "discover /3", "finish"}));
}

TEST(PlanJson, MistakesNameTheirPlace) {
  const std::pair<std::string, std::string> cases[] = {
      {"{", "no JSON: a mistake at byte 2"},
      {"[]", "must be an object"},
      {"{}", "name: missing"},
      {"{'name':'a','name':'b'}", "the member \"name\" is doubled"},
      {"{'name':'a/b'}", "name: must have 1 to 64 bytes and no '/'"},
      {"{'name':'p','finish':false}", "the plan does nothing"},
      {"{'name':'p','color':1,'delete':['/']}", "color: unknown"},
      {"{'name':'p','endpoints':[],'delete':['/']}", "endpoints: is empty; leave it out for the default plan"},
      {"{'name':'p','endpoints':['a','a'],'delete':['/']}", "endpoints[1]: doubled"},
      {"{'name':'p','delete':['/3/0/1']}", "delete[0]: must be a path from the root to an instance"},
      {"{'name':'p','delete':['/65535']}", "delete[0]: the id 65535 is reserved"},
      {"{'name':'p','delete':['/'],'discover':false,'expect':['/5']}", "discover: \"expect\" needs it"},
      {"{'name':'p','delete':['/'],'keys':'new'}", "keys: must be \"keep\" or \"rotate\""},
      {with_server("{'uri':'coaps://h','security':{'mode':'psk'}}"), "servers[0].id: missing: the Short Server ID"},
      {with_server("{'id':65535,'uri':'coaps://h','security':{'mode':'psk'}}"), "servers[0].id: must be a number from 1 to 65534"},
      {with_server(kServer + "," + kServer), "servers[1].id: doubled: a Short Server ID is of one account"},
      {with_server("{'id':1,'uri':'coaps://h'}"), "servers[0].security: missing: say {\"mode\":\"nosec\"} to have none"},
      {with_server("{'id':1,'uri':'coap://h','security':{}}"), "servers[0].security.mode: missing: say \"nosec\" to have no security"},
      {with_server("{'id':1,'uri':'coap://h','security':{'mode':'psk'}}"),
       "servers[0].uri: must begin with coaps:// in this security mode"},
      {with_server("{'id':1,'uri':'coaps://h','security':{'mode':'nosec'}}"),
       "servers[0].uri: must begin with coap:// in security mode nosec"},
      {with_server("{'id':1,'uri':'coaps://{host}','security':{'mode':'psk'}}"),
       "servers[0].uri: the placeholders are {endpoint}, {id} and {serial}; {{ is a brace"},
      {with_server("{'id':1,'uri':'coaps://h','security':{'mode':'psk','key':'not hex'}}"),
       "servers[0].security.key: must be hexadecimal digits, two for each byte"},
      {with_server("{'id':1,'uri':'coaps://h','security':{'mode':'psk','key_bytes':8}}"),
       "servers[0].security.key_bytes: must be a number from 16 to 64"},
      {with_server("{'id':1,'uri':'coaps://h','security':{'mode':'rpk','public_key':'00'}}"), "servers[0].security.private_key: missing"},
      {with_server("{'id':1,'uri':'coaps://h','binding':'X','security':{'mode':'psk'}}"),
       "servers[0].binding: must be a binding mode like U, UQ or UQS"},
      {with_server(kServer, ",'write':[{'path':'/2/0'}]"), "write[0].value: missing"},
      {with_server(kServer, ",'write':[{'path':'/0/0','value':{}}]"), "write[0].value: accounts are written by \"servers\" and \"bootstrap\""},
      {with_server(kServer, ",'write':[{'path':'/77/0','value':{}}]"), "write[0].value: object 77 is unknown here"},
      {with_server(kServer, ",'write':[{'path':'/3/0','value':{'99':1}}]"), "write[0].value.99: object 3 has no such resource"},
      {with_server(kServer, ",'write':[{'path':'/3/0/4','value':1}]"), "write[0].value: object 3 can't be written there: it is executable"},
      {with_server(kServer, ",'write':[{'path':'/3/0/14','value':1}]"), "write[0].value: must be a text (UTC Offset)"},
      {with_server(kServer, ",'write':[{'path':'/3/1','value':{}}]"), "write[0].value: the object has the single instance 0"},
      {with_server(kServer, ",'write':[{'path':'/3/0/14','value':'{id}'}]"), "write[0].value: {id} is for texts of a server account"},
      {with_server(kServer, ",'steps':[{'finish':true}]"), "servers[0]: is in no step"},
      {with_server(kServer, ",'steps':[{'server':1},{'finish':true},{'delete':'/5'}]"), "steps[2]: nothing comes behind \"finish\""},
      {with_server(kServer, ",'steps':[{'server':1}],'delete':['/']"), "delete: \"steps\" gives the order: it belongs there"},
      {with_server(kServer, ",'steps':[{'server':2}]"), "steps[0].server: isn't one of \"servers\""},
      {with_server(kServer, ",'steps':[{'server':1,'bootstrap':true}]"),
       "steps[0]: must have one of discover, delete, server, bootstrap, write, finish"},
  };
  for (const auto& [text, reason] : cases) EXPECT_EQ(refusal(text), reason) << text;
}

TEST(PlanJson, AKeyIsOfOneAccount) {
  const std::string key = "'security':{'mode':'psk','key':'00112233445566778899aabbccddeeff'}";
  EXPECT_EQ(refusal(with_server("{'id':1,'uri':'coaps://a'," + key + "},{'id':2,'uri':'coaps://b'," + key + "}")),
            "servers[1].security: has the key of servers[0]: accounts must have different keys (Core 5.2.5)");
  EXPECT_EQ(refusal(with_server("{'id':1,'uri':'coaps://a'," + key + "}", ",'bootstrap':{'uri':'coaps://b'," + key + "}")),
            "bootstrap.security: has the key of servers[0]: accounts must have different keys (Core 5.2.5)");
}

TEST(PlanJson, NoReasonRepeatsAKey) {
  const std::string reason = refusal(with_server("{'id':1,'uri':'coaps://h','security':{'mode':'psk','key':'secret!'}}"));
  EXPECT_EQ(reason.find("secret"), std::string::npos);
  const std::string cut = refusal("{'name':'p','servers':[{'security':{'key':'5ec3e7");
  EXPECT_EQ(cut.find("5ec3e7"), std::string::npos) << cut;
}

TEST(PlanJson, TheDescriptionHasNoKey) {
  const auto compiled = plan(kAppendixF);
  EXPECT_EQ(compiled->description.find("1ca2028d"), std::string::npos);
  EXPECT_EQ(compiled->description.find("9f352da1"), std::string::npos);
  const auto shown = nlohmann::json::parse(compiled->description);
  EXPECT_EQ(shown.at("servers").at(0).at("security").at("key"), "given");
  EXPECT_EQ(shown.at("servers").at(1).at("security").at("private_key"), "given");
  EXPECT_TRUE(compiled->warnings.empty());
}

TEST(PlanJson, WhatIsUnwiseIsSaid) {
  const auto compiled = plan(with_server(R"({'id':1,'uri':'coap://h','security':{'mode':'nosec'}},
      {'id':2,'uri':'coaps://h','security':{'mode':'psk','key':'00112233445566778899aabbccddeeff'}})", ",'finish':false"));
  ASSERT_EQ(compiled->warnings.size(), 4U);
  EXPECT_TRUE(compiled->warnings[0].starts_with("servers[0].security: no security"));
  EXPECT_TRUE(compiled->warnings[1].starts_with("servers[1].security: several devices get the same key"));
  EXPECT_TRUE(compiled->warnings[2].starts_with("write: with several servers"));
  EXPECT_TRUE(compiled->warnings[3].starts_with("finish:"));
}

TEST(DryRun, ShowsTheMessagesOfAppendixF) {
  const auto messages = dry_run(plan(kAppendixF), "example-client", definitions());
  ASSERT_TRUE(messages) << messages.error().reason;
  ASSERT_EQ(messages->size(), 11U);
  EXPECT_EQ(messages->at(0).method + ' ' + messages->at(0).path, "DELETE /");
  const PlannedMessage& security = messages->at(1);
  EXPECT_EQ(security.method + ' ' + security.path, "PUT /0/1");
  EXPECT_EQ(security.format, lwm2m::format::kTlv);
  EXPECT_EQ(security.text,
            "/0/1/0 = coaps://server1.example.com\n/0/1/1 = 0\n/0/1/2 = 0\n/0/1/3 = b313cc22-f969-42ec-ad42\n/0/1/4 = \n"
            "/0/1/5 = ********\n/0/1/10 = 101");
  EXPECT_EQ(security.payload_hex.find("1ca2028d"), std::string::npos);
  EXPECT_NE(security.payload_hex.find("c805102a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a"), std::string::npos);
  EXPECT_EQ(messages->at(2).path, "/1/0");
  EXPECT_EQ(messages->at(5).text, "/2/0/0 = 1\n/2/0/1 = 0\n/2/0/2/101 = 15\n/2/0/3 = 101");
  EXPECT_EQ(messages->back().method + ' ' + messages->back().path, "POST /bs");
}

TEST(DryRun, FillsInTheDevice) {
  const auto compiled = plan(R"({'name':'p','servers':[{'id':7,'uri':'coaps://h/{endpoint}','security':{'mode':'psk'}}],
      'write':[{'path':'/3/0/15','value':'{{{endpoint}}'}],'format':'json'})");
  const auto messages = dry_run(compiled, "a/b", definitions());
  ASSERT_TRUE(messages) << messages.error().reason;
  EXPECT_EQ(messages->at(0).operation, "Bootstrap-Discover");
  EXPECT_EQ(messages->at(3).path, "/0/1");  // /0/0 is the Bootstrap-Server's
  EXPECT_EQ(messages->at(3).format, lwm2m::format::kJson);
  EXPECT_NE(messages->at(3).text.find("/0/1/0 = coaps://h/a%2fb\n"), std::string::npos) << messages->at(3).text;
  EXPECT_NE(messages->at(3).text.find("/0/1/3 = a/b.00000000\n"), std::string::npos) << messages->at(3).text;
  EXPECT_EQ(messages->at(4).path, "/1/0");
  EXPECT_EQ(messages->at(5).text, "/3/0/15 = {a/b}");
  const auto tlv = dry_run(compiled, "a/b", definitions(), lwm2m::format::kTlv);
  EXPECT_EQ(tlv->at(3).format, lwm2m::format::kTlv);
}

TEST(DryRun, SaysWhatADeviceCanNotHave) {
  const auto messages = dry_run(plan(R"({'name':'p','discover':true,'delete':[],
      'servers':[{'id':1,'uri':'coaps://h','security':{'mode':'psk'},'security_instance':0}]})"), "d", definitions());
  ASSERT_FALSE(messages);
  EXPECT_EQ(messages.error().reason, "/0/0, which the plan has for server 1, is the device's Bootstrap-Server account");
}

}  // namespace
}  // namespace drover::bootstrap::testing
