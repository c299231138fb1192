// SPDX-License-Identifier: Apache-2.0
// Enabler test cases of the registration, management and reporting interfaces. Each test is a case with its steps.
#include <set>

#include "tests/conformance/configurations.hpp"

namespace drover::conformance {
namespace {

using server::EventKind;

/// The criteria of case 101 for what the client sent last to a server as a Register: parameters, object list, answer.
void expect_case_101(Site& site, client::ServerId server, const std::string& links,
                     const std::string& lifetime = "86400") {
  const Message* request = nullptr;
  const Message* answer = nullptr;
  for (const Message& message : site.messages()) {
    if (message.server != server) continue;
    if (message.from_client && message.line.starts_with("CON POST /rd ")) request = &message;
    if (request != nullptr && !message.from_client && message.token == request->token) answer = &message;
  }
  ASSERT_NE(request, nullptr) << "no Register";
  EXPECT_EQ(request->line, "CON POST /rd ct=40 ?ep=" + std::string(kEndpoint) + " ?lt=" + lifetime +
                               " ?lwm2m=1.0 '</>;rt=\"oma.lwm2m\";ct=11543," + links + "'");
  ASSERT_NE(answer, nullptr) << "no answer";
  EXPECT_EQ(answer->line.substr(0, 20), "ACK 2.01 loc=rd loc=");
  const server::DeviceView view = site.server(server).device(kEndpoint);
  ASSERT_FALSE(view.registration.empty());
  EXPECT_EQ("ACK 2.01 loc=rd loc=" + view.registration.substr(3), answer->line);
  EXPECT_EQ(std::to_string(view.lifetime), lifetime);
  EXPECT_EQ(view.version, "1.0");
  EXPECT_EQ(view.binding, "U");
}

/// The resources of the first instance of an answer.
std::set<int> resources(const Exchange& exchange) {
  std::set<int> ids;
  for (const auto& node : exchange.resources()) ids.insert(node.id);
  return ids;
}

/// DEV-MIN is there with its values.
void expect_basic_information(const Exchange& exchange) {
  const std::set<int> ids = resources(exchange);
  for (const int id : {0, 1, 2, 3, 11, 16}) EXPECT_TRUE(ids.contains(id)) << id;
  EXPECT_EQ(exchange.value("/3/0/0"), Value(std::string(kManufacturer)));
  EXPECT_EQ(exchange.value("/3/0/1"), Value(std::string(kModel)));
  EXPECT_EQ(exchange.value("/3/0/2"), Value(std::string(kSerial)));
  EXPECT_EQ(exchange.value("/3/0/3"), Value(std::string(kFirmware)));
  EXPECT_EQ(exchange.value("/3/0/11"), Value(std::int64_t{0}));
  EXPECT_EQ(exchange.value("/3/0/16"), Value(std::string("U")));
}

// ---- registration ---------------------------------------------------------------------------------------------------

TEST(Ets, Case101_InitialRegistration) {
  Site site(c1());
  site.start();
  expect_case_101(site, 1, "</1/0>,</3/0>");
  EXPECT_EQ(site.messages().size(), 2U);
}

TEST(Ets, Case103_DisableDeregisters) {
  Site site(c3());
  site.start();
  const std::string location = site.location();
  site.forget_messages();
  const Exchange disable = site.server().execute("/1/0/4");
  EXPECT_EQ(disable.request, "CON POST /1/0/4");
  EXPECT_EQ(disable.response, "ACK 2.04");
  ASSERT_EQ(site.messages().size(), 4U);
  EXPECT_EQ(site.messages()[2].line, "CON DELETE " + location) << "behind the answer";
  EXPECT_EQ(site.messages()[3].line, "ACK 2.02");
  EXPECT_FALSE(site.server().has(kEndpoint));
  EXPECT_TRUE(site.server().event(EventKind::Deregistered));
  // Core E.2: it comes back when the Disable Timeout has passed, a day here.
  site.forget_messages();
  site.pass(seconds(86399));
  EXPECT_TRUE(site.messages().empty());
  site.pass(seconds(2));
  expect_case_101(site, 1, "</1/0>,</3/0>");
}

TEST(Ets, Case950_RegistrationAtTwoServers) {
  Site site(c14());
  site.start();
  const std::string links = "</1/0>,</1/1>,</2/0>,</2/1>,</2/2>,</3/0>";
  expect_case_101(site, 1, links);
  expect_case_101(site, 2, links);
  EXPECT_EQ(site.client().accounts().size(), 2U);
}

// ---- management -----------------------------------------------------------------------------------------------------

TEST(Ets, Case201_QueryBasicInformationPlainText) {
  Site site(c1());
  site.start();
  const std::pair<const char*, const char*> expected[] = {
      {"/3/0/0", kManufacturer}, {"/3/0/1", kModel}, {"/3/0/2", kSerial}};
  for (const auto& [path, text] : expected) {
    const Exchange read = site.server().read(path, format::kText);
    EXPECT_EQ(read.request, "CON GET " + std::string(path) + " accept=0");
    EXPECT_EQ(read.response, "ACK 2.05 ct=0 '" + std::string(text) + "'");
    EXPECT_EQ(read.value(), Value(std::string(text)));
  }
}

TEST(Ets, Case203_QueryBasicInformationTlv) {
  Site site(c1());
  site.start();
  const Exchange read = site.server().read("/3/0", format::kTlv);
  EXPECT_EQ(read.request, "CON GET /3/0 accept=11542");
  EXPECT_EQ(read.response.substr(0, 17), "ACK 2.05 ct=11542");
  expect_basic_information(read);
  // A Read of an instance has no instance around its resources (Core §6.4.3); a reader takes both.
  ASSERT_FALSE(read.payload.empty());
  EXPECT_EQ(read.payload[0] >> 6, 3) << "a resource with a value";
  Exchange wrapped = read;
  lwm2m::Outcome outcome = read.answer();
  Bytes instance = {0x08, 0x00, static_cast<std::uint8_t>(read.payload.size())};
  outcome.payload.insert(outcome.payload.begin(), instance.begin(), instance.end());
  wrapped.outcome = outcome;
  expect_basic_information(wrapped);
}

TEST(Ets, Case204_QueryBasicInformationJson) {
  Site site(c1());
  site.start();
  const Exchange read = site.server().read("/3/0", format::kJson);
  EXPECT_EQ(read.request, "CON GET /3/0 accept=11543");
  EXPECT_EQ(read.response.substr(0, 32), "ACK 2.05 ct=11543 '{\"bn\":\"/3/0/\"");
  expect_basic_information(read);
}

/// The three values that case 205 writes and reads.
void expect_server_settings(const Exchange& read, std::int64_t pmin, std::int64_t pmax, std::int64_t timeout) {
  EXPECT_EQ(read.response.substr(0, 17), "ACK 2.05 ct=11542");
  EXPECT_EQ(read.value("/1/0/2"), Value(pmin));
  EXPECT_EQ(read.value("/1/0/3"), Value(pmax));
  EXPECT_EQ(read.value("/1/0/5"), Value(timeout));
}

TEST(Ets, Case205_SetBasicInformationPlainText) {
  Site site(c3());
  site.start();
  Server& server = site.server();
  const Exchange first = server.write("/1/0/2", "0101");
  EXPECT_EQ(first.request, "CON PUT /1/0/2 ct=0 '0101'") << "as the case prints it";
  EXPECT_EQ(first.response, "ACK 2.04");
  EXPECT_EQ(server.write("/1/0/3", "1010").response, "ACK 2.04");
  EXPECT_EQ(server.write("/1/0/5", "2000").response, "ACK 2.04");
  expect_server_settings(server.read("/1/0", format::kTlv), 101, 1010, 2000);
  EXPECT_EQ(server.write("/1/0/2", "1").response, "ACK 2.04");
  EXPECT_EQ(server.write("/1/0/3", "10").response, "ACK 2.04");
  EXPECT_EQ(server.write("/1/0/5", "86400").response, "ACK 2.04");
  expect_server_settings(server.read("/1/0", format::kTlv), 1, 10, 86400);
}

TEST(Ets, Case241_RebootThenANewRegistration) {
  Site site(c1());
  site.start();
  site.forget_messages();
  const Exchange reboot = site.server().execute("/3/0/4");
  EXPECT_EQ(reboot.request, "CON POST /3/0/4");
  EXPECT_EQ(reboot.response, "ACK 2.04");
  ASSERT_TRUE(site.client_event<client::RebootWanted>()) << "the answer is out; now the program is to reboot";
  site.forget_messages();
  site.restart();
  expect_case_101(site, 1, "</1/0>,</3/0>");
}

// ---- reporting ------------------------------------------------------------------------------------------------------

/// Seconds between the notifications of a token, from `since` on.
std::vector<std::int64_t> gaps(const Site& site, const std::string& token, Instant since) {
  std::vector<std::int64_t> found;
  for (const Message& message : site.notifications()) {
    if (message.token != token) continue;
    found.push_back(std::chrono::duration_cast<seconds>(message.when - since).count());
    since = message.when;
  }
  return found;
}

std::string observation_token(const Site& site, const std::string& path) {
  for (const Message& message : site.messages()) {
    if (!message.from_client && message.line.find("obs=0 " + path + " ") != std::string::npos) return message.token;
  }
  return "none";
}

TEST(Ets, Case301_ObservationAndNotification) {
  Site site(c4());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.read("/3/0/6", format::kTlv).response, "ACK 2.05 ct=11542 #8606410001410105");
  const Exchange voltage_attributes = server.attributes("/3/0/7", {"pmin=5", "pmax=15"});
  EXPECT_EQ(voltage_attributes.request, "CON PUT /3/0/7 ?pmin=5 ?pmax=15");
  EXPECT_EQ(voltage_attributes.response, "ACK 2.04");
  EXPECT_EQ(server.attributes("/3/0/8", {"pmin=10", "pmax=20"}).response, "ACK 2.04");
  const Exchange voltage = server.observe("/3/0/7");
  EXPECT_EQ(voltage.request, "CON GET obs=0 /3/0/7 accept=11542");
  EXPECT_EQ(voltage.response.substr(0, 13), "ACK 2.05 obs=");
  EXPECT_EQ(to_hex(voltage.payload), to_hex(hex("880708 42000ED8 42011388")));
  EXPECT_EQ(server.observe("/3/0/8").response.substr(0, 13), "ACK 2.05 obs=");
  const Instant begin = site.now();
  // Both change every second; then only the time passes.
  for (int second = 1; second <= 20; ++second) {
    site.pass(seconds(1));
    site.set("/3/0/7/0", std::int64_t{3800 + second});
    site.set("/3/0/8/0", std::int64_t{125 + second});
  }
  for (const std::int64_t gap : gaps(site, observation_token(site, "/3/0/7"), begin)) EXPECT_EQ(gap, 5);
  for (const std::int64_t gap : gaps(site, observation_token(site, "/3/0/8"), begin)) EXPECT_EQ(gap, 10);
  EXPECT_EQ(gaps(site, observation_token(site, "/3/0/7"), begin).size(), 4U);
  EXPECT_EQ(gaps(site, observation_token(site, "/3/0/8"), begin).size(), 2U);
  site.pass(seconds(10));  // what was held back is out
  site.forget_messages();
  server.observe("/3/0/7");
  const std::string token = observation_token(site, "/3/0/7");
  const Instant quiet = site.now();
  site.pass(seconds(46));
  EXPECT_EQ(gaps(site, token, quiet), (std::vector<std::int64_t>{15, 15, 15})) << "the same value at pmax";
  EXPECT_TRUE(server.event(EventKind::Notification));
}

// ---- later versions, as far as their behaviour is that of 1.0 -------------------------------------------------------

TEST(Ets, Case107_AWrittenLifetimeIsToldAtOnce) {
  Site site(with(c1(), [](Site& device) { device.set("/1/0/1", std::int64_t{60}); }));
  site.start();
  expect_case_101(site, 1, "</1/0>,</3/0>", "60");
  const std::string location = site.location();
  site.forget_messages();
  EXPECT_EQ(site.server().write("/1/0/1", "120").response, "ACK 2.04");
  site.pass(seconds(1));
  EXPECT_EQ(site.sent_by_client(), std::vector<std::string>{"CON POST " + location + " ?lt=120"});
  EXPECT_EQ(site.last_line(), "ACK 2.04");
  site.forget_messages();
  site.pass(seconds(120));
  EXPECT_EQ(site.first_sent_by_client(), "CON POST " + location);
  EXPECT_TRUE(site.server().has(kEndpoint));
}

TEST(Ets, Case222_ReadOnAnObject) {
  Site site(c1());
  site.start();
  const Exchange servers = site.server().read("/1");
  EXPECT_EQ(servers.request, "CON GET /1 accept=11542");
  EXPECT_EQ(resources(servers), (std::set<int>{0, 1, 6, 7}));
  const Exchange device = site.server().read("/3");
  expect_basic_information(device);
  EXPECT_EQ(device.instances().size(), 1U);
}

TEST(Ets, Case223_ReadOnAnObjectInstance) {
  Site site(c1());
  site.start();
  const Exchange server = site.server().read("/1/0");
  EXPECT_EQ(resources(server), (std::set<int>{0, 1, 6, 7}));
  expect_basic_information(site.server().read("/3/0"));
}

TEST(Ets, Case224_ReadOnAResource) {
  Site site(c1());
  site.start();
  const std::pair<const char*, const char*> expected[] = {
      {"/1/0/0", "1"}, {"/1/0/1", "86400"}, {"/1/0/6", "0"}, {"/1/0/7", "U"}, {"/3/0/16", "U"}};
  for (const auto& [path, text] : expected) {
    EXPECT_EQ(site.server().read(path, format::kText).response, "ACK 2.05 ct=0 '" + std::string(text) + "'") << path;
  }
}

TEST(Ets, Case226_PartialUpdateOfAnObjectInstance) {
  Site site(c1());
  site.start();
  const std::string location = site.location();
  site.forget_messages();
  // Lifetime 61 and Notification Storing true in one message.
  const Exchange update = site.server().update("/1/0", format::kTlv, hex("C1013D C10601"));
  EXPECT_EQ(update.request, "CON POST /1/0 ct=11542 #c1013dc10601");
  EXPECT_EQ(update.response, "ACK 2.04");
  site.pass(seconds(1));
  EXPECT_EQ(site.sent_by_client(), std::vector<std::string>{"CON POST " + location + " ?lt=61"});
  const Exchange read = site.server().read("/1/0");
  EXPECT_EQ(read.value("/1/0/1"), Value(std::int64_t{61}));
  EXPECT_EQ(read.value("/1/0/6"), Value(true));
  EXPECT_EQ(read.value("/1/0/7"), Value(std::string("U"))) << "what wasn't written stays";
  EXPECT_EQ(site.server().update("/1/0", format::kTlv, hex("C40100015180 C10600")).response, "ACK 2.04");
  EXPECT_EQ(site.server().read("/1/0").value("/1/0/1"), Value(std::int64_t{86400}));
}

TEST(Ets, Case227_ReplaceOfAResource) {
  Site site(c1());
  site.start();
  site.forget_messages();
  const Exchange write = site.server().write("/1/0/1", "63");
  EXPECT_EQ(write.request, "CON PUT /1/0/1 ct=0 '63'");
  EXPECT_EQ(write.response, "ACK 2.04");
  site.pass(seconds(1));
  ASSERT_EQ(site.sent_by_client().size(), 1U);
  EXPECT_NE(site.sent_by_client()[0].find(" ?lt=63"), std::string::npos);
  EXPECT_EQ(site.server().read("/1/0/1").value(), Value(std::int64_t{63}));
  EXPECT_EQ(site.server().write("/1/0/1", "86400").response, "ACK 2.04");
  site.forget_messages();
  site.pass(seconds(1));
  EXPECT_NE(site.first_sent_by_client().find(" ?lt=86400"), std::string::npos);
}

TEST(Ets, Case237_ReadOfAnObjectWithoutAFormat) {
  Site site(c1());
  site.start();
  const Exchange servers = site.server().read_bare("/1");
  EXPECT_EQ(servers.request, "CON GET /1");
  ASSERT_TRUE(servers.answer().format);
  EXPECT_EQ(servers.value("/1/0/1"), Value(std::int64_t{86400}));
  const Exchange device = site.server().read_bare("/3");
  EXPECT_EQ(device.request, "CON GET /3");
  expect_basic_information(device);
}

TEST(Ets, Case256_WriteOfAReadOnlyResourceFails) {
  Site site(c1());
  site.start();
  const Exchange write = site.server().write("/1/0/0", "123");
  EXPECT_EQ(write.request, "CON PUT /1/0/0 ct=0 '123'");
  EXPECT_EQ(write.response.substr(0, 8), "ACK 4.05");
  EXPECT_TRUE(write.is(Status::MethodNotAllowed));
  EXPECT_EQ(site.server().read("/1/0/0", format::kText).response, "ACK 2.05 ct=0 '1'");
}

}  // namespace
}  // namespace drover::conformance
