// SPDX-License-Identifier: Apache-2.0
// Core Appendix B.1.3 and B.2.3: device management and service enablement. The client's tests look at its answers and
// at what became of it; the server's at its requests and at what its application hears.
#include "tests/conformance/configurations.hpp"

namespace drover::conformance {
namespace {

constexpr const char* kDone = "ACK 2.04";

/// The code of an answer alone: errors carry a text for people.
std::string code(const Exchange& exchange) {
  return exchange.response.substr(0, 8);
}

// ---- the client -----------------------------------------------------------------------------------------------------

TEST(Scr, DMSE_001_C_Read) {
  Site site(c4());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.read_bare("/3/0/0").response, "ACK 2.05 ct=0 'Open Mobile Alliance'");
  EXPECT_EQ(server.read("/3/0/6", format::kTlv).response, "ACK 2.05 ct=11542 #" + to_hex(hex("86 06 410001 410105")));
  EXPECT_EQ(server.read("/1/0", format::kTlv).response,
            "ACK 2.05 ct=11542 #" + to_hex(hex("C10001 C40100015180 C10201 C1030A C40500015180 C10600 C10755")));
  EXPECT_EQ(code(server.read("/3")), "ACK 2.05");
  EXPECT_EQ(code(server.read("/3/1")), "ACK 4.04");
  EXPECT_EQ(code(server.read("/3/0/99")), "ACK 4.04");
  EXPECT_EQ(code(server.read("/3/0/4")), "ACK 4.05") << "an executable resource has no value";
  EXPECT_EQ(code(server.read("/3/0/0", 60)), "ACK 4.06");
}

TEST(Scr, DMSE_002_C_Discover) {
  // The example of Core §5.4.2 and its levels of attributes, with this device's resources.
  Site site(c4());
  site.start();
  Server& server = site.server();
  const auto links = [](const Exchange& exchange) {
    EXPECT_EQ(exchange.answer().format, format::kLink);
    return std::string(as_text(exchange.payload));
  };
  ASSERT_EQ(server.attributes("/3", {"pmin=10"}).response, kDone);
  ASSERT_EQ(server.attributes("/3/0", {"pmax=60"}).response, kDone);
  ASSERT_EQ(server.attributes("/3/0/7", {"gt=50", "lt=42.2"}).response, kDone);
  const std::string object = links(server.discover("/3"));
  EXPECT_EQ(object.substr(0, 30), "</3>;pmin=10,</3/0>,</3/0/0>,<");
  EXPECT_EQ(object.find("pmax"), std::string::npos) << "those of the object level alone";
  const std::string instance = links(server.discover("/3/0"));
  EXPECT_EQ(instance.substr(0, 23), "</3/0>;pmax=60,</3/0/0>");
  EXPECT_NE(instance.find("</3/0/6>;dim=2,</3/0/7>;dim=2;gt=50;lt=42.2,</3/0/8>;dim=2"), std::string::npos) << instance;
  EXPECT_EQ(links(server.discover("/3/0/7")), "</3/0/7>;dim=2;pmin=10;pmax=60;gt=50;lt=42.2");
  EXPECT_EQ(code(server.discover("/3/0/13")), "ACK 4.04") << "it isn't instantiated";
}

TEST(Scr, DMSE_003_C_WriteReplacesAndUpdates) {
  Site site(c12());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.write("/1/0/5", "300").response, kDone);
  EXPECT_EQ(site.get("/1/0/5"), Value(std::int64_t{300}));
  // An array: instance 1 updated, the others left; then replaced by what is written.
  EXPECT_EQ(server.update("/16/0/0", format::kTlv, hex("84 00 41 01 62")).response.substr(0, 8), "ACK 4.00")
      << "a length that doesn't fit";
  EXPECT_EQ(server.update("/16/0/0", format::kTlv, hex("83 00 41 01 62")).response, kDone);
  EXPECT_EQ(site.get("/16/0/0/1"), Value(std::string("b")));
  EXPECT_EQ(site.get("/16/0/0/3"), Value(std::string("Host Device Software Version #1")));
  EXPECT_EQ(server.write("/16/0/0", format::kTlv, hex("83 00 41 00 61")).response, kDone);
  EXPECT_EQ(site.get("/16/0/0/0"), Value(std::string("a")));
  EXPECT_FALSE(site.get("/16/0/0/3"));
  // Several resources: a partial update leaves /1/0/5 alone.
  EXPECT_EQ(server.update("/1/0", format::kTlv, hex("C10205 C10601")).response, kDone);
  EXPECT_EQ(site.get("/1/0/2"), Value(std::int64_t{5}));
  EXPECT_EQ(site.get("/1/0/5"), Value(std::int64_t{300}));
  // All or nothing, and the codes for what can't be.
  EXPECT_EQ(code(server.update("/1/0", format::kTlv, hex("C10209 C10002"))), "ACK 4.05") << "0 is read-only";
  EXPECT_EQ(site.get("/1/0/2"), Value(std::int64_t{5}));
  EXPECT_EQ(code(server.write("/3/0/0", "other")), "ACK 4.05");
  EXPECT_EQ(code(server.write("/1/0/2", 60, hex("05"))), "ACK 4.15");
  EXPECT_EQ(code(server.write("/1/0/2", "five")), "ACK 4.00");
}

