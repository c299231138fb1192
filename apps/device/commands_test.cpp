// SPDX-License-Identifier: Apache-2.0
#include "apps/device/commands.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace drover::device {
namespace {

struct Dialogue {
  std::unique_ptr<Device> device;
  bool quit = false;
  std::optional<Commands> commands;
  Commands::Session session;

  explicit Dialogue(Config config = {}) {
    config.servers.push_back({"coap://127.0.0.1:9", 0, std::nullopt, 0, std::nullopt});
    config.bind = "127.0.0.1:0";
    auto made = Device::make(std::move(config));
    EXPECT_TRUE(made) << (made ? "" : made.error().reason);
    device = std::move(*made);
    EXPECT_TRUE(device->start());
    commands.emplace(*device, [this] { quit = true; });
  }
  /// Output lines joined by '|', or the error.
  std::string say(std::string_view line) {
    const auto result = commands->run(line, session);
    if (!result) return "error: " + result.error().reason;
    std::string text;
    for (const std::string& output : *result) text += (text.empty() ? "" : "|") + output;
    return text;
  }
};

TEST(DeviceCommands, ValuesAndInstances) {
  Dialogue dialogue;
  EXPECT_EQ(dialogue.say("set /3303/0/5700 33.5"), "");
  EXPECT_EQ(dialogue.say("get /3303/0/5700"), "33.5");
  EXPECT_EQ(dialogue.say("set /3/0/1 \"two  words\""), "");
  EXPECT_EQ(dialogue.say("get /3/0/1"), "two  words");
  EXPECT_EQ(dialogue.say("add /3303/5"), "");
  EXPECT_NE(dialogue.say("show /3303").find("/3303/5/5700"), std::string::npos);
  EXPECT_EQ(dialogue.say("remove /3303/5"), "");
  EXPECT_EQ(dialogue.say("remove /3303/5"), "error: /3303/5: doesn't exist");
  EXPECT_EQ(dialogue.say("unset /3/0/1"), "");
  EXPECT_EQ(dialogue.say("get /3/0/1"), "error: /3/0/1: has no value");
  EXPECT_EQ(dialogue.say("  # a comment"), "");
}

TEST(DeviceCommands, MistakesNameTheFix) {
  Dialogue dialogue;
  EXPECT_EQ(dialogue.say("sett /3/0/1 x"), "error: unknown command \"sett\"; help lists them");
  EXPECT_EQ(dialogue.say("set /3/0/1"), "error: usage: set PATH VALUE");
  EXPECT_EQ(dialogue.say("get 3"), "error: \"3\" isn't a path such as /3303/0/5700");
  EXPECT_TRUE(dialogue.say("set /3303/0/5700 x").starts_with("error: /3303/0/5700: \"x\" isn't a value of type Float"));
  EXPECT_TRUE(dialogue.say(std::string(5000, 'x')).starts_with("error: the line is longer"));
}

TEST(DeviceCommands, SecretsAreNotShown) {
  Dialogue dialogue;
  EXPECT_EQ(dialogue.say("set /0/0/5 c2VjcmV0"), "");
  EXPECT_EQ(dialogue.say("get /0/0/5"), "(6 bytes)");
  EXPECT_EQ(dialogue.say("show /0").find("c2VjcmV0"), std::string::npos);
  const std::string mistake = dialogue.say("set /0/0/5 not-base64!");
  EXPECT_TRUE(mistake.starts_with("error: ")) << mistake;
  EXPECT_EQ(mistake.find("not-base64"), std::string::npos) << mistake;
}

TEST(DeviceCommands, KeysOfAnyTypeAreNotShown) {
  // A definition of one's own may say that keys are texts; it wins over the shipped one.
  const auto folder = std::filesystem::path(::testing::TempDir()) / "drover_device_keys";
  std::filesystem::create_directories(folder);
  std::ifstream shipped(DROVER_SOURCE_DIR "/objects/1.0/0.xml");
  std::string text{std::istreambuf_iterator<char>(shipped), {}};
  const std::string opaque = "<Type>Opaque</Type>", string = "<Type>String</Type>";
  for (auto at = text.find(opaque); at != std::string::npos; at = text.find(opaque)) {
    text.replace(at, opaque.size(), string);
  }
  std::ofstream(folder / "0.xml") << text;
  Config config;
  config.objects = {folder.string()};
  Dialogue dialogue(std::move(config));
  for (const char* key : {"/0/0/3", "/0/0/4", "/0/0/5"}) {
    EXPECT_EQ(dialogue.say(std::string("set ") + key + " top-secret"), "");
    EXPECT_EQ(dialogue.say(std::string("get ") + key), "(10 bytes)");
  }
  EXPECT_EQ(dialogue.say("show /0").find("top-secret"), std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST(DeviceCommands, TheRest) {
  Dialogue dialogue;
  EXPECT_NE(dialogue.say("status").find("coap://127.0.0.1:9  registering"), std::string::npos);
  EXPECT_EQ(dialogue.say("update"), "");
  EXPECT_EQ(dialogue.say("observations"), "");
  EXPECT_EQ(dialogue.say("attributes /3303/0"), "server 1 ");
  EXPECT_EQ(dialogue.say("events on"), "");
  EXPECT_TRUE(dialogue.session.events);
  EXPECT_TRUE(dialogue.say("rebind").starts_with("local port "));
  EXPECT_EQ(dialogue.say("deregister"), "");
  EXPECT_NE(dialogue.say("status").find("registering"), std::string::npos) << "until the Register is answered or fails";
  EXPECT_EQ(dialogue.say("quit"), "");
  EXPECT_TRUE(dialogue.quit);
}

TEST(DeviceCommands, ABootstrapIsTriggered) {
  Dialogue without;
  EXPECT_EQ(without.say("bootstrap"),
            "error: no bootstrap server; give --bootstrap coaps://HOST, or [bootstrap] uri = \"coaps://HOST\" in the file");
  EXPECT_EQ(without.say("status").find("bootstrap"), std::string::npos);
  Config config;
  config.bootstrap.uri = "coap://127.0.0.1:9";
  Dialogue dialogue(std::move(config));
  EXPECT_NE(dialogue.say("status").find("bootstrap server  coap://127.0.0.1:9  off"), std::string::npos);
  EXPECT_EQ(dialogue.say("bootstrap"), "");
  EXPECT_NE(dialogue.say("status").find("bootstrap server  coap://127.0.0.1:9  requesting"), std::string::npos);
  EXPECT_EQ(dialogue.say("deregister"), "");
  EXPECT_EQ(dialogue.say("bootstrap"), "error: this device is off; register ends that");
}

TEST(DeviceEvents, BootstrapsAreTold) {
  using Kind = client::BootstrapReport::Kind;
  using client::BootstrapCause;
  const auto told = [](Kind kind, Duration retry_in) {
    return describe(client::BootstrapChanged{{kind, BootstrapCause::Server, "a\n\"b\"", retry_in}});
  };
  EXPECT_EQ(told(Kind::Began, {}), "bootstrap-began cause=\"the bootstrap server began\"");
  EXPECT_EQ(told(Kind::Finished, {}), "bootstrap-finished");
  EXPECT_EQ(told(Kind::Failed, std::chrono::seconds(30)), "bootstrap-failed reason=\"a?\"b\"\" retry_in=30s");
  EXPECT_EQ(told(Kind::Failed, {}), "bootstrap-failed reason=\"a?\"b\"\"");
  EXPECT_EQ(describe(client::Served{0, "Bootstrap-Delete", {}, lwm2m::Status::Deleted}),
            "served server=bootstrap operation=Bootstrap-Delete path=/ result=\"Deleted\"");
}

TEST(DeviceEvents, ADroppedPacketIsOneLine) {
  EXPECT_EQ(describe(coap::Drop{transport::PeerAddress::v4(0xC0000201, 5683), "stranger"}),
            "dropped address=192.0.2.1:5683 why=\"stranger\"");
}

}  // namespace
}  // namespace drover::device
