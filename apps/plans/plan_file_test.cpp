// SPDX-License-Identifier: Apache-2.0
#include "apps/plans/plan_file.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "bootstrap/test_plans.hpp"

namespace drover::plans {
namespace {

using Json = nlohmann::json;

std::string refusal(const std::string& toml) {
  const auto plan = plan_from_toml(toml, "p.toml");
  return plan ? "none" : plan.error().reason;
}

TEST(PlanFile, TomlBecomesTheJsonOfTheSameMeaning) {
  const auto plan = plan_from_toml(
      "name = \"p\"\nendpoints = [\"a\", \"b*\"]\n[[servers]]\nid = 101\nstore_notifications = false\n"
      "security = { mode = \"psk\" }\n[[write]]\npath = \"/3303/0\"\nvalue = { 5700 = 1.5, 5701 = \"\\\"\\u00e9\" }\n",
      "p.toml");
  ASSERT_TRUE(plan) << plan.error().reason;
  EXPECT_EQ(Json::parse(plan->reveal()), Json::parse(R"({"name":"p","endpoints":["a","b*"],
    "servers":[{"id":101,"store_notifications":false,"security":{"mode":"psk"}}],
    "write":[{"path":"/3303/0","value":{"5700":1.5,"5701":"\"é"}}]})"));
  EXPECT_EQ(name_of_plan(*plan), "p");
  EXPECT_EQ(name_of_plan(Secret<std::string>(std::string("[]"))), "");
}

TEST(PlanFile, ErrorsNameTheLineAndNoValue) {
  EXPECT_EQ(refusal("name = \"p\"\nwhen = 2026-01-31\n"), "p.toml:2: a plan has no dates; a time is seconds since 1970");
  EXPECT_EQ(refusal("a = 1\nb = [0.5, nan]\n"), "p.toml:2: a plan has finite numbers only");
  EXPECT_EQ(refusal("name = \"p\"\nkey = 5ec7e75ec7e7\n"), "p.toml:2: no TOML");
  EXPECT_EQ(refusal("name = \"p\"\nname = \"q\"\n"), "p.toml:2: no TOML");
}

TEST(PlanFile, TheEndingSaysWhatItIs) {
  EXPECT_NE(read_plan_file("plan.yaml").error().reason.find(".toml or .json"), std::string::npos);
  EXPECT_EQ(read_plan_file("/nowhere/plan.toml").error().reason, "/nowhere/plan.toml can't be read");
  const std::string file = ::testing::TempDir() + "/drover-plan-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) + ".json";
  std::ofstream(file) << "{\"name\":\"p\"";  // passed on as it is: the server says what is wrong
  const auto plan = read_plan_file(file);
  std::remove(file.c_str());
  ASSERT_TRUE(plan) << plan.error().reason;
  EXPECT_EQ(plan->reveal(), "{\"name\":\"p\"");
}

/// Everything between "```toml" and "```" of a document.
std::vector<std::string> toml_blocks(const std::string& file) {
  std::ifstream stream(file);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  std::vector<std::string> blocks;
  const std::string fence = "```toml\n";
  for (std::size_t at = text.find(fence); at != std::string::npos; at = text.find(fence, at)) {
    at += fence.size();
    blocks.push_back(text.substr(at, text.find("```", at) - at));
  }
  return blocks;
}

TEST(PlanFile, TheDocumentsExamplesArePlans) {
  const auto blocks = toml_blocks(DROVER_SOURCE_DIR "/docs/bootstrap.md");
  EXPECT_FALSE(blocks.empty());
  for (const std::string& block : blocks) {
    const auto json = plan_from_toml(block, "docs/bootstrap.md");
    ASSERT_TRUE(json) << json.error().reason;
    const auto plan = bootstrap::parse_plan(json->reveal(), bootstrap::testing::definitions());
    ASSERT_TRUE(plan) << plan.error().reason;
    EXPECT_TRUE((*plan)->warnings.empty()) << (*plan)->warnings.front();
  }
}

}  // namespace
}  // namespace drover::plans