TEST(Scr, DMSE_004_C_WriteAttributes) {
  Site site(with_thermometer());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.attributes("/3303/0/5700", {"pmin=10", "pmax=60", "st=0.5"}).response, kDone);
  EXPECT_EQ(as_text(server.discover("/3303/0/5700").payload), "</3303/0/5700>;pmin=10;pmax=60;st=0.5");
  EXPECT_EQ(server.attributes("/3303/0/5700", {"pmin", "pmax=50"}).response, kDone) << "without a value it is unset";
  EXPECT_EQ(as_text(server.discover("/3303/0/5700").payload), "</3303/0/5700>;pmax=50;st=0.5");
  EXPECT_EQ(code(server.attributes("/3303/0/5700", {"nosuch=1"})), "ACK 4.00");
  EXPECT_EQ(code(server.attributes("/3303/0/5700", {"pmin=1.5"})), "ACK 4.00");
  EXPECT_EQ(code(server.attributes("/3303/0/5700", {"gt=5", "lt=5"})), "ACK 4.00") << "lt must be below gt";
  EXPECT_EQ(code(server.attributes("/3303/7", {"pmin=1"})), "ACK 4.04");
  EXPECT_EQ(as_text(server.discover("/3303/0/5700").payload), "</3303/0/5700>;pmax=50;st=0.5");
}

/// The arguments of the next Execute that the client's application hears of.
std::string executed_with(Site& site) {
  const auto event = site.client_event<client::Executed>();
  return event ? event->arguments : "nothing was executed";
}

TEST(Scr, DMSE_011_C_Execute) {
  Site site(c6());
  site.start();
  Server& server = site.server();
  site.set("/3/0/11/0", std::int64_t{3});
  EXPECT_EQ(server.execute("/3/0/12").response, kDone);
  EXPECT_EQ(site.get("/3/0/11/0"), Value(std::int64_t{0}));
  EXPECT_EQ(executed_with(site), "");
  // The valid lists of arguments of Core §5.4.5, and one that isn't.
  for (const char* arguments : {"5", "2='10.3'", "7,0='https://www.oma.org'", "0,1,2,3,4"}) {
    EXPECT_EQ(server.execute("/3/0/12", arguments).response, kDone) << arguments;
    EXPECT_EQ(executed_with(site), arguments);
  }
  EXPECT_EQ(code(server.execute("/3/0/12", "now")), "ACK 4.00");
  EXPECT_EQ(code(server.execute("/3/0/0")), "ACK 4.05");
  EXPECT_EQ(code(server.execute("/3/1/4")), "ACK 4.04");
}

