// SPDX-License-Identifier: Apache-2.0
// Observations of several servers on objects, instances and resources: how they begin, end and what they may see.
#include "tests/lockstep/client_peer.hpp"

namespace drover::testing {
namespace {

/// Registered with 192.0.2.1 and 192.0.2.2, which may do everything with /3/0, /4/0 and /3303/0.
struct TwoServers : Device {
  TwoServers() : TwoServers(plain_settings()) {}
  explicit TwoServers(const client::ClientSettings& settings) : Device(settings) {
    client.define(*shipped().find(2));
    client.define(*shipped().find(4));
    client.define(*shipped().find(3303));
    EXPECT_TRUE(client.add_account(now, 2, "coap://192.0.2.2", 86400));
    add(4, 0), add(3303, 0);
    set("/4/0/2", std::int64_t{76});
    share(0, 3), share(1, 4), share(2, 3303);
    client.start(now);
    for (const std::uint32_t server : {1U, 2U}) {
      out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?", server_address(server));
      in("ACK $m 2.01 t=$t loc=rd loc=5a3f", server_address(server));
    }
    quiet();
  }
  [[nodiscard]] std::size_t observations() const { return client.notifier().observations().size(); }
};

TEST(CoreSection5_5_1, ObjectInstanceAndResourceForTwoServersWithTheSameTokens) {
  TwoServers device;
  const char* const paths[] = {"/3303", "/3303/0", "/3303/0/5700"};
  for (const std::uint32_t server : {1U, 2U}) {
    for (int i = 0; i < 3; ++i) {
      const std::string token = "t=0" + std::to_string(i), mid = "000" + std::to_string(i);
      device.in("CON " + mid + " GET " + token + " " + paths[i] + " obs=0", server_address(server));
      device.out("ACK " + mid + " 2.05 " + token + " obs=? ct=? ?", server_address(server));
    }
  }
  EXPECT_EQ(device.observations(), 6U);
  device.set("/3303/0/5700", 21.0);
  for (const char* token : {"t=00", "t=01", "t=02"}) {  // object before instance before resource
    for (const std::uint32_t server : {1U, 2U}) {
      device.out("NON ? 2.05 " + std::string(token) + " obs=? ct=? ?", server_address(server));
    }
  }
  device.quiet();
  // Cancelled at one server alone, by another token than the one that began it.
  device.in("CON 0011 GET t=77 /3303/0 obs=1", server_address(2));
  device.out("ACK 0011 2.05 t=77 ct=? ?", server_address(2));
  EXPECT_EQ(device.observations(), 5U);
  device.set("/3303/0/5700", 22.0);
  device.out("NON ? 2.05 t=00 obs=? ct=? ?", server_address(1));
  device.out("NON ? 2.05 t=00 obs=? ct=? ?", server_address(2));
  device.in("RST $m EMPTY", server_address(2));
  device.out("NON ? 2.05 t=01 obs=? ct=? ?", server_address(1));
  device.out("NON ? 2.05 t=02 obs=? ct=0 '22'", server_address(1));
  device.out("NON ? 2.05 t=02 obs=? ct=0 '22'", server_address(2));
  device.set("/3303/0/5700", 23.0);
  device.out("NON ? 2.05 t=00 obs=? ct=? ?", server_address(1));
  device.out("NON ? 2.05 t=01 obs=? ct=? ?", server_address(1));
  device.out("NON ? 2.05 t=02 obs=? ct=0 '23'", server_address(1));
  device.out("NON ? 2.05 t=02 obs=? ct=0 '23'", server_address(2));
  device.quiet();
}

TEST(TransportInformationReporting, AResetOfAConfirmableNotificationEndsTheObservation) {
  client::ClientSettings settings = plain_settings();
  settings.notification.confirmable = true;
  TwoServers device(settings);
  for (const std::uint32_t server : {1U, 2U}) {
    device.in("CON 0001 GET t=01 /4/0/2 obs=0", server_address(server));
    device.out("ACK 0001 2.05 t=01 obs=? ct=0 '76'", server_address(server));
  }
  device.set("/4/0/2", std::int64_t{80});
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'", server_address(1));
  device.in("RST $m EMPTY", server_address(1));
  device.out("CON ? 2.05 t=01 obs=? ct=0 '80'", server_address(2));
  device.in("ACK $m EMPTY", server_address(2));
  EXPECT_EQ(device.observations(), 1U);
  device.set("/4/0/2", std::int64_t{81});
  device.out("CON ? 2.05 t=01 obs=? ct=0 '81'", server_address(2));
  device.in("ACK $m EMPTY", server_address(2));
  device.quiet();
  EXPECT_TRUE(device.client.kept_notifications().empty());
}

TEST(ScrDmse010, CancelInWriteAttributesEndsThatServersObservationsOfThePath) {
  TwoServers device;
  const auto observe = [&](const char* path, const char* token, std::uint32_t server) {
    device.in("CON 00" + std::string(token) + " GET t=" + token + " " + path + " obs=0", server_address(server));
    device.out("ACK ? 2.05 ? obs=? ct=? ?", server_address(server));
  };
  observe("/4/0/2", "01", 1), observe("/4/0/2", "02", 1), observe("/4/0", "03", 1), observe("/4/0/2", "04", 2);
  device.in("CON 0011 PUT t=11 /4/0/2 ?cancel=x");
  device.out("ACK 0011 4.00 t=11 ?");
  EXPECT_EQ(device.observations(), 4U);
  device.in("CON 0012 PUT t=12 /4/0/2 ?pmin=9 ?pmax=3 ?cancel");
  device.out("ACK 0012 4.00 t=12 ?");
  EXPECT_EQ(device.observations(), 4U);
  device.in("CON 0013 PUT t=13 /4/0/2 ?cancel ?pmin=5");
  device.out("ACK 0013 2.04 t=13");
  EXPECT_EQ(device.observations(), 2U);
  device.set("/4/0/2", std::int64_t{80});
  device.out("NON ? 2.05 t=04 obs=? ct=0 '80'", server_address(2));
  device.quiet();
  device.pass(seconds(5));
  device.out("NON ? 2.05 t=03 obs=? ct=? ?", server_address(1));
  device.in("CON 0014 PUT t=14 /4/0 ?cancel");
  device.out("ACK 0014 2.04 t=14");
  EXPECT_EQ(device.observations(), 1U);
}

TEST(CoreSection7_1_2_5, WithoutTheRightToReadNothingIsSentAndTheObservationStays) {
  TwoServers device;
  for (const std::uint32_t server : {1U, 2U}) {
    device.in("CON 0001 GET t=01 /4/0/2 obs=0", server_address(server));
    device.out("ACK 0001 2.05 t=01 obs=? ct=0 '76'", server_address(server));
  }
  device.set("/2/1/2/1", std::int64_t{2});  // server 1 may write alone
  device.set("/4/0/2", std::int64_t{80});
  device.out("NON ? 2.05 t=01 obs=? ct=0 '80'", server_address(2));
  device.quiet();
  EXPECT_EQ(device.observations(), 2U);
  device.set("/2/1/2/1", std::int64_t{1});
  device.quiet();
  device.set("/4/0/2", std::int64_t{81});
  for (const std::uint32_t server : {1U, 2U}) device.out("NON ? 2.05 t=01 obs=? ct=0 '81'", server_address(server));
  device.quiet();
}

TEST(CoreSection7_1_2_5, AnObservedObjectIsSilentAboutInstancesThatMayNotBeRead) {
  TwoServers device;
  device.add(3303, 1);
  device.share(3, 3303, 1);
  device.set("/2/3/2/1", std::int64_t{0});
  device.pass(seconds(1));
  for (const std::uint32_t server : {1U, 2U}) {
    device.out("CON ? POST t=? /rd/5a3f ct=40 ?", server_address(server));
    device.in("ACK $m 2.04 t=$t", server_address(server));
  }
  for (const std::uint32_t server : {1U, 2U}) {
    device.in("CON 0001 GET t=01 /3303 obs=0", server_address(server));
    device.out("ACK 0001 2.05 t=01 obs=? ct=? ?", server_address(server));
  }
  device.set("/3303/1/5700", 5.0);
  device.out("NON ? 2.05 t=01 obs=? ct=? ?", server_address(2));
  device.quiet();
  device.set("/3303/0/5700", 5.0);
  for (const std::uint32_t server : {1U, 2U}) device.out("NON ? 2.05 t=01 obs=? ct=? ?", server_address(server));
}

TEST(Rfc7959Section2_6, ANotificationThatOutgrowsAMessageGoesInBlocks) {
  TwoServers device;
  device.in("CON 0001 GET t=01 /3/0/0 obs=0");
  device.out("ACK 0001 2.05 t=01 obs=? ct=0 'Open Mobile Alliance'");
  std::string name;
  for (int i = 0; name.size() < 2500; ++i) name += std::to_string(i) + ' ';
  device.set("/3/0/0", name);
  device.out("NON ? 2.05 t=01 etag=? obs=? ct=0 2:0/1/1024 size2=" + std::to_string(name.size()) + " ?");
  const auto payload = [&] {
    const auto begin = std::find(device.last_sent.begin(), device.last_sent.end(), std::uint8_t{0xFF});
    return std::string(begin + 1, device.last_sent.end());
  };
  std::string body = payload();
  device.in("CON 0002 GET t=02 /3/0/0 2:1/0/1024");
  device.out("ACK 0002 2.05 t=02 etag=? ct=0 2:1/1/1024 ?");
  body += payload();
  device.in("CON 0003 GET t=02 /3/0/0 2:2/0/1024");
  device.out("ACK 0003 2.05 t=02 etag=? ct=0 2:2/0/1024 ?");
  body += payload();
  EXPECT_EQ(body, name);
  device.quiet();
}

TEST(CoreSection5_4_4, UnsetAttributesLeaveTheDefaultsOfTheServerObject) {
  TwoServers device;
  device.set("/1/0/2", std::int64_t{4});
  device.in("CON 0001 GET t=01 /4/0/2 obs=0");
  device.out("ACK 0001 2.05 t=01 obs=? ct=0 '76'");
  device.in("CON 0002 PUT t=02 /4/0/2 ?pmin=60");
  device.out("ACK 0002 2.04 t=02");
  device.set("/4/0/2", std::int64_t{80});
  device.pass(seconds(5));
  device.quiet();
  device.in("CON 0003 PUT t=03 /4/0/2 ?pmin=");
  device.out("ACK 0003 2.04 t=03");
  device.out("NON ? 2.05 t=01 obs=? ct=0 '80'");  // the answer went out first
}

}  // namespace
}  // namespace drover::testing
