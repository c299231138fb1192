// SPDX-License-Identifier: Apache-2.0
// drover bootstrap, as a process, in front of a desk without devices.
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api_fixture.hpp"
#include "bootstrap_samples.hpp"
#include "program.hpp"

namespace drover::api::test {
namespace {

using bootstrap::DeskRefusal;

constexpr int kUsage = 2, kNotRegistered = 3, kDeviceError = 1, kServer = 5;  // exit status: drover --help

class DroverBootstrap : public ApiTest {
 protected:
  DroverBootstrap() {
    add_bootstrap_definitions(registry_);
    Api::Settings settings;
    settings.bootstrap = &desk_;
    start(settings);
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~DroverBootstrap() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ + "/" + name) << content;
    return folder_ + "/" + name;
  }
  [[nodiscard]] Program drover(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--api", "http://127.0.0.1:" + std::to_string(port_), "bootstrap"});
    return Program(DROVER_PROGRAM, std::move(arguments), {{"DROVER_TOKEN", ""}, {"XDG_CONFIG_HOME", folder_}});
  }
  std::string run(std::vector<std::string> arguments, int code = 0) const {
    Program program = drover(std::move(arguments));
    EXPECT_EQ(program.finish(), code) << program.said();
    EXPECT_EQ(program.said().find("5ec7e7"), std::string::npos) << program.said();
    return program.said();
  }
  static void expect_in(const std::string& text, std::initializer_list<const char*> parts) {
    for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " isn't in:\n" << text;
  }
  static std::string toml(const std::string& key) {
    return "name = \"factory\"\nendpoints = [\"pump\"]\n[[servers]]\nid = 101\nuri = \"coaps://lwm2m.example\"\n"
           "security = { mode = \"psk\", identity = \"{endpoint}\", key = \"" + key + "\" }\n";
  }