TEST(Scr, DMSE_012_C_Create) {
  Site site(c12());
  site.start();
  site.forget_messages();
  Server& server = site.server();
  // The id is the client's choice, or the server's.
  EXPECT_EQ(server.create("/16", format::kTlv, hex("83 00 41 00 61")).response, "ACK 2.01 loc=16 loc=1");
  EXPECT_EQ(site.get("/16/1/0/0"), Value(std::string("a")));
  EXPECT_EQ(server.create("/16", format::kTlv, hex("08 07 05 83 00 41 00 62")).response, "ACK 2.01 loc=16 loc=7");
  site.pass(seconds(1));
  ASSERT_NE(site.from_client("POST"), nullptr) << "an Update tells the new instances";
  EXPECT_NE(site.from_client("POST")->line.find("</16/0>,</16/1>,</16/7>"), std::string::npos);
  EXPECT_EQ(code(server.create("/16", format::kTlv, hex("08 07 05 83 00 41 00 62"))), "ACK 4.00") << "7 is taken";
  EXPECT_EQ(code(server.create("/16", format::kTlv, {})), "ACK 4.00") << "a mandatory resource is missing";
  EXPECT_EQ(code(server.create("/4711", format::kTlv, {})), "ACK 4.04");
  EXPECT_EQ(code(server.create("/16", format::kText, to_bytes("a"))), "ACK 4.15");
  EXPECT_EQ(site.client().tree().instances(16).size(), 3U);
}

TEST(Scr, DMSE_013_C_Delete) {
  Site site(c12());
  site.start();
  site.forget_messages();
  Server& server = site.server();
  EXPECT_EQ(server.erase("/16/0").response, "ACK 2.02");
  EXPECT_TRUE(site.client().tree().instances(16).empty());
  site.pass(seconds(1));
  ASSERT_NE(site.from_client("POST"), nullptr) << "an Update tells of it";
  EXPECT_NE(site.from_client("POST")->line.find(",</3/0>,</16>'"), std::string::npos);
  EXPECT_EQ(code(server.erase("/16/0")), "ACK 4.04");
  EXPECT_EQ(code(server.erase("/3/0")), "ACK 4.05") << "the Device instance stays";
}

// ---- the server -----------------------------------------------------------------------------------------------------

TEST(Scr, DMSE_001_S_Read) {
  Site site(c4());
  site.start();
  Server& server = site.server();
  const Exchange resource = server.read("/3/0/1", format::kText);
  EXPECT_EQ(resource.request, "CON GET /3/0/1 accept=0");
  EXPECT_EQ(resource.value(), Value(std::string(kModel)));
  const Exchange instance = server.read("/3/0");
  EXPECT_EQ(instance.request, "CON GET /3/0 accept=11542");
  EXPECT_EQ(instance.value("/3/0/9"), Value(std::int64_t{100}));
  const Exchange object = server.read("/1", format::kJson);
  EXPECT_EQ(object.request, "CON GET /1 accept=11543");
  EXPECT_EQ(object.value("/1/0/1"), Value(std::int64_t{86400}));
  EXPECT_TRUE(server.read("/3/0/99").is(Status::NotFound));
  EXPECT_TRUE(server.read("/3/0/4").is(Status::MethodNotAllowed));
  EXPECT_TRUE(server.read("/3/0/0", 60).is(Status::NotAcceptable));
}

TEST(Scr, DMSE_002_S_Discover) {
  Site site(c1());
  site.start();
  const Exchange object = site.server().discover("/1");
  EXPECT_EQ(object.request, "CON GET /1 accept=40");
  EXPECT_TRUE(object.is(Status::Content));
  EXPECT_EQ(object.answer().format, format::kLink);
  EXPECT_EQ(as_text(object.answer().payload).substr(0, 26), "</1>,</1/0>,</1/0/0>,</1/0");
  EXPECT_EQ(site.server().discover("/3/0").request, "CON GET /3/0 accept=40");
  EXPECT_EQ(site.server().discover("/3/0/16").request, "CON GET /3/0/16 accept=40");
}

