// SPDX-License-Identifier: Apache-2.0
// One campaign and devices of a few lines, in virtual time.
#include "campaign/campaign.hpp"

#include <gtest/gtest.h>

#include <map>

namespace drover::campaign {
namespace {

using server::EventKind;
using server::NoAnswer;
using server::OperationState;
using server::OperationStatus;
using LwM2M = lwm2m::Status;

constexpr UnixSeconds kStart = 1'800'000'000;

/// Object 5 and what may go wrong with it.
struct Model {
  int state = 0, result = 0;
  std::string version = "1.0";
  // What it is like.
  bool registered = true, asleep = false, mute = false, has_object = true;
  int delivery = 2;
  std::vector<int> protocols{};
  int download_result = 0;  ///< that ends Downloading
  int update_result = 1;
  bool loses_result = false;     ///< it forgets it when it restarts
  bool installs_nothing = false; ///< says 1 and keeps its version
  int push_code = 0x44;
  int failures = 1'000'000;      ///< so often, then it is well
  UnixSeconds takes = 60;        ///< to download and to install
  // Inside.
  std::optional<UnixSeconds> done_at{};
  unsigned writes = 0, executes = 0, resets = 0;
  std::string uri{};
};

class CampaignTest : public ::testing::Test {
 protected:
  Model& device(const std::string& endpoint) { return models_[endpoint]; }
  void begin(Order order = {}, std::string version = "2.0") {
    order.name = "test";
    order.image = "image";
    Head head;
    head.id = CampaignId{7};
    head.order = std::move(order);
    head.target = {std::move(version), "coap://server/fw/abc"};
    head.created_at = now_;
    std::vector<std::string> endpoints;
    for (const auto& [endpoint, model] : models_) endpoints.push_back(endpoint);
    campaign_ = std::make_unique<Campaign>(std::move(head), std::move(endpoints), [this] { return server::OperationId{++last_}; });
    campaign_->take_up(now_);
  }
  /// As a kill and a start: only rows and head are left, and what was asked is lost.
  void restart() {
    kept_head_ = campaign_->head();
    kept_ = campaign_->devices();
    campaign_ = std::make_unique<Campaign>(kept_head_, kept_, [this] { return server::OperationId{++last_}; });
    campaign_->take_up(now_);
    while (const auto follow = campaign_->poll_follow()) campaign_->handle_missing(now_, follow->device, follow->id);
  }
  /// Until nothing is left to do, or that time has passed.
  void run(std::int64_t span = 400 * 86400) {
    const UnixSeconds end = now_ + span;
    for (int steps = 0; steps < 200'000; ++steps) {
      if (pass()) continue;
      std::optional<UnixSeconds> next = campaign_->deadline();
      for (const auto& [endpoint, model] : models_) {
        if (model.done_at && (!next || *model.done_at < *next)) next = model.done_at;
      }
      if (!next || *next > end) {
        now_ = std::max(now_, end);
        return;
      }
      now_ = std::max(now_, *next);
      for (auto& [endpoint, model] : models_) finish(endpoint, model);
      campaign_->handle_timeout(now_);
    }
    FAIL() << "a livelock";
  }
  const Device& row(const std::string& endpoint) const {
    for (const Device& device : campaign_->devices()) {
      if (device.endpoint == endpoint) return device;
    }
    throw std::out_of_range(endpoint);
  }
  void tell(const std::string& endpoint, EventKind kind, lwm2m::Path path = {}) {
    server::Event event;
    event.kind = kind;
    event.endpoint = endpoint;
    event.path = path;
    campaign_->handle_event(now_, event);
  }
  void wake(const std::string& endpoint) {
    models_[endpoint].asleep = false;
    tell(endpoint, EventKind::Updated);
  }

  std::map<std::string, Model> models_;
  std::unique_ptr<Campaign> campaign_;
  UnixSeconds now_ = kStart;
  std::size_t most_ = 0;  ///< devices between Transferring and Verifying at once
  std::size_t taken_back_ = 0;

