// SPDX-License-Identifier: Apache-2.0
// Rules in virtual time, with devices that outlive the machine: kills between any two steps.
#include "jobs/rules.hpp"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "jobs/rule_text.hpp"
#include "storage/test_folder.hpp"

namespace drover::jobs {
namespace {

using Json = nlohmann::ordered_json;
using server::NoAnswer;
using server::OperationId;
using server::OperationState;
using server::OperationStatus;
using State = RuleDeviceState;

constexpr UnixSeconds kEpoch = 1'700'000'000;

/// As much of the real forms as the machine looks at.
class PlainForms final : public Forms {
 public:
  store::Answer<OperationSummary> check(const std::string& form) const override {
    const Json json = Json::parse(form, nullptr, false);
    const auto path = lwm2m::Path::parse(json.value("path", ""));
    if (!path) return tl::unexpected(store::Refusal{store::Refusal::Why::Invalid, "path", "no path"});
    return OperationSummary{json.value("operation", ""), *path};
  }
  Result<PreparedOperation> prepare(const std::string&, const server::DeviceView&) const override {
    return PreparedOperation{lwm2m::Read{lwm2m::Path(3), std::nullopt, false}};
  }
  std::string value_text(const lwm2m::Path&, const lwm2m::Outcome&,
                         const std::optional<server::DeviceView>&) const override {
    return "";
  }
};

server::OperationResult changed() {
  return lwm2m::Outcome{lwm2m::Status::Changed, std::nullopt, {}, "", 0x44};
}

struct World {
  storage::testing::Folder folder;
  PlainForms forms;
  std::uint64_t last_operation = 0;
  std::map<std::uint64_t, OperationStatus> accepted;
  std::vector<std::string> sent;  ///< "meter write /1/0/1", as it was accepted
  std::map<std::string, server::OperationResult> answers;  ///< by path; else 2.04
  std::map<std::string, std::vector<lwm2m::Path>> observed;
  std::map<std::string, std::string> values;  ///< that devices have, by path
  bool silent = false;
  OperationState first = OperationState::Sent;
  std::vector<Rule> configured;
  store::Sealer sealer = store::Sealer::random();
};

Rule rule(const World& world, const std::string& name, const std::string& json) {
  auto parsed = parse_rule(name, Json::parse(json), world.forms);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().reason);
  return parsed ? *parsed : Rule{};
}

server::DeviceView device(const std::string& endpoint, int registration = 1) {
  server::DeviceView view;
  view.endpoint = endpoint;
  view.registration = "rd/" + std::to_string(registration);
  view.registered_at = kEpoch + 100 + registration;
  view.announcement.objects = {{3, std::nullopt, {0}}};
  return view;
}

/// One run, until it is destroyed: a kill.
class Machine {
 public:
  explicit Machine(World& world) : world_(world) {
    auto file = store::StoreFile::open(world.folder.file("store.db"));
    EXPECT_TRUE(file);
    tags_ = std::move(*Tags::open(*file));
    rules_ = std::make_unique<Rules>(RuleTable(*file, world.sealer), *tags_, nullptr, world_.forms,
                                     [this] { return OperationId{++world_.last_operation}; });
    rules_->set_wall_clock(std::chrono::seconds(kEpoch));
    EXPECT_TRUE(rules_->load(now, world.configured));
  }
  Rules* operator->() { return rules_.get(); }

