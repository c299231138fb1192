// SPDX-License-Identifier: Apache-2.0
// droverd as people keep it: another configuration while it runs, a backup, and what was in it put back.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kept_things.hpp"
#include "program.hpp"
#include "raw_client.hpp"

namespace drover::api::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Upkeep : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(folder_.file(name)).parent_path());
    std::ofstream(folder_.file(name)) << text;
    return folder_.file(name);
  }
  int status(const Program& daemon, const std::string& path, std::string* body = nullptr) {
    RawClient client(port_of(daemon));
    client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const std::string answer = client.read_all();
    if (body != nullptr) *body = answer.substr(answer.find("\r\n\r\n") + 4);
    return status_of(answer);
  }
  int port_of(const Program& daemon) {
    // Said once, at the start.
    if (const int port = daemon.port_of("http://127.0.0.1"); port > 0) port_ = port;
    return port_;
  }
  int drover(const Program& daemon, std::vector<std::string> arguments, std::string* said = nullptr) {
    arguments.insert(arguments.begin(), {"--api", "http://127.0.0.1:" + std::to_string(port_of(daemon))});
    Program program(DROVER_PROGRAM, std::move(arguments));
    const int code = program.finish();
    if (said != nullptr) *said = program.said();
    return code;
  }
  storage::testing::Folder folder_;
  int port_ = 0;
};

constexpr const char* kPorts = "listen = \"127.0.0.1:0\"\n[secure]\nlisten = \"\"\n[api]\nlisten = [\"127.0.0.1:0\"]\n";

TEST_F(Upkeep, SighupTakesUpWhatItCanAndNamesTheRest) {
  const std::string config = file("droverd.toml", kPorts);
  Program daemon(DROVERD_PROGRAM, {"--config", config, "--shards", "2"});
  ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
  EXPECT_EQ(status(daemon, "/api/v1/objects/26241"), 404);
  file("objects/pump.xml", KeptThings::definition("Pump"));
  const std::string more = "[[rule]]\nname = \"pumps\"\ncondition = { object = 26241 }\nsteps = [\"read /26241\"]\n"
                           "[[sink]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\n"
                           "[coap]\nmax_retransmit = 3\n";
  file("droverd.toml", "objects = [\"" + folder_.file("objects") + "\"]\n" + kPorts + more);
  daemon.signal(SIGHUP);
  ASSERT_TRUE(daemon.says("configuration read again\n")) << daemon.said();
  EXPECT_NE(daemon.said().find("needs a restart key=coap\n"), std::string::npos) << daemon.said();
  EXPECT_EQ(status(daemon, "/api/v1/objects/26241"), 200);
  EXPECT_EQ(status(daemon, "/api/v1/rules/pumps"), 200);
  EXPECT_EQ(status(daemon, "/api/v1/sinks/hook"), 200);

  // One mistake, and all stays as it is.
  daemon.forget();
  file("droverd.toml", std::string(kPorts) + "[[rule]]\nname = \"pumps\"\nsteps = [\"fly /3\"]\n");  // and without the objects
  daemon.signal(SIGHUP);
  ASSERT_TRUE(daemon.says("the configuration stays as it was")) << daemon.said();
  EXPECT_EQ(status(daemon, "/api/v1/sinks/hook"), 200);
  EXPECT_EQ(status(daemon, "/api/v1/objects/26241"), 200);

  file("droverd.toml", std::string(kPorts) + "rate = 1\nburst = 1\n");
  daemon.signal(SIGHUP);
  ASSERT_TRUE(daemon.says("configuration read again\n")) << daemon.said();
  // One request a second: of several at once, some are too many.
  int refused = 0;
  for (int i = 0; i < 10; ++i) refused += status(daemon, "/api/v1/objects/26241") == 429 ? 1 : 0;
  EXPECT_GT(refused, 0);
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.finish(), 0);
}

TEST_F(Upkeep, ABackupIsPutBackElsewhere) {
  const std::string store = folder_.file("fleet.db"), backup = folder_.file("backup"), again = folder_.file("again.db");
  const auto run = [&](const std::string& of) {
    return std::vector<std::string>{"--listen", "127.0.0.1:0", "--secure-listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--store", of};
  };
  std::string said;
  {
    Program daemon(DROVERD_PROGRAM, run(store));
    ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
    ASSERT_EQ(drover(daemon, {"define", file("pump.xml", KeptThings::definition("Pump"))}, &said), 0) << said;
    EXPECT_EQ(said, "object 26241 1.0: Pump\n");
    EXPECT_EQ(drover(daemon, {"define", file("wrong.xml", "<LWM2M>\n<Object>")}, &said), 2);
    EXPECT_NE(said.find("wrong.xml:2: "), std::string::npos) << "the file's own name: " << said;
    ASSERT_EQ(drover(daemon, {"tag", "add", "urn:dev:os:1", "pilot"}), 0);
    ASSERT_EQ(drover(daemon, {"credentials", "add", "psk", "sensor-1", "--generate", "--endpoint", "urn:dev:os:1"}), 0);
    ASSERT_EQ(drover(daemon, {"image", "put", "app", file("app.bin", "an image"), "--firmware-version", "2"}, &said), 0) << said;
    EXPECT_EQ(drover(daemon, {"image", "put", "other", folder_.file("app.bin"), "--version", "2"}, &said), 2) << said;
    ASSERT_EQ(drover(daemon, {"backup", backup}, &said), 0) << said;
    EXPECT_EQ(drover(daemon, {"backup", backup}, &said), 2) << "it is there already: " << said;
    EXPECT_EQ(status(daemon, "/api/v1/backup"), 404) << "it is at the operator's now";
    ASSERT_EQ(drover(daemon, {"undefine", "26241"}), 0);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.finish(), 0);
  }
  {
    Program restore(DROVERD_PROGRAM, {"--store", again, "--restore", backup});
    ASSERT_EQ(restore.finish(), 0) << restore.said();
    EXPECT_NE(restore.said().find(again + ".key"), std::string::npos) << restore.said();
  }
  fs::copy_file(store + ".key", again + ".key");
  Program daemon(DROVERD_PROGRAM, run(again));
  ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
  std::string body;
  EXPECT_EQ(status(daemon, "/api/v1/objects/26241", &body), 200);
  EXPECT_EQ(Json::parse(body)["uploaded"], true);
  EXPECT_EQ(status(daemon, "/api/v1/credentials/1", &body), 200);
  EXPECT_EQ(Json::parse(body)["endpoint"], "urn:dev:os:1");
  EXPECT_EQ(status(daemon, "/api/v1/devices/urn:dev:os:1/tags", &body), 200);
  EXPECT_NE(body.find("pilot"), std::string::npos) << body;
  EXPECT_EQ(status(daemon, "/api/v1/images/app/content", &body), 200);
  EXPECT_EQ(body, "an image");
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.finish(), 0);
  Program twice(DROVERD_PROGRAM, {"--store", again, "--restore", backup});
  EXPECT_EQ(twice.finish(), 1) << "nothing is overwritten: " << twice.said();
}

}  // namespace
}  // namespace drover::api::test
