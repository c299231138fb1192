// SPDX-License-Identifier: Apache-2.0
// Bulk operations in virtual time, with a server that outlives the machine: kills between any two steps.
#include "jobs/bulks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "storage/test_folder.hpp"

namespace drover::jobs {
namespace {

using State = BulkDeviceState;
using server::NoAnswer;
using server::OperationId;
using server::OperationState;
using server::OperationStatus;

constexpr const char* kForm = R"({"operation":"read","path":"/3/0/0"})";

std::vector<std::string> names(std::size_t count) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back("d" + std::to_string(1000 + i));
  return all;
}

/// The fleet as far as bulk operations see it: what it accepted it keeps.
struct World {
  storage::testing::Folder folder;
  std::vector<std::string> devices;
  std::map<std::uint64_t, OperationStatus> accepted;
  std::map<std::string, int> times_asked;
  std::uint64_t last_operation = 0;
  std::map<std::string, server::OperationResult> answers;  ///< else it is Content
  bool asleep = false;
  bool silent = false;  ///< operations stay as they are
  store::Sealer sealer = store::Sealer::random();
  std::string store() { return folder.file("store.db"); }
};

server::OperationResult content() {
  return lwm2m::Outcome{lwm2m::Status::Content, lwm2m::format::kText, to_bytes("x"), "", 0x45};
}

/// One run of the machine, until it is destroyed: a kill.
class Machine {
 public:
  explicit Machine(World& world) : world_(world) {
    auto file = store::StoreFile::open(world.store());
    EXPECT_TRUE(file);
    file_ = *file;
    bulks_ = std::make_unique<Bulks>(BulkTable(file_, world.sealer), [this] { return OperationId{++world_.last_operation}; });
    bulks_->set_wall_clock(std::chrono::seconds(1'700'000'000));
    EXPECT_TRUE(bulks_->load(now));
  }
  void break_disk(bool broken) { (void)file_->turn()->run(broken ? "PRAGMA query_only=ON" : "PRAGMA query_only=OFF"); }
  Bulks* operator->() { return bulks_.get(); }

  BulkId add(BulkOrder order = {}) {
    order.operation = kForm;
    order.asked_by = "token 1 (anna)";
    const auto made = bulks_->add(now, order);
    EXPECT_TRUE(made);
    return made->id;
  }
  /// Does the next thing that there is to do; false when there is none before a time far away.
  bool step() {
    if (auto action = bulks_->poll_action()) {
      carry_out(*action);
      return true;
    }
    const auto due = bulks_->deadline();
    if (!due || *due > now + std::chrono::minutes(1)) return false;
    now = std::max(now, *due);
    bulks_->handle_timeout(now);
    return true;
  }
  void settle() {
    for (int i = 0; i < 100'000 && step(); ++i) {
    }
  }
  void pass(Duration time) {
    now += time;
    bulks_->handle_timeout(now);
  }
  void end(std::uint64_t operation, const server::OperationResult& result) {
    OperationStatus& status = world_.accepted.at(operation);
    const auto* const why = std::get_if<NoAnswer>(&result);
    status.state = why == nullptr              ? OperationState::Done
                   : *why == NoAnswer::Expired ? OperationState::Expired
                   : *why == NoAnswer::Cancelled ? OperationState::Cancelled
                                                 : OperationState::Failed;
    status.result = result;
    tell(status);
  }
  BulkView view(BulkId id) { return *bulks_->find(id); }
  std::vector<BulkDevice> devices(BulkId id, std::optional<State> state = std::nullopt) {
    auto page = bulks_->devices(now, id, {.state = state, .after = "", .limit = 1000});
    EXPECT_TRUE(page);
    return page->devices;
  }

  Instant now{std::chrono::seconds(100)};
  std::vector<AskDevice> asked;
  std::vector<BulkView> ended;

 private:
  void carry_out(const BulkAction& action) {
    if (const auto* select = std::get_if<SelectDevices>(&action)) {
      bulks_->handle_selected(now, select->bulk, world_.devices);
    } else if (const auto* ask = std::get_if<AskDevice>(&action)) {
      accept(*ask);
    } else if (const auto* follow = std::get_if<FollowDevice>(&action)) {
      const auto found = world_.accepted.find(follow->operation.value);
      if (found == world_.accepted.end()) return bulks_->handle_missing(now, follow->bulk, follow->endpoint, follow->operation);
      followers_[follow->operation.value] = follow->bulk;
      tell(found->second);
      if (!world_.silent && !server::is_over(found->second.state)) answer(found->first);
    } else if (const auto* back = std::get_if<TakeBack>(&action)) {
      if (world_.accepted.contains(back->operation.value)) end(back->operation.value, NoAnswer::Cancelled);
    } else if (const auto* over = std::get_if<BulkEnded>(&action)) {
      ended.push_back(over->bulk);
    }
  }
  void accept(const AskDevice& ask) {
    asked.push_back(ask);
    ++world_.times_asked[ask.endpoint];
    OperationStatus status;
    status.id = *ask.settings.id;
    status.endpoint = ask.endpoint;
    status.state = world_.asleep ? OperationState::Queued : OperationState::Sent;
    world_.accepted[status.id.value] = status;
    followers_[status.id.value] = ask.bulk;
    tell(status);
    if (!world_.silent) answer(status.id.value);
  }
  void answer(std::uint64_t id) {
    const auto found = world_.answers.find(world_.accepted[id].endpoint);
    end(id, found == world_.answers.end() ? content() : found->second);
  }
  void tell(const OperationStatus& status) {
    const auto follower = followers_.find(status.id.value);
    if (follower != followers_.end()) bulks_->handle_progress(now, follower->second, status, "x");
  }

  World& world_;
  std::shared_ptr<store::StoreFile> file_;
  std::unique_ptr<Bulks> bulks_;
  std::map<std::uint64_t, BulkId> followers_;
};

TEST(Bulks, EveryDeviceIsAskedOnceAndHasItsResult) {
  World world;
  world.devices = names(2500);  // more than a window
  world.answers["d1007"] = NoAnswer::Timeout;
  world.answers["d1008"] = lwm2m::Outcome{lwm2m::Status::NotFound, std::nullopt, to_bytes("no such"), "", 0x84};
  Machine run(world);
  const BulkId id = run.add();
  EXPECT_EQ(run.view(id).state, BulkState::Selecting);
  run.settle();
  const BulkView view = run.view(id);
  EXPECT_EQ(view.state, BulkState::Done);
  EXPECT_EQ(view.counts[State::Done], 2498u);
  EXPECT_EQ(view.counts[State::Failed], 2u);
  ASSERT_EQ(run.asked.size(), 2500u);
  EXPECT_EQ(run.asked[0].settings.asked_by, "bulk 1, token 1 (anna)");
  EXPECT_TRUE(run.asked[0].settings.durable);
  const auto failed = run.devices(id, State::Failed);
  ASSERT_EQ(failed.size(), 2u);
  EXPECT_EQ(failed[0].detail, "it didn't answer; it may have been carried out");
  EXPECT_EQ(failed[1].code, "4.04");
  EXPECT_EQ(failed[1].detail, "no such");
  EXPECT_EQ(run.devices(id)[0].code, "2.05");
  EXPECT_EQ(run.devices(id)[0].detail, "x");
  ASSERT_EQ(run.ended.size(), 1u);
}

TEST(Bulks, NoMoreThanTheParallelLimitAreUnderWay) {
  World world;
  world.devices = names(30);
  world.silent = true;
  Machine run(world);
  BulkOrder order;
  order.parallel = 7;
  const BulkId id = run.add(order);
  run.settle();
  EXPECT_EQ(run.asked.size(), 7u);
  run.end(1, content());
  run.end(2, content());
  run.settle();
  EXPECT_EQ(run.asked.size(), 9u);
  EXPECT_EQ(run.view(id).counts[State::Sent], 7u);
}

TEST(Bulks, WhoeverLooksAtTheDevicesDoesntStopIt) {
  World world;
  world.devices = names(30);
  world.silent = true;
  Machine run(world);
  BulkOrder order;
  order.parallel = 7;
  const BulkId id = run.add(order);
  run.settle();
  run.end(1, content());
  run.end(2, content());
  EXPECT_EQ(run.devices(id, State::Done).size(), 2u) << "written for whoever looks";
  run.settle();
  EXPECT_EQ(run.asked.size(), 9u) << "and the next ones are asked all the same";
}

TEST(Bulks, SleepingDevicesDontHoldUpTheOthers) {
  World world;
  world.devices = names(30);
  world.silent = true;
  world.asleep = true;
  Machine run(world);
  BulkOrder order;
  order.parallel = 3;
  const BulkId id = run.add(order);
  run.settle();
  EXPECT_EQ(run.view(id).counts[State::Queued], 30u);
  EXPECT_EQ(run.view(id).state, BulkState::Running);
}

/// Kills the machine behind every step of a run, and lets another one finish it.
TEST(Bulks, AKillAtAnyInstantLosesNothingAndAsksNobodyTwice) {
  for (int kill_at = 0;; ++kill_at) {
    World world;
    world.devices = names(12);
    world.answers["d1003"] = NoAnswer::Timeout;
    BulkId id;
    bool finished = false;
    {
      Machine first(world);
      BulkOrder order;
      order.parallel = 4;
      id = first.add(order);
      int steps = 0;
      while (steps < kill_at && first.step()) ++steps;
      finished = steps < kill_at;
    }
    Machine second(world);
    second.settle();
    const BulkView view = second.view(id);
    ASSERT_EQ(view.state, BulkState::Done) << kill_at;
    ASSERT_EQ(view.counts[State::Done], 11u) << kill_at;
    ASSERT_EQ(view.counts[State::Failed], 1u) << kill_at;
    for (const std::string& device : world.devices) ASSERT_EQ(world.times_asked[device], 1) << device << " " << kill_at;
    std::size_t rows = 0;
    for (const BulkDevice& device : second.devices(id)) {
      ++rows;
      EXPECT_EQ(device.state, device.endpoint == "d1003" ? State::Failed : State::Done);
    }
    ASSERT_EQ(rows, 12u);
    if (finished) break;
  }
}

TEST(Bulks, ACancellationTakesBackWhatIsQueuedAlsoAfterAKill) {
  for (const bool kill : {false, true}) {
    World world;
    world.devices = names(8);
    world.silent = true;
    world.asleep = true;
    BulkId id;
    std::optional<Machine> run;
    run.emplace(world);
    BulkOrder order;
    order.parallel = 1;
    id = run->add(order);
    run->settle();
    ASSERT_EQ(run->view(id).counts[State::Queued], 8u);
    ASSERT_TRUE((*run)->cancel(run->now, id));
    if (kill) run.emplace(world);
    run->settle();
    EXPECT_EQ(run->view(id).state, BulkState::Cancelled);
    EXPECT_EQ(run->view(id).counts[State::Cancelled], 8u) << kill;
    for (const auto& [number, status] : world.accepted) EXPECT_EQ(status.state, OperationState::Cancelled);
    EXPECT_FALSE((*run)->cancel(run->now, id));
  }
}

TEST(Bulks, WhatWaitsIsGivenUpByACancellation) {
  World world;
  world.devices = names(20);
  world.silent = true;
  Machine run(world);
  BulkOrder order;
  order.parallel = 5;
  const BulkId id = run.add(order);
  run.settle();
  ASSERT_TRUE(run->cancel(run.now, id));
  run.settle();
  EXPECT_EQ(run.view(id).counts[State::Cancelled], 15u);
  EXPECT_EQ(run.view(id).counts[State::Sent], 5u);
  run.end(1, content());  // its answer still counts
  EXPECT_EQ(run.view(id).counts[State::Done], 1u);
}

TEST(Bulks, PausedItAsksNobodyAndGoesOnAfterAKill) {
  World world;
  world.devices = names(20);
  world.silent = true;
  BulkId id;
  {
    Machine run(world);
    BulkOrder order;
    order.parallel = 5;
    id = run.add(order);
    run.settle();
    ASSERT_TRUE(run->pause(run.now, id));
    EXPECT_FALSE(run->pause(run.now, id));
    for (std::uint64_t i = 1; i <= 5; ++i) run.end(i, content());
    run.settle();
    EXPECT_EQ(run.asked.size(), 5u);
  }
  world.silent = false;
  Machine run(world);
  run.settle();
  EXPECT_EQ(run.view(id).state, BulkState::Paused);
  EXPECT_TRUE(run.asked.empty());
  ASSERT_TRUE(run->resume(run.now, id));
  run.settle();
  EXPECT_EQ(run.view(id).state, BulkState::Done);
  EXPECT_EQ(run.view(id).counts[State::Done], 20u);
}

TEST(Bulks, ItStopsAtTheFailureRateAndGoesOnWhenToldTo) {
  World world;
  world.devices = names(200);
  for (const std::string& device : world.devices) world.answers[device] = NoAnswer::Timeout;
  Machine run(world);
  BulkOrder order;
  order.parallel = 1;
  order.stop_at = 10;
  const BulkId id = run.add(order);
  run.settle();
  EXPECT_EQ(run.view(id).state, BulkState::Paused);
  EXPECT_EQ(run.view(id).reason, "20 of 20 devices failed, and it stops at 10 percent");
  EXPECT_EQ(run.asked.size(), kFailureSample);
  // What was before the resume counts no more, neither way.
  ASSERT_TRUE(run->resume(run.now, id));
  run.settle();
  EXPECT_EQ(run.view(id).state, BulkState::Paused);
  EXPECT_EQ(run.asked.size(), 2 * kFailureSample);
  world.answers.clear();
  ASSERT_TRUE(run->resume(run.now, id));
  run.settle();
  EXPECT_EQ(run.view(id).state, BulkState::Done);
  EXPECT_EQ(run.view(id).counts[State::Done], 160u);
}

TEST(Bulks, ARetryAsksTheFailedOnesAgainAndNoOthers) {
  for (const bool kill : {false, true}) {
    World world;
    world.devices = names(10);
    world.answers["d1001"] = NoAnswer::Timeout;
    world.answers["d1004"] = NoAnswer::Expired;
    std::optional<Machine> run;
    run.emplace(world);
    const BulkId id = run->add();
    run->settle();
    ASSERT_EQ(run->view(id).counts.failed(), 2u);
    world.answers.clear();
    ASSERT_TRUE((*run)->retry(run->now, id));
    if (kill) run.emplace(world);
    run->settle();
    EXPECT_EQ(run->view(id).state, BulkState::Done);
    EXPECT_EQ(run->view(id).counts[State::Done], 10u);
    EXPECT_EQ(world.times_asked["d1001"], 2);
    EXPECT_EQ(world.times_asked["d1002"], 1);
    EXPECT_FALSE((*run)->retry(run->now, id));
  }
}

TEST(Bulks, WhatWaitsAtTheDeadlineExpires) {
  World world;
  world.devices = names(10);
  world.silent = true;
  Machine run(world);
  BulkOrder order;
  order.parallel = 4;
  order.lifetime = 60;
  const BulkId id = run.add(order);
  run.settle();
  EXPECT_EQ(run.asked.at(0).settings.expires_after, std::chrono::seconds(60));
  for (int i = 0; i < 100; ++i) run.pass(std::chrono::seconds(1));
  EXPECT_EQ(run.view(id).counts[State::Expired], 6u);
  EXPECT_EQ(run.view(id).state, BulkState::Running);
  for (std::uint64_t i = 1; i <= 4; ++i) run.end(i, NoAnswer::Expired);
  run.settle();
  EXPECT_EQ(run.view(id).state, BulkState::Done);
  EXPECT_EQ(run.view(id).counts[State::Expired], 10u);
}

TEST(Bulks, ADeviceThatCantBeAskedHasFailedWithTheReason) {
  World world;
  world.devices = names(1);
  world.silent = true;
  Machine run(world);
  const BulkId id = run.add();
  run.settle();
  run->handle_refused(run.now, id, "d1000", OperationId{1}, "it isn't registered");
  run.settle();
  EXPECT_EQ(run.view(id).state, BulkState::Done);
  EXPECT_EQ(run.devices(id).at(0).detail, "it isn't registered");
}

TEST(Bulks, AnEmptySelectionIsDoneAtOnceAndAFailedOneIsCancelledWithTheReason) {
  World world;
  Machine run(world);
  const BulkId empty = run.add();
  run.settle();
  EXPECT_EQ(run.view(empty).state, BulkState::Done);
  const BulkId other = run.add();
  run->handle_selected(run.now, other, tl::unexpected(Error{Fault::Us, 0, "too many"}));
  EXPECT_EQ(run.view(other).state, BulkState::Cancelled);
  EXPECT_EQ(run.view(other).reason, "too many");
}

TEST(Bulks, WhileTheDiskFailsNobodyIsAskedAndNothingIsSaidToBeDone) {
  World world;
  world.devices = names(30);
  Machine run(world);
  BulkOrder order;
  order.parallel = 5;
  const BulkId id = run.add(order);
  run.break_disk(true);
  run.settle();
  EXPECT_TRUE(run.asked.empty());
  EXPECT_NE(run->trouble(), "");
  EXPECT_EQ(run->pause(run.now, id).error().why, store::Refusal::Why::Conflict);
  order.operation = kForm;
  EXPECT_EQ(run->add(run.now, order).error().why, store::Refusal::Why::Disk);
  run.break_disk(false);
  run.pass(Bulks::kDiskRetry);
  run.settle();
  EXPECT_EQ(run->trouble(), "");
  EXPECT_EQ(run.view(id).state, BulkState::Done);
  EXPECT_EQ(run.view(id).counts[State::Done], 30u);
}

TEST(Bulks, ResultsThatCouldntBeWrittenAreWrittenWhenTheDiskIsBack) {
  World world;
  world.devices = names(4);
  world.silent = true;
  BulkId id;
  {
    Machine run(world);
    id = run.add();
    run.settle();
    run.break_disk(true);
    for (std::uint64_t i = 1; i <= 4; ++i) run.end(i, content());
    run.settle();
    EXPECT_NE(run->trouble(), "");
    run.break_disk(false);
    run.pass(Bulks::kDiskRetry);
    run.settle();
  }
  Machine again(world);
  EXPECT_EQ(again.view(id).state, BulkState::Done);
  EXPECT_EQ(again.devices(id, State::Done).size(), 4u);
}

TEST(Bulks, OldOnesGoForNewOnesWithTheirDevicesAndActiveOnesAreLimited) {
  World world;
  world.devices = names(3);
  Machine run(world);
  for (std::size_t i = 0; i < kBulksMax + 5; ++i) {
    run.add();
    run.settle();
  }
  EXPECT_EQ(run->list().size(), kBulksMax);
  EXPECT_EQ(run->list().front().id.value, kBulksMax + 5);
  EXPECT_FALSE(run->find(BulkId{1}));
  world.silent = true;
  for (std::size_t i = 0; i < kBulksActiveMax; ++i) run.add();
  BulkOrder order;
  order.operation = kForm;
  const auto refused = run->add(run.now, order);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().why, store::Refusal::Why::Full);
  EXPECT_FALSE(run->remove(run.now, run->list().front().id));
}

TEST(Bulks, PagesJoinAndFilter) {
  World world;
  world.devices = names(25);
  world.answers["d1003"] = NoAnswer::Timeout;
  Machine run(world);
  const BulkId id = run.add();
  run.settle();
  std::vector<std::string> seen;
  BulkDeviceQuery query{.state = std::nullopt, .after = "", .limit = 10};
  do {
    const auto page = run->devices(run.now, id, query);
    ASSERT_TRUE(page);
    for (const BulkDevice& device : page->devices) seen.push_back(device.endpoint);
    query.after = page->next;
  } while (!query.after.empty());
  EXPECT_EQ(seen, world.devices);
  EXPECT_EQ(run.devices(id, State::Failed).size(), 1u);
}

}  // namespace
}  // namespace drover::jobs