  void put(const std::string& name, const std::string& json) {
    const auto done = rules_->put(now, rule(world_, name, json));
    EXPECT_TRUE(done) << (done ? "" : done.error().reason);
  }
  bool step() {
    if (auto action = rules_->poll_action()) {
      std::visit([this](const auto& one) { carry_out(one); }, *action);
      return true;
    }
    const auto due = rules_->deadline();
    if (!due || *due > now + std::chrono::minutes(1)) return false;
    now = std::max(now, *due);
    rules_->handle_timeout(now);
    return true;
  }
  void settle() {
    for (int i = 0; i < 100'000 && step(); ++i) {
    }
  }
  void registered(const server::DeviceView& view) {
    rules_->handle_registered(now, view);
    settle();
  }
  void end(std::uint64_t operation, const server::OperationResult& result) {
    OperationStatus& status = world_.accepted.at(operation);
    status.state = std::holds_alternative<NoAnswer>(result) ? OperationState::Failed : OperationState::Done;
    status.result = result;
    rules_->handle_progress(now, status);
  }
  std::vector<RuleDevice> outcomes(const std::string& name) {
    auto page = rules_->devices(now, name, {});
    EXPECT_TRUE(page);
    return page ? page->devices : std::vector<RuleDevice>{};
  }
  Tags& tags() { return *tags_; }

  Instant now{std::chrono::seconds(100)};
  std::vector<StepFailed> failures;
  std::vector<std::string> asked_by;
  int looks = 0;

 private:
  void carry_out(const AskValue& ask) {
    const auto found = world_.values.find(ask.path.to_string());
    rules_->handle_value(now, ask.endpoint, ask.path,
                         found == world_.values.end() ? std::nullopt : std::optional(found->second));
  }
  void carry_out(const LookAtObservations& look) {
    ++looks;
    rules_->handle_observed(now, look.endpoint, world_.observed[look.endpoint]);
  }
  void carry_out(const AskStep& ask) {
    const auto summary = *world_.forms.check(ask.form);
    world_.sent.push_back(ask.endpoint + " " + summary.operation + " " + summary.path.to_string());
    asked_by.push_back(ask.settings.asked_by);
    OperationStatus status;
    status.id = *ask.settings.id;
    status.endpoint = ask.endpoint;
    status.path = summary.path;
    status.state = world_.first;
    world_.accepted[status.id.value] = status;
    rules_->handle_progress(now, status);
    if (!world_.silent) answer(status.id.value);
  }
  void carry_out(const FollowStep& follow) {
    const auto found = world_.accepted.find(follow.operation.value);
    if (found == world_.accepted.end()) return rules_->handle_missing(now, follow.endpoint, follow.operation);
    rules_->handle_progress(now, found->second);
    if (!world_.silent && !server::is_over(found->second.state)) answer(found->first);
  }
  void carry_out(const TakeBackStep& back) { world_.accepted.erase(back.operation.value); }
  void carry_out(const StepFailed& failed) { failures.push_back(failed); }
  void carry_out(const SetupsDropped&) {}
  void answer(std::uint64_t id) {
    const auto found = world_.answers.find(world_.accepted[id].path.to_string());
    end(id, found == world_.answers.end() ? changed() : found->second);
  }

  World& world_;
  std::unique_ptr<Tags> tags_;
  std::unique_ptr<Rules> rules_;
};

constexpr const char* kMeters =
    R"({"condition":{"name":"meter-*"},"steps":["observe /3303/0/5700","write-attributes /3303/0/5700 pmin=10",)"
    R"("read /3/0","write /1/0/1 300"]})";
const std::vector<std::string> kMeterSteps{"meter-1 observe /3303/0/5700", "meter-1 write-attributes /3303/0/5700",
                                           "meter-1 read /3/0", "meter-1 write /1/0/1"};

TEST(Rules, TheStepsRunInOrderOnDevicesThatFit) {
  World world;
  Machine machine(world);
  machine.put("meters", kMeters);
  machine.registered(device("lamp"));
  EXPECT_TRUE(world.sent.empty());
  machine.registered(device("meter-1"));
  EXPECT_EQ(world.sent, kMeterSteps);
  EXPECT_EQ(machine.asked_by.at(0), "rule meters");
  const auto outcomes = machine.outcomes("meters");
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].state, State::Done);
  EXPECT_EQ(outcomes[0].step, 4u);
  EXPECT_EQ(machine->list().at(0).devices[1], 1u);
  EXPECT_EQ(machine->setups(), 0u);
  // The same registration again isn't a new one.
  machine.registered(device("meter-1"));
  EXPECT_EQ(world.sent.size(), 4u);
}

