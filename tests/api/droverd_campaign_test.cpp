// SPDX-License-Identifier: Apache-2.0
// droverd, drover and drover-device: an image is uploaded, pushed and pulled, installed, and seen in the result.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "program.hpp"

namespace drover::api::test {
namespace {

using Json = nlohmann::json;

class DroverdCampaign : public ::testing::Test {
 protected:
  DroverdCampaign() {
    std::string pattern = (std::filesystem::temp_directory_path() / "drover-campaign-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::string image(100'000, 0);
    for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<char>(i * 2654435761U >> 11);
    std::ofstream(folder_ + "/image", std::ios::binary) << image;
    image_ = image;
    start_daemon();
  }
  ~DroverdCampaign() override {
    devices_.clear();
    daemon_->signal(SIGTERM);
    EXPECT_EQ(daemon_->finish(), 0) << daemon_->said();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  /// `port` of an earlier one, which the devices know.
  void start_daemon(int port = 0) {
    std::ofstream(folder_ + "/droverd.toml") << "listen = \"127.0.0.1:" << port << "\"\nshards = 2\n"
                                             << "[secure]\nlisten = \"127.0.0.1:0\"\n"
                                             << "[api]\nlisten = [\"127.0.0.1:0\"]\n"
                                             << "[images]\ncoap_url = \"coap://127.0.0.1\"\ncoaps_url = \"coaps://127.0.0.1\"\n"
                                             << "http_url = \"http://127.0.0.1\"\nhttp = \"127.0.0.1:0\"\n";
    daemon_.emplace(DROVERD_PROGRAM, std::vector<std::string>{"--config", folder_ + "/droverd.toml", "--store", folder_ + "/store"});
    EXPECT_TRUE(daemon_->says("ready\n")) << daemon_->said();
  }
  [[nodiscard]] int api_port() const {
    const std::string& said = daemon_->said();
    const std::size_t end = said.find("/api/v1");
    const std::size_t colon = said.rfind(':', end);
    return std::stoi(said.substr(colon + 1, end - colon - 1));
  }
  std::string drover(std::vector<std::string> arguments, int code = 0) const {
    arguments.insert(arguments.begin(), {"--api", "http://127.0.0.1:" + std::to_string(api_port())});
    Program program(DROVER_PROGRAM, std::move(arguments), {{"DROVER_TOKEN", ""}, {"XDG_CONFIG_HOME", folder_}});
    EXPECT_EQ(program.finish(), code) << program.said();
    return program.said();
  }
  Json json(std::vector<std::string> arguments, int code = 0) const {
    arguments.insert(arguments.begin(), "--json");
    return Json::parse(drover(std::move(arguments), code), nullptr, false);
  }
  /// With a folder of its name; `secure`: with a key that the server is given, too.
  void start_device(const std::string& name, bool secure = false,
                    const std::string& install = R"(cp \"$DROVER_FIRMWARE_FILE\" installed)") {
    const std::string base = folder_ + "/" + name;
    std::filesystem::create_directory(base);
    std::string server = "server = \"coap://127.0.0.1:" + std::to_string(daemon_->port_of("coap://")) + "\"\n";
    std::string security;
    if (secure) {
      const std::string file = base + "/key";
      std::ofstream(file) << "000102030405060708090a0b0c0d0e0f";
      std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
      drover({"credentials", "add", "psk", name, "--endpoint", name, "--key-file", file});
      server = "server = \"coaps://127.0.0.1:" + std::to_string(daemon_->port_of("coaps://")) + "\"\n";
      security = "[security]\nmode = \"psk\"\nidentity = \"" + name + "\"\nkey_file = \"" + file + "\"\n";
    }
    std::ofstream(base + "/device.toml") << "endpoint = \"" << name << "\"\n" << server << "bind = \"127.0.0.1:0\"\n" << security
                                         << "[firmware]\nfolder = \"fw\"\ncheck = \"echo name=app; echo version=7.1\"\n"
                                         << "install = \"" << install << "\"\n";
    devices_.push_back(std::make_unique<Program>(DROVER_DEVICE, std::vector<std::string>{"--config", base + "/device.toml"}));
  }
  [[nodiscard]] std::string installed(const std::string& name) const {
    std::ifstream stream(folder_ + "/" + name + "/installed", std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  /// With time limits that end before the test does.
  std::string create(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"campaign", "create"});
    arguments.insert(arguments.end(), {"--reach", "40s", "--transfer", "40s", "--download", "40s", "--update", "40s"});
    return drover(std::move(arguments));
  }
  /// Until the campaign is over, and how it ended.
  Json await(int id) const {
    drover({"campaign", "show", std::to_string(id), "--follow"});
    const Json shown = json({"campaign", "show", std::to_string(id)});
    EXPECT_EQ(shown["state"], "done") << drover({"campaign", "devices", std::to_string(id)});
    return shown;
  }

  std::string folder_;
  std::string image_;
  std::optional<Program> daemon_;
  std::vector<std::unique_ptr<Program>> devices_;
};

TEST_F(DroverdCampaign, PushAndPullOverCoapCoapsAndHttp) {
  EXPECT_NE(drover({"image", "put", "app-7.1", folder_ + "/image", "--firmware-version", "7.1"}).find("100000"), std::string::npos);
  int id = 0;
  for (const std::string method : {"push", "coap", "coaps", "http"}) {
    const std::string name = "device-" + method;
    start_device(name, method == "coaps");
    const std::string created = create({"app-7.1", name, "--method", method, "--title", method});
    EXPECT_NE(created.find("0 of 1 devices"), std::string::npos) << created;
    EXPECT_EQ(await(++id)["outcomes"], Json({{"succeeded", 1}}));
    EXPECT_EQ(installed(name), image_) << method;
  }
  const std::string shown = drover({"campaign", "show", "1"});
  EXPECT_NE(shown.find("[########################################] 1 of 1 devices"), std::string::npos) << shown;
  EXPECT_NE(drover({"campaign", "list"}).find("push"), std::string::npos);
  const std::string devices = drover({"campaign", "devices", "1", "--state", "succeeded"});
  EXPECT_NE(devices.find("7.1"), std::string::npos) << devices;
  // Once more: they have it.
  create({"app-7.1", "device-push", "device-coap", "--method", "push"});
  EXPECT_EQ(await(++id)["outcomes"], Json({{"skipped", 2}}));
  EXPECT_EQ(drover({"campaign", "remove", "1"}).substr(0, 8), "removed:");
  drover({"image", "remove", "app-7.1"});
}

TEST_F(DroverdCampaign, AFailureIsSeenAndRetriedBehindAKill) {
  drover({"image", "put", "app-7.1", folder_ + "/image", "--firmware-version", "7.1"});
  start_device("bad", false, "test -e ready && cp image installed");
  std::ofstream(folder_ + "/bad/image") << "installed";
  create({"app-7.1", "bad", "--method", "coap", "--retries", "0"});
  EXPECT_EQ(await(1)["outcomes"], Json({{"failed", 1}}));
  const std::string devices = drover({"campaign", "devices", "1"});
  EXPECT_NE(devices.find("update failed (8)"), std::string::npos) << devices;

  const int port = daemon_->port_of("coap://");
  daemon_->signal(SIGKILL);
  daemon_->finish();
  start_daemon(port);
  EXPECT_EQ(json({"campaign", "show", "1"})["outcomes"], Json({{"failed", 1}}));
  EXPECT_EQ(json({"image", "list"})["images"][0]["name"], "app-7.1");
  // It registers anew by itself only behind its Update: start it again.
  devices_.clear();
  start_device("bad", false, "test -e ready && cp image installed");
  std::ofstream(folder_ + "/bad/ready") << "now";
  drover({"campaign", "retry", "1"});
  EXPECT_EQ(await(1)["outcomes"], Json({{"succeeded", 1}}));
}

TEST_F(DroverdCampaign, WrongUseHasItsWords) {
  EXPECT_NE(drover({"campaign", "create", "none", "a"}, 2).find("there is no image"), std::string::npos);
  drover({"image", "put", "app", folder_ + "/image"});
  EXPECT_NE(drover({"campaign", "create", "app"}, 2).find("say which devices"), std::string::npos);
  EXPECT_NE(drover({"image", "put", "app", folder_ + "/droverd.toml"}, 2).find("another image of that name"), std::string::npos);
}

}  // namespace
}  // namespace drover::api::test
