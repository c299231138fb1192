// SPDX-License-Identifier: Apache-2.0
// droverd and drover together: the numbers of devices in the store, and a carrier whose SMSC isn't there.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "program.hpp"

namespace drover::api::test {
namespace {

using Json = nlohmann::json;

constexpr int kUsage = 2, kServer = 5;  // exit status: drover --help
constexpr const char* kKeys = "5ec7e700112233445566778899aabbcc";

void expect_in(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " isn't in:\n" << text;
}

class DroverdSms : public ::testing::Test {
 protected:
  DroverdSms() {
    std::string pattern = (std::filesystem::temp_directory_path() / "drover-sms-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~DroverdSms() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(file(name)) << content;
    return file(name);
  }
  /// With a store and whatever follows.
  [[nodiscard]] std::string config(const std::string& rest = "") const {
    return write("droverd.toml", "listen = \"127.0.0.1:0\"\nshards = 1\n"
                                 "[api]\nlisten = [\"127.0.0.1:0\"]\n[log]\nlevel = \"debug\"\n"
                                 "[store]\nfile = \"" + file("store.db") + "\"\n" + rest);
  }
  std::string drover(const Program& daemon, std::vector<std::string> arguments, int code = 0) const {
    arguments.insert(arguments.begin(), {"--api", "http://127.0.0.1:" + std::to_string(daemon.port_of("http://"))});
    Program program(DROVER_PROGRAM, std::move(arguments), {{"DROVER_TOKEN", ""}, {"XDG_CONFIG_HOME", folder_}});
    EXPECT_EQ(program.finish(), code) << program.said();
    return program.said();
  }
  [[nodiscard]] Json json(const Program& daemon, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "--json");
    return Json::parse(drover(daemon, std::move(arguments)), nullptr, false);
  }
  static void stop(Program& daemon) {
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.finish(), 0) << daemon.said();
  }