TEST(Rules, ANewRegistrationIsSetUpAnewButNotObservedTwice) {
  World world;
  Machine machine(world);
  machine.put("meters", kMeters);
  machine.registered(device("meter-1"));
  world.sent.clear();
  world.observed["meter-1"] = {lwm2m::Path(3303, 0, 5700)};  // by the server itself
  machine.registered(device("meter-1", 2));
  EXPECT_EQ(world.sent, (std::vector<std::string>{kMeterSteps[1], kMeterSteps[2], kMeterSteps[3]}));
  // Where it isn't observed again within the grace, the rule does it.
  world.sent.clear();
  world.observed.clear();
  machine.looks = 0;
  const Instant before = machine.now;
  machine.registered(device("meter-1", 3));
  EXPECT_EQ(world.sent, kMeterSteps);
  EXPECT_GE(machine.now - before, Rules::kRestoreGrace);
  EXPECT_GT(machine.looks, 2);
}

TEST(Rules, OnceIsUntilItHasSucceeded) {
  World world;
  Machine machine(world);
  machine.put("once", R"({"condition":{"all":true},"when":"once","steps":["execute /3/0/12"]})");
  world.answers["/3/0/12"] = NoAnswer::Timeout;
  machine.registered(device("a", 1));
  EXPECT_EQ(machine.outcomes("once").at(0).state, State::Failed);
  world.answers.clear();
  machine.registered(device("a", 2));
  machine.registered(device("a", 3));
  EXPECT_EQ(world.sent.size(), 2u);
  EXPECT_EQ(machine.outcomes("once").at(0).state, State::Done);
}

TEST(Rules, AFailureIsToldAndStopsTheOthersOnlyWhenTheRuleSaysSo) {
  for (const bool stop : {false, true}) {
    World world;
    Machine machine(world);
    machine.put("r", std::string(R"({"condition":{"all":true},"stop_on_failure":)") + (stop ? "true" : "false") +
                         R"(,"steps":["read /3/0","write /1/0/1 3","read /4/0"]})");
    world.answers["/1/0/1"] = lwm2m::Outcome{lwm2m::Status::MethodNotAllowed, std::nullopt, {}, "", 0x85};
    machine.registered(device("a"));
    EXPECT_EQ(world.sent.size(), stop ? 2u : 3u);
    ASSERT_EQ(machine.failures.size(), 1u);
    EXPECT_EQ(machine.failures[0].step, "write /1/0/1");
    const RuleDevice outcome = machine.outcomes("r").at(0);
    EXPECT_EQ(outcome.state, State::Failed);
    EXPECT_EQ(outcome.failed, 1u);
    EXPECT_TRUE(outcome.detail.starts_with("4.05")) << outcome.detail;
  }
}

TEST(Rules, AValueThatNobodyKnowsIsReadWhenTheRuleAsksForIt) {
  for (const bool ask : {false, true}) {
    World world;
    Machine machine(world);
    machine.put("model", std::string(R"({"condition":{"model":"LX-*"},"ask":)") + (ask ? "true" : "false") +
                             R"(,"steps":["read /4/0"]})");
    world.values["/3/0/1"] = "LX-100";
    machine.registered(device("a"));
    EXPECT_EQ(world.sent.size(), ask ? 1u : 0u);
    world.values["/3/0/1"] = "other";
    machine.registered(device("b"));
    world.values.clear();
    machine.registered(device("c"));
    EXPECT_EQ(world.sent.size(), ask ? 1u : 0u);
    EXPECT_EQ(machine->setups(), 0u);
  }
}

TEST(Rules, TagsAndObjectsAreLookedAtWhenTheDeviceRegisters) {
  World world;
  Machine machine(world);
  machine.put("r", R"({"condition":{"tags":["pilot"],"object":3},"steps":["read /3/0"]})");
  machine.registered(device("a"));
  EXPECT_TRUE(world.sent.empty());
  ASSERT_TRUE(machine.tags().change("a", {"pilot"}, Tags::Change::Add));
  machine.registered(device("a", 2));
  EXPECT_EQ(world.sent.size(), 1u);
}

