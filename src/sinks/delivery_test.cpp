// SPDX-License-Identifier: Apache-2.0
#include "sinks/delivery.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "sinks/test_feed.hpp"

namespace drover::sinks {
namespace {

using namespace std::chrono_literals;

constexpr UnixSeconds kNow = 5000;

class DeliveryTest : public ::testing::Test {
 protected:
  Delivery& open(DeliverySettings settings = {}, std::uint64_t cursor = 0) {
    return delivery_.emplace(std::move(settings), feed_, rng_, cursor);
  }
  const Message* poll() { return delivery_->poll_message(now_, kNow); }
  /// The numbers of the next message; empty when there is none.
  std::vector<std::uint64_t> next() {
    const Message* const message = poll();
    std::vector<std::uint64_t> numbers;
    if (message == nullptr) return numbers;
    key_ = message->key;
    for (const auto& item : message->items) numbers.push_back(item->number);
    return numbers;
  }
  void deliver() { delivery_->handle_delivered(key_, kNow); }
  void fail(std::optional<Duration> retry_after = {}) { delivery_->handle_failed(now_, kNow, "why", retry_after); }

  test::TestFeed feed_;
  SplitMix rng_{7};
  Instant now_{100s};
  std::optional<Delivery> delivery_;
  std::uint64_t key_ = 0;
};

using Numbers = std::vector<std::uint64_t>;

TEST_F(DeliveryTest, EventsGoInBatchesAndTheCursorFollowsTheDeliveries) {
  for (int i = 0; i < 5; ++i) feed_.add("a");
  open({.batch = 2});
  EXPECT_EQ(delivery_->cursor(), 0u);
  EXPECT_EQ(next(), (Numbers{1, 2}));
  EXPECT_EQ(poll(), nullptr) << "one message is in flight";
  EXPECT_EQ(delivery_->cursor(), 0u);
  deliver();
  EXPECT_EQ(delivery_->cursor(), 2u);
  EXPECT_EQ(next(), (Numbers{3, 4}));
  deliver();
  EXPECT_EQ(next(), (Numbers{5}));
  deliver();
  EXPECT_EQ(poll(), nullptr);
  EXPECT_EQ(delivery_->cursor(), 5u);
  EXPECT_EQ(delivery_->counts().delivered, 5u);
  EXPECT_EQ(delivery_->deadline(), std::nullopt) << "it waits for the feed alone";
  feed_.add("a");
  EXPECT_EQ(next(), (Numbers{6}));
}

TEST_F(DeliveryTest, TheFilterIsByKindAndEndpointAndWhatItHoldsBackMovesTheCursor) {
  feed_.add("meter-1", "updated");
  feed_.add("meter-1", "notification");
  feed_.add("pump", "notification");
  feed_.add("meter-2", "notification");
  feed_.add("", "refused");
  open({.filter = {.kinds = {"notification"}, .endpoints = {"meter-*", "x"}}});
  EXPECT_EQ(next(), (Numbers{2, 4}));
  deliver();
  EXPECT_EQ(delivery_->cursor(), 5u);
  for (int i = 0; i < 3; ++i) feed_.add("pump", "notification");
  EXPECT_EQ(poll(), nullptr);
  EXPECT_EQ(delivery_->cursor(), 8u);
}

TEST_F(DeliveryTest, WhatWasLearnedIsForThoseWhoNameIt) {
  feed_.add("a", "learned");
  feed_.add("a", "updated");
  open();
  EXPECT_EQ(next(), (Numbers{2}));
  open({.filter = {.kinds = {"learned"}}});
  EXPECT_EQ(next(), (Numbers{1}));
}

TEST_F(DeliveryTest, ManyEventsThatDontPassTakeSeveralLooks) {
  for (std::size_t i = 0; i < 40 * Delivery::kAheadMax; ++i) feed_.add("other");
  const auto wanted = feed_.add("a");
  open({.filter = {.endpoints = {"a"}}});
  int looks = 0;
  Numbers got;
  while (got.empty() && looks++ < 100) {
    got = next();
    ASSERT_TRUE(!got.empty() || (delivery_->deadline() && *delivery_->deadline() <= now_)) << "there is more to look at";
  }
  EXPECT_EQ(got, (Numbers{wanted}));
  EXPECT_GT(looks, 1) << "not all at once: the thread has other work";
}

TEST_F(DeliveryTest, AFailedMessageIsSentAgainAsItWasWithGrowingPauses) {
  feed_.add("a");
  open({.retry_min = 1s, .retry_max = 10s});
  EXPECT_EQ(next(), (Numbers{1}));
  feed_.add("a");
  const std::uint64_t key = key_;
  for (const Duration most : std::initializer_list<Duration>{1s, 2s, 4s, 8s, 10s, 10s}) {
    fail();
    EXPECT_EQ(poll(), nullptr);
    const auto at = delivery_->deadline();
    ASSERT_TRUE(at);
    EXPECT_GE(*at - now_, most / 2);
    EXPECT_LE(*at - now_, most);
    now_ = *at - 1us;
    EXPECT_EQ(poll(), nullptr);
    now_ = *at;
    EXPECT_EQ(next(), (Numbers{1})) << "a message keeps its events";
    EXPECT_EQ(key_, key);
  }
  deliver();
  EXPECT_EQ(delivery_->counts().retries, 6u);
  EXPECT_EQ(next(), (Numbers{2}));
  fail();
  EXPECT_LE(*delivery_->deadline() - now_, 1s) << "a success begins anew";
  EXPECT_EQ(delivery_->last_error(), "why");
}

TEST_F(DeliveryTest, TwoSinksThatFailTogetherDontComeBackTogether) {
  feed_.add("a");
  std::set<Duration> pauses;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SplitMix rng(seed);
    Delivery one({.retry_min = 100s, .retry_max = 100s}, feed_, rng, 0);
    ASSERT_NE(one.poll_message(now_, kNow), nullptr);
    one.handle_failed(now_, kNow, "why");
    pauses.insert(one.retry_at() - now_);
  }
  EXPECT_GT(pauses.size(), 15u);
}

TEST_F(DeliveryTest, TheReceiversOwnPauseIsHeededUpToALimit) {
  feed_.add("a");
  open({.retry_min = 1s, .retry_max = 2s});
  next();
  fail(30s);
  EXPECT_EQ(*delivery_->deadline() - now_, 30s);
  now_ += 30s;
  next();
  fail(kRetryAfterMax * 5);
  EXPECT_EQ(*delivery_->deadline() - now_, kRetryAfterMax);
}

TEST_F(DeliveryTest, ARefusedEventIsRetriedByDefault) {
  feed_.add("a");
  feed_.add("a");
  open({.batch = 1});
  EXPECT_EQ(next(), (Numbers{1}));
  EXPECT_EQ(delivery_->handle_refused(now_, kNow, key_, "410"), nullptr);
  EXPECT_EQ(poll(), nullptr);
  now_ = *delivery_->deadline();
  EXPECT_EQ(next(), (Numbers{1}));
  EXPECT_EQ(delivery_->counts().refused, 1u);
  EXPECT_EQ(delivery_->counts().failed, 0u);
}

TEST_F(DeliveryTest, OrSkippedAloneWithoutThoseAroundIt) {
  for (int i = 0; i < 7; ++i) feed_.add("a");
  open({.on_refused = OnRefused::Skip});
  Numbers got, skipped;
  while (true) {
    const Numbers message = next();
    if (message.empty()) break;
    if (std::find(message.begin(), message.end(), 5u) == message.end()) {
      got.insert(got.end(), message.begin(), message.end());
      deliver();
    } else if (const auto item = delivery_->handle_refused(now_, kNow, key_, "422")) {
      skipped.push_back(item->number);
    }
  }
  EXPECT_EQ(got, (Numbers{1, 2, 3, 4, 6, 7}));
  EXPECT_EQ(skipped, (Numbers{5}));
  EXPECT_EQ(delivery_->counts().failed, 1u);
  EXPECT_EQ(delivery_->cursor(), 7u);
}

TEST_F(DeliveryTest, WhatIsLostBeforeItsTurnIsAGap) {
  for (int i = 0; i < 10; ++i) feed_.add("a");
  feed_.forget(6);
  open({}, 2);
  const Message* const message = poll();
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(message->before, 2u);
  EXPECT_EQ(message->items.front()->text(),
            R"({"kind":"gap","number":6,"at":5000,"endpoint":"","reason":"not-retained","lost":4})");
  EXPECT_EQ(message->items.size(), 5u);
  EXPECT_EQ(message->last(), 10u);
  EXPECT_EQ(delivery_->counts().lost, 4u);
  delivery_->handle_delivered(message->key, kNow);
  EXPECT_EQ(delivery_->cursor(), 10u);
}

TEST_F(DeliveryTest, WhatCantBeReadNowIsDeliveredLater) {
  feed_.add("a");
  feed_.set_unreadable(true);
  open();
  EXPECT_EQ(poll(), nullptr);
  EXPECT_NE(delivery_->last_error(), "");
  ASSERT_TRUE(delivery_->deadline());
  EXPECT_GT(*delivery_->deadline(), now_);
  feed_.set_unreadable(false);
  EXPECT_EQ(poll(), nullptr) << "not before it is time";
  now_ = *delivery_->deadline();
  EXPECT_EQ(next(), (Numbers{1}));
  EXPECT_EQ(delivery_->counts().lost, 0u);
}

TEST_F(DeliveryTest, AGapPassesEveryFilter) {
  feed_.add("a");
  feed_.forget(1);
  open({.filter = {.kinds = {"expired"}, .endpoints = {"b"}}});
  EXPECT_EQ(next(), (Numbers{1}));
}

TEST_F(DeliveryTest, AFeedThatBeganAnewIsDeliveredBehindAGap) {
  feed_.add("a");
  feed_.add("a");
  open({}, 1000);
  const Message* const message = poll();
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(message->items.front()->text(),
            R"({"kind":"gap","number":0,"at":5000,"endpoint":"","reason":"restarted","lost":null})");
  EXPECT_EQ(message->items.size(), 3u);
  delivery_->handle_delivered(message->key, kNow);
  EXPECT_EQ(delivery_->cursor(), 2u);
}

TEST_F(DeliveryTest, ABatchIsBoundedInBytes) {
  for (int i = 0; i < 4; ++i) feed_.add(std::string(200, 'e'));
  open({.batch = 100, .batch_bytes = 500});
  EXPECT_EQ(next(), (Numbers{1, 2}));
  deliver();
  open({.batch = 100, .batch_bytes = 10});
  EXPECT_EQ(next(), (Numbers{1})) << "one goes in any case";
}

TEST_F(DeliveryTest, ManyMessagesAreInFlightAndAllGoAgainWhenTheConnectionIsLost) {
  for (int i = 0; i < 5; ++i) feed_.add("a");
  open({.batch = 1, .in_flight = 3});
  std::vector<std::uint64_t> keys;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(next(), (Numbers{i}));
    keys.push_back(key_);
  }
  EXPECT_EQ(poll(), nullptr);
  // Acknowledged out of turn: the cursor waits for the first.
  delivery_->handle_delivered(keys[1], kNow);
  EXPECT_EQ(delivery_->cursor(), 0u);
  EXPECT_EQ(next(), (Numbers{4}));
  fail();
  EXPECT_EQ(delivery_->in_flight(), 0u);
  now_ = *delivery_->deadline();
  for (const std::uint64_t number : {1u, 3u, 4u}) EXPECT_EQ(next(), (Numbers{number}));
  // What arrives late of the first connection counts, too.
  delivery_->handle_delivered(keys[0], kNow);
  EXPECT_EQ(delivery_->cursor(), 2u);
  EXPECT_EQ(next(), (Numbers{5}));
}