TEST(Scr, DMSE_003_S_Write) {
  Site site(c12());
  site.start();
  Server& server = site.server();
  const Exchange text = server.write("/1/0/5", "300");
  EXPECT_EQ(text.request, "CON PUT /1/0/5 ct=0 '300'");
  EXPECT_TRUE(text.is(Status::Changed));
  const Exchange update = server.update("/1/0", format::kTlv, hex("C10205"));
  EXPECT_EQ(update.request, "CON POST /1/0 ct=11542 #" + to_hex(hex("C10205")));
  EXPECT_TRUE(update.is(Status::Changed));
  // More than a message holds goes in blocks.
  const std::string name(3000, 'n');
  Bytes array = hex("90 00 0BBC 50 00 0BB8");  // resource 0: 3004 bytes; its instance 0: 3000
  array.insert(array.end(), name.begin(), name.end());
  const Exchange blocks = server.write("/16/0/0", format::kTlv, array);
  EXPECT_TRUE(blocks.is(Status::Changed));
  EXPECT_EQ(blocks.messages, 6U) << "three blocks of 1024 bytes, each with its answer";
  EXPECT_EQ(site.get("/16/0/0/0"), Value(name));
  EXPECT_TRUE(server.write("/3/0/0", "x").is(Status::MethodNotAllowed));
  EXPECT_TRUE(server.write("/1/0/2", "five").is(Status::BadRequest));
}

TEST(Scr, DMSE_004_S_WriteAttributes) {
  Site site(with_thermometer());
  site.start();
  Server& server = site.server();
  const Exchange exchange = server.attributes("/3303/0/5700", {"pmin=10", "st=0.5"});
  EXPECT_EQ(exchange.request, "CON PUT /3303/0/5700 ?pmin=10 ?st=0.5") << "no body";
  EXPECT_TRUE(exchange.is(Status::Changed));
  EXPECT_EQ(server.attributes("/3303", {"pmin"}).request, "CON PUT /3303 ?pmin");
  EXPECT_TRUE(server.attributes("/3303/0/5700", {"gt=5", "lt=6"}).is(Status::BadRequest));
}

/// The server sets an attribute, and reads with Discover that the client has it.
void expect_attribute(const std::string& attribute) {
  Site site(with_thermometer());
  site.start();
  const Exchange exchange = site.server().attributes("/3303/0/5700", {attribute});
  EXPECT_EQ(exchange.request, "CON PUT /3303/0/5700 ?" + attribute);
  EXPECT_TRUE(exchange.is(Status::Changed));
  EXPECT_EQ(as_text(site.server().discover("/3303/0/5700").answer().payload), "</3303/0/5700>;" + attribute);
}
TEST(Scr, DMSE_005_S_MinimumPeriod) {
  expect_attribute("pmin=10");
}
TEST(Scr, DMSE_006_S_MaximumPeriod) {
  expect_attribute("pmax=60");
}
TEST(Scr, DMSE_007_S_GreaterThan) {
  expect_attribute("gt=30.5");
}
TEST(Scr, DMSE_008_S_LessThan) {
  expect_attribute("lt=-2");
}
TEST(Scr, DMSE_009_S_Step) {
  expect_attribute("st=0.1");
}

TEST(Scr, DMSE_010_S_Execute) {
  Site site(c1());
  site.start();
  Server& server = site.server();
  const Exchange plain = server.execute("/1/0/8");
  EXPECT_EQ(plain.request, "CON POST /1/0/8");
  EXPECT_TRUE(plain.is(Status::Changed));
  EXPECT_TRUE(server.event(server::EventKind::Updated)) << "the trigger did what it is for";
  EXPECT_EQ(server.execute("/3/0/4", "0='now',1").request, "CON POST /3/0/4 ct=0 '0='now',1'");
  EXPECT_TRUE(server.execute("/3/0/0").is(Status::MethodNotAllowed));
}

TEST(Scr, DMSE_011_S_Create) {
  Site site(c12());
  site.start();
  const Exchange exchange = site.server().create("/16", format::kTlv, hex("83 00 41 00 61"));
  EXPECT_EQ(exchange.request, "CON POST /16 ct=11542 #" + to_hex(hex("8300410061")));
  EXPECT_TRUE(exchange.is(Status::Created));
  EXPECT_EQ(exchange.answer().location, "16/1");
  EXPECT_TRUE(site.server().create("/16", format::kTlv, {}).is(Status::BadRequest));
}

TEST(Scr, DMSE_012_S_Delete) {
  Site site(c12());
  site.start();
  const Exchange exchange = site.server().erase("/16/0");
  EXPECT_EQ(exchange.request, "CON DELETE /16/0");
  EXPECT_TRUE(exchange.is(Status::Deleted));
  EXPECT_TRUE(site.server().erase("/16/0").is(Status::NotFound));
}

}  // namespace
}  // namespace drover::conformance