TEST(Rules, AKillAtAnyInstantLeavesNoStepOutAndRepeatsNone) {
  for (int kill_at = 0;; ++kill_at) {
    World world;
    bool finished = false;
    {
      Machine first(world);
      first.put("meters", kMeters);
      first->handle_registered(first.now, device("meter-1"));
      int steps = 0;
      while (steps < kill_at && first.step()) ++steps;
      finished = steps < kill_at;
    }
    Machine second(world);
    second->handle_present(second.now, device("meter-1"));
    second.settle();
    ASSERT_EQ(world.sent, kMeterSteps) << kill_at;
    ASSERT_EQ(second.outcomes("meters").at(0).state, State::Done) << kill_at;
    ASSERT_EQ(second->list().at(0).devices[0], 0u) << kill_at;
    ASSERT_EQ(second->list().at(0).devices[1], 1u) << kill_at;
    if (finished) break;
  }
}

TEST(Rules, ARuleIsNotForRegistrationsBeforeIt) {
  World world;
  Machine machine(world);
  machine.now += std::chrono::seconds(1000);
  machine.put("late", R"({"condition":{"all":true},"steps":["read /3/0"]})");
  machine->handle_present(machine.now, device("a"));
  machine.settle();
  EXPECT_TRUE(world.sent.empty());
}

TEST(Rules, DevicesThatSleepDontKeepOthersFromTheirTurn) {
  World world;
  world.silent = true;
  world.first = OperationState::Queued;
  Machine machine(world);
  machine.put("r", R"({"condition":{"all":true},"steps":["read /3/0"]})");
  for (std::size_t i = 0; i < Rules::kAtOnceMax + 10; ++i) {
    machine->handle_registered(machine.now, device("d" + std::to_string(i)));
  }
  machine.settle();
  EXPECT_EQ(world.sent.size(), Rules::kAtOnceMax + 10);
  world.first = OperationState::Sent;
  World busy;
  busy.silent = true;
  Machine other(busy);
  other.put("r", R"({"condition":{"all":true},"steps":["read /3/0"]})");
  for (std::size_t i = 0; i < Rules::kAtOnceMax + 10; ++i) {
    other->handle_registered(other.now, device("d" + std::to_string(i)));
  }
  other.settle();
  EXPECT_EQ(busy.sent.size(), Rules::kAtOnceMax);
  other.end(1, changed());
  other.settle();
  EXPECT_EQ(busy.sent.size(), Rules::kAtOnceMax + 1);
}

TEST(Rules, ANewRegistrationTakesBackWhatWaitsForTheOldOne) {
  World world;
  world.silent = true;
  world.first = OperationState::Queued;
  Machine machine(world);
  machine.put("r", R"({"condition":{"all":true},"steps":["read /3/0"]})");
  machine.registered(device("a", 1));
  machine.registered(device("a", 2));
  EXPECT_EQ(world.sent.size(), 2u);
  EXPECT_EQ(world.accepted.size(), 1u);
  machine.end(2, changed());
  machine.settle();
  EXPECT_EQ(machine.outcomes("r").at(0).state, State::Done);
}

TEST(Rules, ThoseOfTheConfigurationAreReadOnlyHideOthersAndGoWithIt) {
  World world;
  {
    Machine machine(world);
    machine.put("r", R"({"condition":{"all":true},"steps":["read /3/0"]})");
  }
  world.configured = {rule(world, "r", R"({"condition":{"name":"x"},"steps":["read /4/0"]})")};
  {
    Machine machine(world);
    ASSERT_EQ(machine->list().size(), 1u);
    EXPECT_TRUE(machine->list()[0].configured);
    EXPECT_EQ(machine->put(machine.now, world.configured[0]).error().why, store::Refusal::Why::Conflict);
    EXPECT_EQ(machine->remove(machine.now, "r").error().why, store::Refusal::Why::Conflict);
    machine.registered(device("x"));
    EXPECT_EQ(world.sent, (std::vector<std::string>{"x read /4/0"}));
  }
  world.configured.clear();
  Machine machine(world);
  ASSERT_EQ(machine->list().size(), 1u);
  EXPECT_FALSE(machine->list()[0].configured);
  EXPECT_EQ(machine->list()[0].rule.condition.name, "");
  EXPECT_TRUE(machine->remove(machine.now, "r"));
  EXPECT_EQ(machine->remove(machine.now, "r").error().why, store::Refusal::Why::NotFound);
  EXPECT_TRUE(machine->list().empty());
}

