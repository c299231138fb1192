// SPDX-License-Identifier: Apache-2.0
#include "jobs/fleet_selector.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "jobs/selection_text.hpp"
#include "tests/api/fake_fleet.hpp"

namespace drover::jobs {
namespace {

class Values final : public KnownValues {
 public:
  std::optional<std::string> text(const std::string& endpoint, const lwm2m::Path& path) override {
    const auto found = known.find({endpoint, path.to_string()});
    return found == known.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::pair<std::string, std::string>, std::string> known;
};

class Selecting : public ::testing::Test {
 protected:
  Selecting() : tags_(*Tags::open(*store::StoreFile::in_memory())) {
    for (int i = 0; i < 2500; ++i) add("meter-" + std::to_string(10000 + i));
    add("lamp-1");
    add("lamp-2");
    (void)tags_->change("meter-10007", {"pilot"}, Tags::Change::Add);
    (void)tags_->change("lamp-2", {"pilot", "dark"}, Tags::Change::Add);
    (void)tags_->change("away", {"pilot"}, Tags::Change::Add);
    values_.known[{"lamp-1", "/3/0/1"}] = "LX-100";
    values_.known[{"lamp-2", "/3/0/1"}] = "LX-200";
    values_.known[{"away", "/3/0/1"}] = "LX-100";
  }
  void add(const std::string& endpoint) {
    server::DeviceView device;
    device.endpoint = endpoint;
    device.updated_at = endpoint.starts_with("lamp") ? 2000 : 1000;
    device.announcement.objects = {{3, std::nullopt, {0}}};
    if (endpoint == "lamp-2") device.announcement.objects.push_back({3311, std::nullopt, {0}});
    fleet_.add(std::move(device));
  }
  void settle() {
    while (!tasks_.empty()) {
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }
  std::vector<std::string> select(const Selection& selection) {
    std::optional<Result<std::vector<std::string>>> result;
    selector_.select(selection, [&](Result<std::vector<std::string>> found) { result = std::move(found); });
    EXPECT_FALSE(result) << "it must not be done in the caller";
    settle();
    EXPECT_TRUE(result);
    return result->value();
  }

  api::test::FakeFleet fleet_;
  std::unique_ptr<Tags> tags_;
  Values values_;
  std::deque<std::function<void()>> tasks_;
  FleetSelector selector_{fleet_, *tags_, &values_, [this](std::function<void()> task) { tasks_.push_back(std::move(task)); }};
};

using List = std::vector<std::string>;

TEST_F(Selecting, NothingGivenIsEveryDevice) {
  EXPECT_EQ(select({}).size(), 2502u);
}

TEST_F(Selecting, AllConditionsHoldTogether) {
  Selection selection;
  selection.name = "meter-1000?";
  EXPECT_EQ(select(selection).size(), 10u);
  selection.tags = {"pilot"};
  EXPECT_EQ(select(selection), (List{"meter-10007"}));
  selection.name = "";
  EXPECT_EQ(select(selection), (List{"lamp-2", "meter-10007"}));  // "away" isn't registered
  selection.model = "LX-*";
  EXPECT_EQ(select(selection), (List{"lamp-2"}));
  selection = {};
  selection.model = "LX-*";
  EXPECT_EQ(select(selection), (List{"lamp-1", "lamp-2"}));
  selection.object = 3311;
  EXPECT_EQ(select(selection), (List{"lamp-2"}));
  selection = {};
  selection.seen_after = 2000;
  EXPECT_EQ(select(selection), (List{"lamp-1", "lamp-2"}));
  selection.seen_before = 1999;
  EXPECT_TRUE(select(selection).empty());
}

TEST_F(Selecting, DevicesThatAreNamedNeedntBeRegistered) {
  Selection selection;
  selection.endpoints = {"nobody", "lamp-1", "away", "lamp-1"};
  EXPECT_EQ(select(selection), (List{"away", "lamp-1", "nobody"}));
  selection.model = "LX-100";
  EXPECT_EQ(select(selection), (List{"away", "lamp-1"}));
  selection.object = 3;
  EXPECT_EQ(select(selection), (List{"lamp-1"}));
}

TEST_F(Selecting, PagesJoinWithoutGapOrRepetition) {
  for (const bool tagged : {false, true}) {
    Selection selection;
    if (tagged) {
      selection.tags = {"pilot"};
    } else {
      selection.name = "*-100*";
    }
    List seen;
    std::string after;
    do {
      selector_.page(selection, after, 7, [&](FleetSelector::Page page) {
        EXPECT_LE(page.devices.size(), 7u);
        for (const auto& device : page.devices) seen.push_back(device.endpoint);
        after = page.next;
      });
      settle();
    } while (!after.empty());
    EXPECT_EQ(seen, select(selection));
  }
}

TEST(SelectionText, WhatIsWrittenIsReadAndWhatIsWrongIsNamed) {
  using Json = nlohmann::ordered_json;
  for (const char* text :
       {R"({"all":true})", R"({"name":"meter-*","object":3303})", R"({"endpoints":["a"],"tags":["x"],"seen_after":7})",
        R"({"manufacturer":"a*","model":"b","version":"1.?","seen_before":9})"}) {
    const auto parsed = parse_selection(Json::parse(text));
    ASSERT_TRUE(parsed) << text << parsed.error().reason;
    EXPECT_EQ(nlohmann::json(to_json(*parsed)), nlohmann::json::parse(text));
  }
  for (const auto& [text, field] : std::vector<std::pair<const char*, const char*>>{
           {R"({})", "all"},
           {R"({"all":false})", "all"},
           {R"({"all":true,"name":"x"})", "all"},
           {R"({"all":1})", "all"},
           {R"({"name":""})", "name"},
           {R"({"name":7})", "name"},
           {R"({"endpoints":[]})", "endpoints"},
           {R"({"tags":["a b"]})", "tags"},
           {R"({"object":65536})", "object"},
           {R"({"object":-1})", "object"},
           {R"({"seen_after":"x"})", "seen_after"},
           {R"({"nmae":"x"})", ""},
           {R"([])", ""}}) {
    const auto parsed = parse_selection(Json::parse(text));
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().field, field) << text;
  }
}

}  // namespace
}  // namespace drover::jobs