 private:
  /// False when there was nothing to do.
  bool pass() {
    bool busy = false;
    campaign_->take_changed();
    for (; campaign_->poll_take_back(); busy = true) ++taken_back_;
    while (const auto ask = campaign_->poll_ask()) {
      busy = true;
      std::size_t updating = 0;
      for (const Device& one : campaign_->devices()) updating += one.stage >= Stage::Transferring && one.stage <= Stage::Verifying ? 1U : 0U;
      most_ = std::max(most_, updating);
      OperationStatus status;
      status.id = *ask->settings.id;
      Model& model = models_.at(ask->endpoint);
      EXPECT_EQ(ask->settings.asked_by, "campaign 7");
      if (model.asleep) {
        status.state = OperationState::Queued;
        campaign_->handle_status(now_, ask->device, status);
        continue;
      }
      status.result = answer(model, ask->operation);
      status.state = std::holds_alternative<NoAnswer>(*status.result) ? OperationState::Failed : OperationState::Done;
      campaign_->handle_status(now_, ask->device, status);
    }
    return busy;
  }
  static lwm2m::Outcome said(LwM2M status, Bytes payload = {}) {
    lwm2m::Outcome outcome;
    outcome.status = status;
    outcome.payload = std::move(payload);
    outcome.format = lwm2m::format::kTlv;
    return outcome;
  }
  server::OperationResult answer(Model& model, const lwm2m::Downlink& operation) {
    if (!model.registered) return NoAnswer::NotRegistered;
    if (model.mute) return NoAnswer::Timeout;
    const lwm2m::Path path = lwm2m::path_of(operation);
    if (path == kFirmwareVersion) {
      lwm2m::Outcome outcome = said(LwM2M::Content, to_bytes(model.version));
      outcome.format = lwm2m::format::kText;
      return outcome;
    }
    if (!model.has_object) return said(LwM2M::NotFound);
    if (const auto* write = std::get_if<lwm2m::Write>(&operation)) return written(model, *write);
    if (std::holds_alternative<lwm2m::Observe>(operation)) return said(LwM2M::Content);
    if (std::holds_alternative<lwm2m::Execute>(operation)) {
      ++model.executes;
      if (model.state != 2) return said(LwM2M::MethodNotAllowed);
      model.state = 3;
      model.result = 0;
      model.done_at = now_ + model.takes;
      return said(LwM2M::Changed);
    }
    Bytes tlv{0xC1, 3, static_cast<std::uint8_t>(model.state), 0xC1, 5, static_cast<std::uint8_t>(model.result),
              0xC1, 9, static_cast<std::uint8_t>(model.delivery)};
    if (!model.protocols.empty()) {
      tlv.insert(tlv.end(), {0x88, 8, static_cast<std::uint8_t>(3 * model.protocols.size())});
      for (std::size_t i = 0; i < model.protocols.size(); ++i) {
        tlv.insert(tlv.end(), {0x41, static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(model.protocols[i])});
      }
    }
    return said(LwM2M::Content, std::move(tlv));
  }
  server::OperationResult written(Model& model, const lwm2m::Write& write) {
    const bool reset = write.path == kPackageUri ? write.payload.empty() : write.payload == Bytes{0};
    if (reset) {
      ++model.resets;
      if (model.state == 3) return said(LwM2M::MethodNotAllowed);
      model.state = model.result = 0;
      model.done_at.reset();
      return said(LwM2M::Changed);
    }
    ++model.writes;
    if (model.state != 0) return said(LwM2M::MethodNotAllowed);
    model.result = 0;
    if (write.path == kPackage && model.push_code != 0x44) {
      model.result = 2;
      return said(LwM2M::EntityTooLarge);
    }
    model.uri = std::string(as_text(write.payload));
    model.state = write.path == kPackage ? 2 : 1;
    if (model.state == 1) model.done_at = now_ + model.takes;
    if (model.state == 2 && model.download_result != 0 && model.failures-- > 0) {
      model.state = 0;
      model.result = model.download_result;
    }
    return said(LwM2M::Changed);
  }
  void finish(const std::string& endpoint, Model& model) {
    if (!model.done_at || *model.done_at > now_) return;
    model.done_at.reset();
    if (model.state == 1) {
      const bool fails = model.download_result != 0 && model.failures-- > 0;
      model.state = fails ? 0 : 2;
      if (fails) model.result = model.download_result;
      return tell(endpoint, EventKind::Notification, kUpdateState);
    }
    const bool fails = model.update_result != 1 && model.failures-- > 0;
    model.state = fails && model.update_result == 8 ? 2 : 0;
    model.result = fails ? model.update_result : 1;
    if (!fails && !model.installs_nothing) model.version = "2.0";
    if (model.loses_result) model.result = 0;
    tell(endpoint, EventKind::Registered);
  }
  std::uint64_t last_ = 0;
  Head kept_head_;
  std::vector<Device> kept_;
};

TEST_F(CampaignTest, PushGoesItsWayAndEndsWithTheNewVersion) {
  device("a");
  begin();
  run();
  EXPECT_EQ(campaign_->head().state, State::Done);
  EXPECT_EQ(row("a").ending, Ending::Succeeded) << row("a").reason;
  EXPECT_EQ(row("a").version_before, "1.0");
  EXPECT_EQ(row("a").version, "2.0");
  EXPECT_EQ(device("a").writes, 1U);
  EXPECT_EQ(device("a").executes, 1U);
  EXPECT_LT(now_, kStart + 600 * 86400);
}

TEST_F(CampaignTest, PullWritesTheUri) {
  device("a").protocols = {0, 2};
  Order order;
  order.method = Method::Coap;
  begin(order);
  run();
  EXPECT_EQ(row("a").ending, Ending::Succeeded) << row("a").reason;
  EXPECT_EQ(device("a").uri, "coap://server/fw/abc");
}

TEST_F(CampaignTest, EachWayToFailHasItsWord) {
  device("bad-image").download_result = 5;
  device("broken").update_result = 8;
  device("current").version = "2.0";
  device("gone").registered = false;
  device("liar").installs_nothing = true;
  device("mute").mute = true;
  device("no-object").has_object = false;
  device("pull-only").delivery = 0;
  device("small").push_code = 0x8D;
  Order order;
  order.retries = 0;
  begin(order);
  run();
  EXPECT_EQ(campaign_->head().state, State::Done);
  const auto expect = [&](const char* endpoint, Ending ending, const char* reason) {
    EXPECT_EQ(row(endpoint).ending, ending) << endpoint << ": " << row(endpoint).reason;
    EXPECT_NE(row(endpoint).reason.find(reason), std::string::npos) << endpoint << ": " << row(endpoint).reason;
  };
  expect("bad-image", Ending::Failed, "integrity check failure (5)");
  expect("broken", Ending::Failed, "update failed (8)");
  expect("current", Ending::Skipped, "runs 2.0");
  expect("gone", Ending::Vanished, "isn't registered");
  expect("liar", Ending::Failed, "but runs 1.0");
  expect("mute", Ending::TimedOut, "while checking");
  expect("no-object", Ending::Failed, "no Firmware Update object");
  expect("pull-only", Ending::Failed, "pull only");
  expect("small", Ending::Failed, "not enough storage (2)");
  EXPECT_EQ(campaign_->tally().failed(), 8U);
}

TEST_F(CampaignTest, ProtocolsThatADeviceDoesntHaveArentAskedOfIt) {
  device("coap-only").protocols = {0};
  Order order;
  order.method = Method::Http;
  begin(order);
  run();
  EXPECT_EQ(row("coap-only").reason, "it doesn't fetch by http");
  EXPECT_EQ(device("coap-only").writes, 0U);
}

TEST_F(CampaignTest, AFailedAttemptIsRetriedAfterAReset) {
  device("a").update_result = 8;
  device("a").failures = 1;
  begin();
  run();
  EXPECT_EQ(row("a").ending, Ending::Succeeded) << row("a").reason;
  EXPECT_EQ(row("a").attempt, 1U);
  EXPECT_EQ(device("a").resets, 1U);
}

TEST_F(CampaignTest, WhatSomebodyLeftThereIsResetOrRefused) {
  device("a").state = 2;
  begin();
  run();
  EXPECT_EQ(row("a").ending, Ending::Succeeded);
  EXPECT_EQ(device("a").resets, 1U);

  models_.clear();
  device("b").state = 2;
  Order order;
  order.stuck = StuckPolicy::Fail;
  begin(order);
  run();
  EXPECT_EQ(row("b").reason, "another update is under way");
  EXPECT_EQ(device("b").resets, 0U);
}

TEST_F(CampaignTest, AResultThatIsForgottenOverTheRestartIsFoundByTheVersion) {
  device("a").loses_result = true;
  begin();
  run();
  EXPECT_EQ(row("a").ending, Ending::Succeeded) << row("a").reason;
}

TEST_F(CampaignTest, NoMoreThanParallelAreUpdatedAtOnce) {
  for (int i = 0; i < 50; ++i) device("d" + std::to_string(i)).asleep = i % 2 == 0;
  Order order;
  order.parallel = 4;
  order.method = Method::Coap;
  begin(order);
  run(3600);
  for (int i = 0; i < 50; i += 2) wake("d" + std::to_string(i));
  restart();
  run();
  EXPECT_EQ(campaign_->tally().of(Ending::Succeeded), 50U);
  EXPECT_LE(most_, 4U);
  EXPECT_GE(most_, 3U);
}

TEST_F(CampaignTest, ATransferIsntLeftInTheQueueOfASleepingDevice) {
  device("a").takes = 3600;
  device("b");
  Order order;
  order.parallel = 1;
  order.method = Method::Coap;
  begin(order);
  run(60);
  ASSERT_EQ(row("a").stage, Stage::Downloading);
  device("b").asleep = true;
  run(4 * 3600);
  EXPECT_EQ(row("a").ending, Ending::Succeeded);
  EXPECT_EQ(taken_back_, 1U);  // of b, as its place was free
  EXPECT_EQ(row("b").stage, Stage::Ready);
  EXPECT_FALSE(row("b").operation);
  run(4 * 86400);
  EXPECT_EQ(row("b").stage, Stage::Ready);
  wake("b");
  run();
  EXPECT_EQ(row("b").ending, Ending::Succeeded);
}

TEST_F(CampaignTest, WhoGoesBeforeItsTransferLeavesItsPlace) {
  device("a").takes = 7200;
  device("b");
  device("c");
  Order order;
  order.parallel = 1;
  order.method = Method::Coap;
  begin(order);
  run(60);
  device("b").registered = false;  // and nobody says so
  run(86400);
  EXPECT_EQ(row("b").stage, Stage::Ready);
  EXPECT_EQ(row("c").ending, Ending::Succeeded);
  device("b").registered = true;
  tell("b", EventKind::Registered);
  run();
  EXPECT_EQ(row("b").ending, Ending::Succeeded);
}

TEST_F(CampaignTest, TooManyFailuresStopItUntilItIsResumed) {
  for (int i = 0; i < 30; ++i) device("d" + std::to_string(100 + i)).download_result = i < 10 ? 5 : 0;
  Order order;
  order.parallel = 1;
  order.retries = 0;
  order.stop_percent = 50;
  order.stop_after = 5;
  begin(order);
  run(86400);
  EXPECT_EQ(campaign_->head().state, State::Stopped);
  EXPECT_EQ(campaign_->tally().failed(), 5U);
  EXPECT_EQ(campaign_->head().reason, "5 of 5 devices failed; more than 50 % stop the campaign");
  ASSERT_TRUE(campaign_->resume(now_));
  run(86400);
  EXPECT_EQ(campaign_->head().state, State::Stopped);
  EXPECT_EQ(campaign_->tally().failed(), 10U);
  ASSERT_TRUE(campaign_->resume(now_));
  run();
  EXPECT_EQ(campaign_->head().state, State::Done);
  for (auto& [endpoint, model] : models_) model.download_result = 0;
  EXPECT_EQ(campaign_->retry(now_), 10U);
  run();
  EXPECT_EQ(campaign_->tally().of(Ending::Succeeded), 30U);
}

TEST_F(CampaignTest, PauseLetsNobodyBegin) {
  device("a").registered = false;
  device("b");
  begin();
  ASSERT_TRUE(campaign_->pause(now_));
  run(3600);
  EXPECT_EQ(row("b").ending, Ending::None);
  EXPECT_EQ(row("b").stage, Stage::Ready);  // it had been begun with
  device("a").registered = true;
  tell("a", EventKind::Registered);
  run(3600);
  EXPECT_EQ(device("a").writes + device("b").writes, 0U);
  ASSERT_TRUE(campaign_->resume(now_));
  run();
  EXPECT_EQ(campaign_->tally().of(Ending::Succeeded), 2U);
}

TEST_F(CampaignTest, CancelLeavesOrResets) {
  device("a").takes = 86400;
  device("b").takes = 86400;
  Order order;
  order.method = Method::Coap;
  order.parallel = 1;
  begin(order);
  run(60);
  EXPECT_EQ(row("a").stage, Stage::Downloading);
  ASSERT_TRUE(campaign_->cancel(now_, true));
  run(60);
  EXPECT_EQ(campaign_->head().state, State::Cancelled);
  EXPECT_EQ(row("a").ending, Ending::Cancelled);
  EXPECT_EQ(device("a").state, 0);
  EXPECT_EQ(device("b").resets, 0U);
  EXPECT_FALSE(campaign_->cancel(now_, false));
}

TEST_F(CampaignTest, ItBeginsAtItsTimeAndWithinItsWindow) {
  device("a");
  Order order;
  order.start_at = kStart + 3600;
  const int minute = static_cast<int>((kStart + 3600) / 60 % kMinutesOfDay);
  order.window = Window{(minute + 120) % kMinutesOfDay, (minute + 180) % kMinutesOfDay};
  begin(order);
  run(3000);
  EXPECT_EQ(campaign_->head().state, State::Scheduled);
  run(3600);
  EXPECT_EQ(campaign_->head().state, State::Running);
  EXPECT_EQ(device("a").writes, 0U);
  run(7200);
  EXPECT_EQ(row("a").ending, Ending::Succeeded);
}

// Whatever was asked and not answered is lost with the process; each stage once.
TEST_F(CampaignTest, ARestartAtAnyMomentEndsTheSame) {
  for (std::int64_t at = 0; at < 200; at += 7) {
    for (const Method method : {Method::Push, Method::Coap}) {
      models_.clear();
      device("a");
      device("b").update_result = 8;
      Order order;
      order.method = method;
      order.retries = 0;
      begin(order);
      run(at);
      restart();
      run();
      EXPECT_EQ(row("a").ending, Ending::Succeeded) << at << ": " << row("a").reason;
      EXPECT_EQ(row("b").ending, Ending::Failed) << at << ": " << row("b").reason;
      EXPECT_EQ(device("a").executes, 1U) << at;
    }
  }
}

}  // namespace
}  // namespace drover::campaign
