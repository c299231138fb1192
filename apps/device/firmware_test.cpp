// SPDX-License-Identifier: Apache-2.0
#include "apps/device/firmware.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "apps/device/config.hpp"
#include "apps/device/device.hpp"

namespace drover::device {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

Result<Config> parsed(std::string_view text) {
  Config config;
  if (auto done = parse_config(text, "/etc/drover/device.toml", config); !done) return tl::unexpected(done.error());
  return config;
}

std::string mistake(std::string_view text) {
  const auto config = parsed(text);
  return config ? "" : config.error().reason;
}

TEST(FirmwareConfig, ReadsEverything) {
  const auto config = parsed(R"(
[firmware]
folder = "images"
max_size = 1000
fetch = "/opt/fetch"
check = "./check"
install = "./install --all"
rollback = "./rollback"
confirm = "./confirm"
timeout = "90s"
fetch_timeout = "2m"
)");
  ASSERT_TRUE(config) << config.error().reason;
  EXPECT_TRUE(config->firmware.enabled);
  coap::Parameters coap;
  coap.body_lifetime = seconds(99);
  const auto settings = updater_settings(config->firmware, coap);
  EXPECT_EQ(settings.folder, "/etc/drover/images");
  EXPECT_EQ(settings.command_folder, "/etc/drover");
  EXPECT_EQ(settings.size_max, 1000U);
  EXPECT_EQ(settings.fetch_program, "/opt/fetch");
  EXPECT_EQ(settings.check, "./check");
  EXPECT_EQ(settings.install, "./install --all");
  EXPECT_EQ(settings.rollback, "./rollback");
  EXPECT_EQ(settings.confirm, "./confirm");
  EXPECT_EQ(settings.command_timeout, seconds(90));
  EXPECT_EQ(settings.fetch_patience, minutes(2));
  EXPECT_EQ(settings.push_lifetime, seconds(99));
}

TEST(FirmwareConfig, MistakesNameTheirLine) {
  EXPECT_EQ(mistake("[firmware]\nmax_size = 0\n"),
            "/etc/drover/device.toml:2: max_size takes a number from 1 to 1099511627776");
  EXPECT_EQ(mistake("[firmware]\ntimeout = \"500ms\"\n"), "/etc/drover/device.toml:2: timeout takes \"1s\" to \"24h\"");
  EXPECT_NE(mistake("[firmware]\ninstal = \"x\"\n").find("unknown key \"instal\""), std::string::npos);
  EXPECT_NE(mistake("[firmware]\nfolder = \"\"\n").find(":2: folder"), std::string::npos);
}

std::unique_ptr<Device> device(std::string_view more) {
  auto config = parsed("server = \"coap://127.0.0.1:9\"\n" + std::string(more));
  EXPECT_TRUE(config) << (config ? "" : config.error().reason);
  auto made = Device::make(std::move(*config));
  EXPECT_TRUE(made) << (made ? "" : made.error().reason);
  return std::move(*made);
}

TEST(FirmwareConfig, TheTableGivesTheDeviceItsInstance) {
  const auto with = device("[firmware]\n");
  EXPECT_TRUE(with->runtime().client().tree().has(lwm2m::Path(5, 0, 9)));
  EXPECT_FALSE(with->runtime().client().tree().has(lwm2m::Path(5, 0, 4)));
  const auto without = device("");
  EXPECT_EQ(without->runtime().client().tree().find(5), nullptr);
}

TEST(FirmwareConfig, ASupportedObjectWithoutInstanceHasItsBehaviour) {
  const auto made = device("support = [5]\n");
  client::ObjectTree& tree = made->runtime().client().tree();
  EXPECT_NE(tree.find(5), nullptr);
  EXPECT_TRUE(tree.instances(5).empty());
  ASSERT_TRUE(made->add(5, 0));
  EXPECT_TRUE(tree.streams(lwm2m::Path(5, 0, 0)));
  EXPECT_FALSE(std::filesystem::exists("/etc/drover/firmware"));
}

}  // namespace
}  // namespace drover::device