TEST(Rules, ThereIsALimitOfThem) {
  World world;
  Machine machine(world);
  for (std::size_t i = 0; i < kRulesMax; ++i) machine.put("r" + std::to_string(i), kMeters);
  EXPECT_EQ(machine->put(machine.now, rule(world, "more", kMeters)).error().why, store::Refusal::Why::Full);
  machine.put("r0", kMeters);
}

TEST(RuleText, StepsAsTextAreOperationForms) {
  for (const auto& [text, json] : std::vector<std::pair<const char*, const char*>>{
           {"observe /3303/0/5700", R"({"operation":"observe","path":"/3303/0/5700"})"},
           {"write /3/0/14 +01:00", R"({"operation":"write","path":"/3/0/14","value":"+01:00"})"},
           {"write  /1/0/1   300 ", R"({"operation":"write","path":"/1/0/1","value":300})"},
           {"write /1/0 {\"1\": 300, \"6\": true}", R"({"operation":"write","path":"/1/0","value":{"1":300,"6":true}})"},
           {"execute /3/0/12", R"({"operation":"execute","path":"/3/0/12"})"},
           {"execute /5/0/2 0='a',1", R"({"operation":"execute","path":"/5/0/2","arguments":"0='a',1"})"},
           {"write-attributes /3/0/9 pmin=10 st=",
            R"({"operation":"write-attributes","path":"/3/0/9","attributes":{"pmin":"10","st":null}})"}}) {
    const auto step = parse_step(text);
    ASSERT_TRUE(step) << text << step.error().reason;
    EXPECT_EQ(*step, Json::parse(json)) << text;
  }
  for (const char* bad : {"", "observe", "write /3/0/14", "read /3/0 more", "write-attributes /3/0/9 pmin"}) {
    EXPECT_FALSE(parse_step(bad)) << bad;
  }
}

TEST(RuleText, WhatIsWrongIsNamed) {
  const PlainForms forms;
  for (const auto& [json, field] : std::vector<std::pair<const char*, const char*>>{
           {R"({"steps":["read /3"]})", "condition"},
           {R"({"condition":{},"steps":["read /3"]})", "condition"},
           {R"({"condition":{"seen_after":3},"steps":["read /3"]})", "condition"},
           {R"({"condition":{"all":true}})", "steps"},
           {R"({"condition":{"all":true},"steps":[]})", "steps"},
           {R"({"condition":{"all":true},"steps":["read x"]})", "steps"},
           {R"({"condition":{"all":true},"steps":["read /3"],"when":"never"})", "when"},
           {R"({"condition":{"all":true},"steps":["read /3"],"ask":1})", "ask"},
           {R"({"condition":{"all":true},"steps":["read /3"],"sterps":1})", ""}}) {
    const auto parsed = parse_rule("r", Json::parse(json), forms);
    ASSERT_FALSE(parsed) << json;
    EXPECT_EQ(parsed.error().field, field) << json;
  }
  EXPECT_FALSE(parse_rule("", Json::parse(kMeters), forms));
  EXPECT_FALSE(parse_rule("a/b", Json::parse(kMeters), forms));
  const auto parsed = parse_rule("r", Json::parse(kMeters), forms);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(to_json(*parse_rule("r", to_json(*parsed), forms)), to_json(*parsed));
}

}  // namespace
}  // namespace drover::jobs
