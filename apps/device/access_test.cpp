// SPDX-License-Identifier: Apache-2.0
#include "apps/device/access.hpp"

#include <gtest/gtest.h>

#include "apps/device/commands.hpp"
#include "apps/device/config.hpp"
#include "apps/device/device.hpp"

namespace drover::device {
namespace {

namespace rights = client::rights;

constexpr const char* kTwoServers = R"(
[[server]]
uri = "coap://127.0.0.1:9"
id = 101
[[server]]
uri = "coap://127.0.0.1:10"
id = 102
)";

std::unique_ptr<Device> made(const std::string& text) {
  Config config;
  const auto read = parse_config(text, "device.toml", config);
  EXPECT_TRUE(read) << (read ? "" : read.error().reason);
  auto device = Device::make(std::move(config));
  EXPECT_TRUE(device) << (device ? "" : device.error().reason);
  return device ? std::move(*device) : nullptr;
}

std::string mistake(const std::string& text) {
  Config config;
  if (const auto read = parse_config(text, "device.toml", config); !read) return read.error().reason;
  const auto device = Device::make(std::move(config));
  return device ? "" : device.error().reason;
}

const client::AccessControl& access(Device& device) {
  return device.runtime().client().tree().access();
}

TEST(DeviceAccess, WithSeveralServersTheFirstOwnsAndTheOthersRead) {
  const auto device = made(std::string(kTwoServers) + "[values]\n\"/3303/0/5700\" = 20.0\n");
  EXPECT_EQ(access(*device).rights_of(101, 3303, 0), rights::kFull);
  EXPECT_EQ(access(*device).rights_of(102, 3303, 0), rights::kRead);
  EXPECT_EQ(access(*device).rights_of(102, 3, 0), rights::kRead);
  EXPECT_EQ(access(*device).rights_of(102, 1, 1), rights::kFull) << "its own account";
  EXPECT_EQ(access(*device).rights_of(101, 1, 1), rights::kNone);
  EXPECT_TRUE(access(*device).may_create(101, 3303));
  EXPECT_FALSE(access(*device).may_create(102, 3303));
}

TEST(DeviceAccess, TheTableSaysOtherwise) {
  const auto device = made(std::string(kTwoServers) + R"(
[access]
owner = 102
others = "RE"
create = false
)");
  EXPECT_EQ(access(*device).rights_of(102, 3, 0), rights::kFull);
  EXPECT_EQ(access(*device).rights_of(101, 3, 0), rights::kRead | rights::kExecute);
  EXPECT_FALSE(access(*device).may_create(102, 3303));
}

TEST(DeviceAccess, ExplicitValuesWin) {
  // Core Appendix F, Tables 37 and 39: Server 1 has all rights on the Device instance, Server 2 may read it; Server 1
  // may create the firmware instance.
  const auto device = made("support = [5]\n" + std::string(kTwoServers) + R"(
[values]
"/2/2/0" = 3
"/2/2/1" = 0
"/2/2/2/101" = 0b1111
"/2/2/2/102" = 0b0001
"/2/2/3" = 101
"/2/4/0" = 5
"/2/4/1" = 65535
"/2/4/2/101" = 0b10000
"/2/4/3" = 65535
[access]
owner = 102
others = ""
)");
  EXPECT_EQ(access(*device).rights_of(101, 3, 0), rights::kFull);
  EXPECT_EQ(access(*device).rights_of(102, 3, 0), rights::kRead);
  EXPECT_TRUE(access(*device).may_create(101, 5));
  EXPECT_FALSE(access(*device).may_create(102, 5));
  EXPECT_EQ(access(*device).guards_of({3, 0}).size(), 1U);
  EXPECT_EQ(access(*device).rights_of(101, 1, 0), rights::kFull) << "what isn't said is filled in";
}

TEST(DeviceAccess, OneServerNeedsNone) {
  const auto device = made("server = \"coap://127.0.0.1:9\"\n");
  EXPECT_EQ(access(*device).rights_of(1, 3, 0), rights::kFull);
  EXPECT_EQ(device->runtime().client().tree().find(2), nullptr);
}

TEST(DeviceAccess, ANewInstanceIsGuardedAndARemovedOneLeavesNothing) {
  const auto device = made(kTwoServers);
  bool quit = false;
  Commands commands(*device, [&] { quit = true; });
  Commands::Session session;
  ASSERT_TRUE(commands.run("add /3303/4", session));
  ASSERT_TRUE(commands.run("set /3303/5/5700 1", session));
  EXPECT_EQ(access(*device).rights_of(101, 3303, 4), rights::kFull);
  EXPECT_EQ(access(*device).rights_of(102, 3303, 5), rights::kRead);
  ASSERT_TRUE(commands.run("remove /3303/4", session));
  EXPECT_TRUE(access(*device).guards_of({3303, 4}).empty());
}

TEST(DeviceAccess, AFactoryResetProvidesAnew) {
  const auto device = made(kTwoServers);
  ASSERT_TRUE(device->set(lwm2m::Path(3303, 0, 5700), "1"));
  ASSERT_TRUE(device->factory_reset());
  EXPECT_EQ(access(*device).rights_of(102, 3, 0), rights::kRead);
  EXPECT_TRUE(access(*device).guards_of({3303, 0}).empty());
}

TEST(DeviceAccess, MistakesNameTheLine) {
  EXPECT_EQ(mistake("[access]\nothers = \"RX\"\n"),
            "device.toml:2: others takes letters of R (read, observe), W (write), E (execute) and D (delete), such as "
            "\"RW\", or \"\" for none");
  EXPECT_EQ(mistake("[access]\nowner = 65535\n"), "device.toml:2: owner takes a number from 1 to 65534");
  EXPECT_EQ(mistake("[access]\nowners = 1\n"),
            "device.toml:2: unknown key \"owners\" in [access]; known are owner, others, create");
  EXPECT_EQ(mistake(std::string(kTwoServers) + "[access]\nowner = 7\n"),
            "device.toml:9: owner: no server has the id 7; give one of theirs");
}

}  // namespace
}  // namespace drover::device
