// SPDX-License-Identifier: Apache-2.0
// Enabler test cases of the objects 3, 4, 6, 7 and 16.
#include "tests/conformance/configurations.hpp"

namespace drover::conformance {
namespace {

/// The ids of the resources in an answer, "0 1 2".
std::string resources(const Exchange& exchange) {
  std::string ids;
  for (const auto& node : exchange.resources()) ids += (ids.empty() ? "" : " ") + std::to_string(node.id);
  return ids;
}

/// Attributes pmin 2 and pmax 10 on an instance, its observation, then what the device does each second for half a
/// minute. The seconds between the notifications are within the two, and there are such.
void expect_notifications_between_2_and_10(Site& site, const std::string& instance,
                                           const std::function<void(int)>& each_second) {
  const Exchange attributes = site.server().attributes(instance, {"pmin=2", "pmax=10"});
  EXPECT_EQ(attributes.request, "CON PUT " + instance + " ?pmin=2 ?pmax=10");
  EXPECT_EQ(attributes.response, "ACK 2.04");
  const Exchange observe = site.server().observe(instance);
  EXPECT_EQ(observe.request, "CON GET obs=0 " + instance + " accept=11542");
  EXPECT_EQ(observe.response.substr(0, 13), "ACK 2.05 obs=");
  site.forget_messages();
  site.server().forget_events();
  Instant last = site.now();
  for (int second = 1; second <= 30; ++second) {
    site.pass(seconds(1));
    each_second(second);
  }
  const auto notifications = site.notifications();
  EXPECT_GE(notifications.size(), 3U);
  for (const Message& message : notifications) {
    const auto gap = std::chrono::duration_cast<seconds>(message.when - last).count();
    EXPECT_GE(gap, 2);
    EXPECT_LE(gap, 10);
    last = message.when;
  }
  std::size_t heard = 0;
  while (site.server().event(server::EventKind::Notification)) ++heard;
  EXPECT_EQ(heard, notifications.size()) << "the application hears each";
}

// ---- Device ---------------------------------------------------------------------------------------------------------

TEST(Ets, Case651_WritableResourcesOfDevice) {
  Site site(c6());
  site.start();
  Server& server = site.server();
  const Exchange saved = server.read("/3/0");
  // Current Time 1400000000, UTC Offset "+03:00" and Timezone "Europe/Riga" in one partial update.
  const Exchange write =
      server.update("/3/0", format::kTlv, hex("C40D 53724E00 C60E 2B30333A3030 C80F0B 4575726F70652F52696761"));
  EXPECT_EQ(write.request.substr(0, 23), "CON POST /3/0 ct=11542 ");
  EXPECT_EQ(write.response, "ACK 2.04");
  const Exchange changed = server.read("/3/0");
  EXPECT_EQ(changed.value("/3/0/13"), Value(lwm2m::Time{1400000000}));
  EXPECT_EQ(changed.value("/3/0/14"), Value(std::string("+03:00")));
  EXPECT_EQ(changed.value("/3/0/15"), Value(std::string("Europe/Riga")));
  EXPECT_EQ(changed.value("/3/0/0"), saved.value("/3/0/0"));
  // What was saved, by a Write that replaces.
  const Exchange restore =
      server.write("/3/0", format::kTlv, hex("C40D 5182428F C60E 2B30323A3030 C80F0D 4575726F70652F4265726C696E"));
  EXPECT_EQ(restore.request.substr(0, 22), "CON PUT /3/0 ct=11542 ");
  EXPECT_EQ(restore.response, "ACK 2.04");
  EXPECT_EQ(to_hex(server.read("/3/0").payload), to_hex(saved.payload));
}

TEST(Ets, Case652_FirmwareVersionOfDevice) {
  Site site(c6());
  site.start();
  const Exchange read = site.server().read_bare("/3/0/3");
  EXPECT_EQ(read.request, "CON GET /3/0/3");
  EXPECT_EQ(read.response, "ACK 2.05 ct=0 '1.0'");
  EXPECT_EQ(read.value(), Value(std::string(kFirmware)));
}

TEST(Ets, Case680_DeviceCannotBeCreated) {
  Site site(c1());
  site.start();
  const Bytes before = site.server().read("/3/0").payload;
  const Exchange create = site.server().create("/3", format::kTlv, hex("C80F0B 4575726F70652F52696761"));
  EXPECT_EQ(create.request.substr(0, 21), "CON POST /3 ct=11542 ");
  EXPECT_EQ(create.response.substr(0, 8), "ACK 4.05");
  EXPECT_TRUE(create.is(Status::MethodNotAllowed));
  EXPECT_EQ(site.server().read("/3/0").payload, before);
}

TEST(Ets, Case685_DeviceCannotBeDeleted) {
  Site site(c1());
  site.start();
  const Exchange erase = site.server().erase("/3/0");
  EXPECT_EQ(erase.request, "CON DELETE /3/0");
  EXPECT_EQ(erase.response.substr(0, 8), "ACK 4.05");
  EXPECT_TRUE(site.server().read("/3/0/0").is(Status::Content));
}

// ---- Connectivity Monitoring, Location ------------------------------------------------------------------------------

TEST(Ets, Case701_ReadOfConnectivityMonitoring) {
  Site site(c5());
  site.start();
  const Exchange read = site.server().read("/4/0");
  EXPECT_EQ(read.request, "CON GET /4/0 accept=11542");
  EXPECT_EQ(read.response.substr(0, 17), "ACK 2.05 ct=11542");
  EXPECT_EQ(resources(read), "0 1 2 3 4 5 6 7 8 9 10");
  EXPECT_EQ(read.value("/4/0/2"), Value(std::int64_t{92}));
}

TEST(Ets, Case710_ObservationOfConnectivityMonitoring) {
  Site site(c5());
  site.start();
  expect_notifications_between_2_and_10(site, "/4/0", [&](int second) {
    if (second < 10) site.set("/4/0/2", std::int64_t{60 + second});
  });
}

TEST(Ets, Case801_ReadOfLocation) {
  Site site(c7());
  site.start();
  const Exchange read = site.server().read("/6/0");
  EXPECT_EQ(read.response.substr(0, 17), "ACK 2.05 ct=11542");
  EXPECT_EQ(resources(read), "0 1 2 3 4 5 6");
  EXPECT_EQ(read.value("/6/0/0"), Value(43.5723));
  EXPECT_EQ(read.value("/6/0/1"), Value(153.21760));
  EXPECT_EQ(read.value("/6/0/5"), Value(lwm2m::Time{1367491215}));
}

TEST(Ets, Case810_ObservationOfLocation) {
  Site site(c7());
  site.start();
  std::int64_t time = 1367491215;
  expect_notifications_between_2_and_10(site, "/6/0", [&](int second) {
    if (second % 3 != 0) return;
    time += 3;
    site.set("/6/0/0", 43.5723 + second / 1000.0);
    site.set("/6/0/5", lwm2m::Time{time});
  });
  EXPECT_EQ(site.server().read("/6/0/5").value(), Value(lwm2m::Time{time}));
}

// ---- Connectivity Statistics ----------------------------------------------------------------------------------------

TEST(Ets, Case901_StatisticsStartStopRead) {
  Site site(c9());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.execute("/7/0/6").response, "ACK 2.04");
  for (int second = 0; second < 5; ++second) {
    site.pass(seconds(1));
    server.read("/3/0");
  }
  EXPECT_EQ(server.execute("/7/0/7").response, "ACK 2.04");
  const Exchange read = server.read("/7/0");
  EXPECT_EQ(read.response.substr(0, 17), "ACK 2.05 ct=11542");
  EXPECT_EQ(resources(read), "0 1 2 3 4 5 8");
  EXPECT_EQ(read.value("/7/0/0"), Value(std::int64_t{0})) << "no SMS";
  EXPECT_GT(std::get<std::int64_t>(*read.value("/7/0/4")), 0) << "the longest message";
  EXPECT_GT(std::get<std::int64_t>(*read.value("/7/0/5")), 0) << "the average one";
}

TEST(Ets, Case905_StatisticsPeriodWritten) {
  Site site(c9());
  site.start();
  EXPECT_EQ(site.server().read("/7/0").value("/7/0/8"), Value(std::int64_t{0}));
  const Exchange write = site.server().write("/7/0/8", "30");
  EXPECT_EQ(write.request, "CON PUT /7/0/8 ct=0 '30'");
  EXPECT_EQ(write.response, "ACK 2.04");
  EXPECT_EQ(site.server().read("/7/0").value("/7/0/8"), Value(std::int64_t{30}));
}

TEST(Ets, Case910_ObservationOfStatistics) {
  Site site(with(c9(), [](Site& device) { device.set("/3/0/0", std::string(900, 'z')); }));
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.write("/7/0/8", "0").response, "ACK 2.04");
  std::int64_t last = 0;
  expect_notifications_between_2_and_10(site, "/7/0", [&](int second) {
    if (second == 1) {
      EXPECT_EQ(server.execute("/7/0/6").response, "ACK 2.04");
    }
    if (second > 1) server.read("/3/0/0");
    if (second != 30) return;
    // What the client noted last as sent has moved on.
    last = std::get<std::int64_t>(*server.read("/7/0/2").value());
    EXPECT_EQ(server.execute("/7/0/7").response, "ACK 2.04");
  });
  EXPECT_GT(last, 10);
  site.pass(seconds(10));
  const Exchange cancel = server.cancel("/7/0");
  EXPECT_EQ(cancel.request, "CON GET obs=1 /7/0 accept=11542");
  site.forget_messages();
  EXPECT_EQ(server.execute("/7/0/6").response, "ACK 2.04");
  site.pass(seconds(60));
  EXPECT_TRUE(site.notifications().empty());
}

// ---- Portfolio ------------------------------------------------------------------------------------------------------

TEST(Ets, Case1635_PortfolioIsDeleted) {
  Site site(with(c12(), [](Site& device) {
    device.add(16, 1);
    device.set("/16/1/0/0", std::string("Host Device ID #2"));
  }));
  site.start();
  Server& server = site.server();
  EXPECT_EQ(as_text(server.discover("/16").payload), "</16>,</16/0>,</16/0/0>,</16/1>,</16/1/0>");
  for (const char* instance : {"/16/0", "/16/1"}) {
    const Exchange erase = server.erase(instance);
    EXPECT_EQ(erase.request, "CON DELETE " + std::string(instance));
    EXPECT_EQ(erase.response, "ACK 2.02");
  }
  EXPECT_EQ(as_text(server.discover("/16").payload), "</16>");
}

}  // namespace
}  // namespace drover::conformance