TEST_F(DeliveryTest, ATestGoesFirstAndOnceAndDoesntWaitForTheNextTry) {
  feed_.add("a");
  open({.retry_min = 100s, .retry_max = 100s});
  next();
  fail();
  EXPECT_TRUE(delivery_->request_test(kNow));
  EXPECT_FALSE(delivery_->request_test(kNow));
  EXPECT_LE(*delivery_->deadline(), now_);
  const Message* const test = poll();
  ASSERT_NE(test, nullptr);
  EXPECT_TRUE(test->is_test());
  EXPECT_EQ(test->items.front()->text(), R"({"kind":"test","number":0,"at":5000,"endpoint":""})");
  delivery_->handle_failed(now_, kNow, "no route");
  EXPECT_EQ(delivery_->poll_test(), "no route");
  EXPECT_EQ(delivery_->poll_test(), std::nullopt);
  EXPECT_EQ(poll(), nullptr) << "it isn't sent again";
  EXPECT_EQ(delivery_->cursor(), 0u);
  delivery_->request_test(kNow);
  delivery_->handle_delivered(poll()->key, kNow);
  EXPECT_EQ(delivery_->poll_test(), "");
  EXPECT_EQ(next(), (Numbers{1})) << "the receiver is back";
}

/// A receiver, a feed and a delivery that are thrown about by dice.
class Storm {
 public:
  explicit Storm(std::uint64_t seed) : dice_(seed), rng_(seed) {
    settings_.batch = 1 + dice_.below(5);
    settings_.in_flight = 1 + dice_.below(4);
    if (dice_.below(2) == 0) {
      // Who refuses has one message in flight.
      settings_.on_refused = OnRefused::Skip;
      settings_.in_flight = 1;
    }
    restart(0);
  }