  std::string folder_;
};

TEST_F(DroverdSms, NumbersAreAddedListedChangedAndRemoved) {
  const std::string configuration = config();
  write("keys", std::string(kKeys) + "\n");
  std::string made;
  {
    Program daemon(DROVERD_PROGRAM, {"--config", configuration});
    ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
    const std::string added = drover(daemon, {"sms", "add", "+4917012345", "pump", "--generate", "--label", "cellar"});
    expect_in(added, {"number 1: 4917012345", "protection  packets", "parameters  12121600b20203", "shown this once"});
    const std::size_t at = added.find("  keys        ");
    ASSERT_NE(at, std::string::npos) << added;
    made = added.substr(at + 14, 64);
    EXPECT_TRUE(from_hex(made)) << made;
    expect_in(drover(daemon, {"sms", "add", "49171", "valve", "--protection", "smartcard", "--keys-file", file("keys"),
                              "--parameters", "22221639b20203"}),
              {"number 2: 49171", "protection  smartcard", "parameters  22221639b20203"});
    expect_in(drover(daemon, {"sms", "add", "49171", "valve", "--generate"}, kUsage), {"has this number already"});
    expect_in(drover(daemon, {"sms", "add", "49172", "valve"}, kUsage), {"secured packets have keys"});
    expect_in(drover(daemon, {"sms", "add", "49172", "valve", "--generate", "--keys-file", file("keys")}, kUsage),
              {"--generate"});
    expect_in(drover(daemon, {"sms", "add", "49172", "valve", "--keys-file", file("nothing")}, kUsage),
              {"can't be read"});
    expect_in(drover(daemon, {"sms", "disable", "2"}), {"state       disabled"});
    stop(daemon);
    for (const std::string& secret : {std::string(kKeys), made}) EXPECT_EQ(daemon.said().find(secret), std::string::npos);
  }
  Program daemon(DROVERD_PROGRAM, {"--config", configuration});
  ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
  const std::string list = drover(daemon, {"sms", "list"});
  expect_in(list, {"4917012345  pump", "packets", "enabled", "cellar", "49171", "smartcard", "disabled"});
  for (const std::string& secret : {std::string(kKeys), made}) EXPECT_EQ(list.find(secret), std::string::npos) << list;
  EXPECT_EQ(json(daemon, {"sms", "list", "--endpoint", "pump"})["numbers"].size(), 1u);
  EXPECT_EQ(json(daemon, {"sms", "list", "--limit", "1"})["total"], 2);
  EXPECT_EQ(json(daemon, {"sms", "enable", "2"})["enabled"], true);
  EXPECT_EQ(json(daemon, {"sms", "show", "1"})["counters"]["received"], 0);
  expect_in(drover(daemon, {"sms", "remove", "1"}), {"removed number 1: 4917012345"});
  drover(daemon, {"sms", "show", "1"}, kUsage);
  EXPECT_EQ(json(daemon, {"sms", "list"})["total"], 1);
  expect_in(drover(daemon, {"sms", "status"}, kUsage), {"this server speaks no SMS"});
  stop(daemon);
}

TEST_F(DroverdSms, NumbersStayUsableWhenTheStoresKeyIsChanged) {
  const std::string before = config();
  {
    Program daemon(DROVERD_PROGRAM, {"--config", before});
    ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
    drover(daemon, {"sms", "add", "49170", "pump", "--generate"});
    stop(daemon);
  }
  Program rekey(DROVERD_PROGRAM, {"--config", before, "--rekey", file("new.key")});
  EXPECT_EQ(rekey.finish(), 0) << rekey.said();
  Program refused(DROVERD_PROGRAM, {"--config", before});
  EXPECT_NE(refused.finish(), 0) << "the old key is good for nothing";
  // It opens every account's keys before it is ready.
  Program daemon(DROVERD_PROGRAM, {"--config", config("key_file = \"" + file("new.key") + "\"\n")});
  ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
  EXPECT_EQ(json(daemon, {"sms", "show", "1"})["number"], "49170");
  EXPECT_EQ(json(daemon, {"sms", "add", "49171", "pump", "--generate"})["id"], 2);
  stop(daemon);
}

TEST_F(DroverdSms, ACarrierWithoutItsSmscIsShownAsThat) {
  // Port 9 (discard) of this machine: whether somebody is there or not, nobody binds.
  Program daemon(DROVERD_PROGRAM, {"--config", config("[sms]\nmsisdn = \"491700000\"\nsmpp = \"127.0.0.1:9\"\n"
                                                      "system_id = \"drover\"\n")});
  ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
  const Json status = json(daemon, {"sms", "status"});
  EXPECT_EQ(status["carrier"], "smpp") << status;
  EXPECT_EQ(status["number"], "491700000");
  EXPECT_EQ(status["ready"], false);
  EXPECT_NE(status["state"], "");
  EXPECT_EQ(status["gateway"]["messages_out"], 0);
  expect_in(drover(daemon, {"sms", "status"}), {"carrier", "smpp", "carried.sent", "gateway.strangers"});
  stop(daemon);
}

TEST(DroverSms, WithoutAStoreThereAreNoNumbers) {
  Program daemon(DROVERD_PROGRAM, {"--listen", "127.0.0.1:0", "--secure-listen", "", "--api", "127.0.0.1:0"});
  ASSERT_TRUE(daemon.says("droverd: ready")) << daemon.said();
  Program list(DROVER_PROGRAM, {"--api", "http://127.0.0.1:" + std::to_string(daemon.port_of("http://")), "sms", "list"},
               {{"DROVER_TOKEN", ""}, {"XDG_CONFIG_HOME", "/nowhere"}});
  EXPECT_EQ(list.finish(), kServer);
  expect_in(list.said(), {"keeps no numbers of devices"});
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.finish(), 0);
}

}  // namespace
}  // namespace drover::api::test