  FakeDesk desk_{registry_};
  std::string folder_ = (std::filesystem::temp_directory_path() / "drover-bootstrap-XXXXXX").string();
};

TEST_F(DroverBootstrap, PlansComeFromTomlAndJson) {
  const std::string file = write("factory.toml", toml(kSecret));
  expect_in(run({"plan", "validate", file}), {"the plan is valid\n"});
  expect_in(run({"plan", "list"}), {"PLAN  ENDPOINTS"});
  expect_in(run({"plan", "put", file}), {"plan factory\n", "  endpoints  pump\n", "  servers    101\n", "server 101\n", "finish\n"});
  run({"plan", "put", write("other.json", plan_json("other", "valve"))});
  std::string nameless = plan_json("", "tank");
  nameless.replace(nameless.find(R"("name":"",)"), 10, "");
  expect_in(run({"plan", "put", write("x.json", nameless)}, kUsage), {"has no name for the plan"});
  expect_in(run({"plan", "put", write("x.json", nameless), "--name", "tanks"}), {"plan tanks\n"});
  expect_in(run({"plan", "list"}), {"factory", "other", "tanks"});
  const Json shown = Json::parse(run({"plan", "show", "factory", "--json"}));
  EXPECT_EQ(shown["plan"]["servers"][0]["security"]["key"], "given");
  expect_in(run({"plan", "remove", "factory"}), {"removed plan factory\n"});
  expect_in(run({"plan", "show", "factory"}, kUsage), {"there is no plan \"factory\""});
}

TEST_F(DroverBootstrap, MistakesAreShownWithTheirPlace) {
  expect_in(run({"plan", "put", write("p.toml", toml("5ec7e7x"))}, kUsage), {"drover: servers[0].security.key: must be"});
  expect_in(run({"plan", "validate", write("p.toml", "name = \"p\"\nkey = 5ec7e7x\n")}, kUsage), {"p.toml:2: no TOML"});
  expect_in(run({"plan", "validate", write("p.txt", "{}")}, kUsage), {".toml or .json"});
  run({"plan", "put", write("p.toml", toml(kSecret))});
  expect_in(run({"plan", "put", write("q.json", plan_json("q", "pump"))}, kUsage), {"drover: ", "factory"});
}

TEST_F(DroverBootstrap, ADryRunPrintsTheMessages) {
  run({"plan", "put", write("factory.toml", toml(kSecret))});
  expect_in(run({"plan", "dry-run", "pump"}),
            {"plan factory for pump\n", "  1  Bootstrap-Discover / (GET /)  accept link", "Bootstrap-Write /0/1 (PUT /0/1)  tlv, ",
             "/0/1/3 = pump\n", "/0/1/5 = ********\n", "Bootstrap-Finish (POST /bs)\n"});
  expect_in(run({"plan", "dry-run", "else", "--plan", "factory", "--format", "json"}), {"plan factory for else", "json, "});
  expect_in(run({"plan", "dry-run", "else", "--file", write("d.json", plan_json("d", "x"))}), {"plan d for else"});
  expect_in(run({"plan", "dry-run", "else"}, kUsage), {"no plan is for the endpoint \"else\""});
}

TEST_F(DroverBootstrap, SessionsAreATableAndALadder) {
  desk_.add(session_view(1, "pump"));
  desk_.add(session_view(2, "valve"));
  expect_in(run({"sessions"}), {"ID  ENDPOINT", "2   valve     factory  running 2/5", "1   pump"});
  EXPECT_EQ(run({"sessions", "--endpoint", "pump"}).find("valve"), std::string::npos);
  EXPECT_EQ(Json::parse(run({"sessions", "--limit", "1", "--json"}))["next"], 2);
  expect_in(run({"sessions", "1"}), {"session 1: pump, plan factory, running 2/5\n", "  wrote     server 101: psk \"pump.1\" at coaps://a",
                                     "+0.020 s  device <- Bootstrap-Write /0/1  tlv, 87 bytes\n", "device -> 2.04 Changed  fine\n"});
  expect_in(run({"end", "1"}), {"session 1: pump, plan factory, failed\n", "reason    ended by an administrator"});
  expect_in(run({"end", "1"}, kUsage), {"has ended already"});
  expect_in(run({"sessions", "7"}, kUsage), {"no bootstrap session of that id"});
}

TEST_F(DroverBootstrap, FollowGoesOnUntilTheSessionEnds) {
  desk_.add(session_view(1, "pump"));
  desk_.emit(bootstrap::SessionStarted{{1}, "pump", "factory", transport::PeerAddress::v4(0xC0000201, 40000)});
  Program program = drover({"sessions", "1", "--follow"});
  ASSERT_TRUE(program.says("more messages")) << program.said();
  program.forget();
  // The stream may begin only now: it begins behind what was there before, so none of this is lost.
  auto finish = wrote();
  finish.at += 30;
  finish.operation = "Bootstrap-Finish";
  finish.path = {};
  desk_.emit(bootstrap::SessionProgress{{1}, "pump", 4, 5, session_view(1, "pump").timeline[0]});  // shown already
  desk_.emit(bootstrap::SessionProgress{{9}, "pump", 4, 5, wrote("of another session")});
  desk_.emit(bootstrap::SessionProgress{{1}, "pump", 4, 5, finish});
  desk_.emit(bootstrap::SessionEnded{
      {1}, "pump", bootstrap::SessionState::Finished, "", bootstrap::Applied::Yes, provisioned()});
  EXPECT_EQ(program.finish(), 0) << program.said();
  expect_in(program.said(), {"+0.050 s  device <- Bootstrap-Finish", "finished, applied: yes"});
  EXPECT_EQ(program.said().find("Bootstrap-Write"), std::string::npos) << program.said();
  EXPECT_EQ(program.said().find("another"), std::string::npos) << program.said();
}

TEST_F(DroverBootstrap, StartCallsOrAsks) {
  desk_.answer_start(bootstrap::SessionId{12});
  expect_in(run({"start", "pump", "--uri", "coaps://192.0.2.7:5684"}), {"session 12 has begun"});
  desk_.answer_start(tl::unexpected(DeskRefusal{DeskRefusal::Why::Unavailable, "no bootstrap credential is for pump"}));
  expect_in(run({"start", "pump", "--uri", "coaps://192.0.2.7:5684"}, kServer), {"no bootstrap credential is for pump"});
  expect_in(run({"start", "pump"}, kNotRegistered), {"is not registered"});
  auto view = device_view("pump");
  view.announcement.objects.push_back({1, std::nullopt, {0, 1}});
  fleet_.add(view);
  fleet_.answer_with(changed());
  expect_in(run({"start", "pump"}, kUsage), {"several servers", "one of 0 1"});
  expect_in(run({"start", "pump", "--server-instance", "1"}), {"2.04 Changed: the device was asked to bootstrap, by /1/1/9"});
  fleet_.answer_with(lwm2m::Outcome{lwm2m::Status::MethodNotAllowed, std::nullopt, {}, "", 0x85});
  expect_in(run({"start", "pump", "--server-instance", "1"}, kDeviceError), {"4.05 Method Not Allowed", "which is optional"});
}

}  // namespace
}  // namespace drover::api::test