  /// Events come, connections are lost, processes killed, events forgotten; then only what delivers.
  void blow() {
    for (int step = 0; step < 400; ++step) turn(dice_.below(100));
    for (int step = 0; delivery_->cursor() < feed_.newest(); ++step) {
      ASSERT_LT(step, 20000);
      turn(40 + dice_.below(60));
    }
  }
  [[nodiscard]] Numbers missing() const {
    Numbers missing;
    for (const auto& [number, device] : device_of_) {
      if (!seen_.contains(number) && !poison_.contains(number) && number > forgotten_) missing.push_back(number);
    }
    return missing;
  }

 private:
  void turn(std::uint64_t roll) {
    if (roll < 25) return happen();
    if (roll < 28) return restart(delivery_->cursor());
    if (roll < 33) return lose();
    if (roll < 34) return forget();
    if (roll < 70) return send();
    if (!sent_.empty()) answer();
  }
  void happen() {
    const std::string device(1, static_cast<char>('a' + dice_.below(3)));
    const auto number = feed_.add(device);
    device_of_[number] = device;
    if (settings_.on_refused == OnRefused::Skip && dice_.below(6) == 0) poison_.insert(number);
  }
  void restart(std::uint64_t cursor) {
    sent_.clear();
    delivery_.emplace(settings_, feed_, rng_, cursor);
  }
  void lose() {
    sent_.clear();
    delivery_->handle_failed(now_, kNow, "why");
  }
  void forget() {
    forgotten_ = std::min(std::max(forgotten_, delivery_->cursor() + dice_.below(3)), feed_.newest());
    if (forgotten_ > 0) feed_.forget(forgotten_);
  }
  void send() {
    if (const Message* const message = delivery_->poll_message(now_, kNow)) {
      Numbers numbers;
      for (const auto& item : message->items) {
        if (item->kind != kGap) numbers.push_back(item->number);
      }
      sent_.emplace_back(message->key, numbers);
    } else if (const auto at = delivery_->deadline()) {
      now_ = std::max(now_, *at);
    }
  }
  void answer() {
    const auto [key, numbers] = sent_.front();
    sent_.pop_front();
    if (std::any_of(numbers.begin(), numbers.end(), [&](auto number) { return poison_.contains(number); })) {
      delivery_->handle_refused(now_, kNow, key, "no");
      return;
    }
    for (const std::uint64_t number : numbers) {
      if (!seen_.insert(number).second) continue;
      auto& newest = newest_of_[device_of_[number]];
      EXPECT_LT(newest, number) << "out of order";
      newest = number;
    }
    // The receiver has it; whether we hear of that is another matter.
    if (dice_.below(10) == 0) return lose();
    delivery_->handle_delivered(key, kNow);
  }

  SplitMix dice_, rng_;
  test::TestFeed feed_;
  DeliverySettings settings_;
  std::optional<Delivery> delivery_;
  Instant now_{};
  std::deque<std::pair<std::uint64_t, Numbers>> sent_;  ///< in the order of the connection
  std::set<std::uint64_t> seen_, poison_;
  std::map<std::uint64_t, std::string> device_of_;
  std::map<std::string, std::uint64_t> newest_of_;
  std::uint64_t forgotten_ = 0;
};

/// Whatever fails when, is refused, lost from the feed or killed and begun again at its cursor: each event of a device
/// that wasn't skipped or lost arrives at least once, and those of a device for the first time in their order.
TEST(DeliveryProperty, AnySequenceOfFailuresDeliversEachEventInTheOrderOfADevice) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Storm storm(seed);
    storm.blow();
    EXPECT_EQ(storm.missing(), Numbers{});
  }
}

}  // namespace
}  // namespace drover::sinks
