// SPDX-License-Identifier: Apache-2.0
// The audit log of a real droverd: over kills, with what the program does itself, and as `drover audit` shows it.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.hpp"
#include "storage/test_folder.hpp"
#include "test_pki.hpp"

namespace drover::api::test {
namespace {

using Json = nlohmann::json;

class DroverdAudit : public ::testing::Test {
 protected:
  std::string config(const std::string& more = {}) {
    const std::string name = pki_.folder() + "/droverd.toml";
    std::ofstream(name) << "listen = \"127.0.0.1:0\"\nshards = 1\n[store]\nfile = \"" << pki_.folder() << "/store.db\"\n"
                        << "[secure]\nlisten = \"\"\n" << more;
    return name;
  }
  std::string add_token(const std::string& name_and_role) {
    Program daemon(DROVERD_PROGRAM, {"--config", config(), "--add-token", name_and_role});
    EXPECT_EQ(daemon.finish(), 0) << daemon.said();
    const std::string& said = daemon.said();
    const std::size_t at = said.find("drover_");
    return at == std::string::npos ? "" : said.substr(at, said.find('\n', at) - at);
  }
  int drover(const Program& daemon, std::vector<std::string> arguments, std::string& said, const std::string& token) {
    arguments.insert(arguments.begin(), {"--api", "127.0.0.1:" + std::to_string(daemon.port_of("http://127.0.0.1"))});
    Program program(DROVER_PROGRAM, std::move(arguments),
                    {{"DROVER_TOKEN", token}, {"XDG_CONFIG_HOME", pki_.folder()}, {"DROVER_API", ""}, {"DROVER_CA", ""}});
    const int code = program.finish();
    said = program.said();
    return code;
  }
  Json records(const Program& daemon, const std::string& token, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"--json", "audit", "--oldest-first"});
    std::string said;
    EXPECT_EQ(drover(daemon, more, said, token), 0) << said;
    return Json::parse(said, nullptr, false)["records"];
  }

  TestAuthority pki_{"Audit authority"};
};

std::vector<std::string> actions(const Json& records) {
  std::vector<std::string> all;
  for (const Json& record : records) all.push_back(record["action"]);
  return all;
}

TEST_F(DroverdAudit, ToldOfAllThatHappenedAcrossAKillAndAStop) {
  const std::string token = add_token("ops:admin");
  ASSERT_FALSE(token.empty());
  const std::string rule = "[api]\nlisten = [\"127.0.0.1:0\"]\n[[rule]]\nname = \"meters\"\ncondition = { name = \"m*\" }\nsteps = [\"read /3/0\"]\n";
  std::string said;
  {
    Program daemon(DROVERD_PROGRAM, {"--config", config(rule)});
    ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
    ASSERT_EQ(drover(daemon, {"token", "add", "ci", "--role", "read"}, said, token), 0) << said;
    // Acknowledged, so there after a kill.
    daemon.signal(SIGKILL);
    EXPECT_EQ(daemon.finish(), -1);
  }
  {
    Program daemon(DROVERD_PROGRAM, {"--config", config(rule)});
    ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.finish(), 0) << daemon.said();
  }
  Program daemon(DROVERD_PROGRAM, {"--config", config(rule)});
  ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
  const Json all = records(daemon, token);
  EXPECT_EQ(actions(all), (std::vector<std::string>{"add-token", "start", "POST", "start", "stop", "start"})) << all.dump(1);
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all[0]["target"], "token 1 (ops) of role admin");
  EXPECT_EQ(all[0]["who"], "droverd (uid " + std::to_string(::getuid()) + ")");
  EXPECT_NE(all[1]["target"].get<std::string>().find("rules: meters"), std::string::npos);
  EXPECT_EQ(all[2]["who"], "token 1 (ops)");
  EXPECT_EQ(all[2]["location"], "/api/v1/tokens/2");
  EXPECT_EQ(all[4]["target"], "signal 15");
  EXPECT_EQ(records(daemon, token, {"--who", "ops"}).size(), 1U);
  EXPECT_EQ(records(daemon, token, {"--path", "/api/v1/tokens"}).size(), 1U);
  EXPECT_EQ(records(daemon, token, {"--to", "1h"}).size(), 0U);
  ASSERT_EQ(drover(daemon, {"audit", "--limit", "5"}, said, token), 0);
  EXPECT_NE(said.find("TARGET"), std::string::npos) << said;
  EXPECT_NE(said.find("  /api/v1/tokens/2"), std::string::npos) << said;
  EXPECT_NE(said.find("more: --limit"), std::string::npos) << said;
  EXPECT_EQ(said.find(token), std::string::npos);
}

TEST_F(DroverdAudit, AReloadIsToldWithItsResult) {
  const auto files = pki_.issue("DNS:localhost,IP:127.0.0.1");
  const std::string token = add_token("ops:admin");
  Program daemon(DROVERD_PROGRAM, {"--config", config("[api]\nlisten = [\"http://127.0.0.1:0\"]\ncertificate = \"" + files.certificate +
                                                      "\"\nprivate_key = \"" + files.private_key + "\"\n")});
  ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
  std::ofstream(files.certificate) << "nothing";
  daemon.signal(SIGHUP);
  ASSERT_TRUE(daemon.says("stays as it was")) << daemon.said();
  const Json all = records(daemon, token);
  ASSERT_EQ(actions(all).back(), "reload");
  EXPECT_TRUE(all.back()["target"].get<std::string>().starts_with("failed: ")) << all.back();
}

TEST_F(DroverdAudit, EachIsALineInTheLogToo) {
  const std::string token = add_token("ops:admin");
  Program daemon(DROVERD_PROGRAM, {"--config", config("[api]\nlisten = [\"127.0.0.1:0\"]\n[log]\nformat = \"json\"\n")});
  ASSERT_TRUE(daemon.says("ready\n")) << daemon.said();
  std::string said;
  ASSERT_EQ(drover(daemon, {"token", "remove", "7"}, said, token), 2) << said;
  ASSERT_EQ(drover(daemon, {"token", "add", "ci", "--role", "read"}, said, token), 0) << said;
  EXPECT_TRUE(daemon.says("\"target\":\"/api/v1/tokens\"")) << daemon.said();
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.finish(), 0);
  EXPECT_NE(daemon.said().find("\"token 1 (ops)\""), std::string::npos) << daemon.said();
}

}  // namespace
}  // namespace drover::api::test
