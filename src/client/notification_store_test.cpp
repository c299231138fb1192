// SPDX-License-Identifier: Apache-2.0
#include "client/notification_store.hpp"

#include "client/test_device.hpp"

namespace drover::client::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kBegin{seconds(1000)};

StoredNotification text(std::string_view where, int second, std::string_view value, ServerId server = kServer) {
  return {server, path(where), kBegin + seconds(second), lwm2m::format::kText, to_bytes(value)};
}

std::vector<std::string> values(const NotificationStore& store, std::string_view where, ServerId server = kServer) {
  std::vector<std::string> texts;
  for (const auto& kept : store.of(server, path(where))) texts.emplace_back(as_text(kept.notification->payload));
  return texts;
}

using Texts = std::vector<std::string>;

TEST(NotificationStore, KeepsTheOrderOfEachServerAndPath) {
  NotificationStore store;
  EXPECT_TRUE(store.empty());
  store.put(text("/3/0/9", 1, "90"));
  store.put(text("/3303/0/5700", 2, "20.5"));
  store.put(text("/3/0/9", 3, "80"));
  store.put(text("/3/0/9", 3, "70", 102));
  EXPECT_EQ(values(store, "/3/0/9"), (Texts{"90", "80"}));
  EXPECT_EQ(values(store, "/3303/0/5700"), Texts{"20.5"});
  EXPECT_EQ(values(store, "/3/0/9", 102), Texts{"70"});
  EXPECT_FALSE(store.holds(102, path("/3303/0/5700")));
  EXPECT_EQ(store.size(), 4U);
  EXPECT_EQ(store.targets().size(), 3U);
}

TEST(NotificationStore, ForgetsWhatWasDelivered) {
  NotificationStore store;
  for (int second = 0; second < 4; ++second) store.put(text("/3/0/9", second, std::to_string(second)));
  const auto number = store.of(kServer, path("/3/0/9"))[1].number;
  store.erase_through(kServer, path("/3/0/9"), number);
  EXPECT_EQ(values(store, "/3/0/9"), (Texts{"2", "3"}));
  store.erase_through(kServer, path("/3/0/9"), number);
  EXPECT_EQ(values(store, "/3/0/9"), (Texts{"2", "3"}));
  store.erase(kServer, path("/3/0/9"));
  EXPECT_FALSE(store.holds(kServer, path("/3/0/9")));
  EXPECT_TRUE(store.empty());
  store.put(text("/3/0/9", 1, "1", 102));
  store.erase_server(102);
  EXPECT_TRUE(store.empty());
}

TEST(NotificationStore, TakesTheSameFromTwoObservationsOnce) {
  NotificationStore store;
  store.put(text("/3/0/9", 1, "90"));
  store.put(text("/3/0/9", 1, "90"));
  store.put(text("/3/0/9", 1, "91"));
  store.put(text("/3/0/9", 2, "91"));
  EXPECT_EQ(values(store, "/3/0/9"), (Texts{"90", "91", "91"}));
}

TEST(CoreAppendixE2, TheOldestOfAServerGoPastTheLimitOfTheirNumber) {
  NotificationStore store;
  store.put(text("/3/0/9", 0, "other server", 102));
  store.put(text("/3/0/0", 0, "first"));
  for (std::size_t i = 0; i < NotificationStore::kCountMax; ++i) {
    store.put(text("/3/0/9", static_cast<int>(i), std::to_string(i)));
  }
  EXPECT_EQ(store.dropped(), 1U);
  EXPECT_FALSE(store.holds(kServer, path("/3/0/0")));
  store.put(text("/3/0/0", 9999, "last"));
  EXPECT_EQ(store.dropped(), 2U);
  EXPECT_EQ(values(store, "/3/0/9").front(), "1");
  EXPECT_TRUE(store.holds(102, path("/3/0/9")));
  EXPECT_EQ(store.size(), NotificationStore::kCountMax + 1);
}

TEST(CoreAppendixE2, TheOldestOfAServerGoPastTheLimitOfTheirBytes) {
  NotificationStore store;
  constexpr std::size_t kHalf = NotificationStore::kBytesMax / 2 - NotificationStore::kOverhead;
  store.put(text("/3/0/9", 1, std::string(kHalf, 'a')));
  store.put(text("/3/0/9", 2, std::string(kHalf, 'b')));
  EXPECT_EQ(store.size(), 2U);
  store.put(text("/3/0/9", 3, "c"));
  EXPECT_EQ(values(store, "/3/0/9").front().front(), 'b');
  EXPECT_EQ(store.dropped(), 1U);
  store.put(text("/3/0/9", 4, std::string(NotificationStore::kBytesMax, 'd')));
  EXPECT_EQ(store.size(), 2U);
  EXPECT_EQ(store.dropped(), 2U);
}

TEST(NotificationStore, GivesAndTakesAllItHas) {
  NotificationStore store;
  store.put(text("/3/0/9", 1, "90"));
  store.put(text("/3/0/0", 2, "x", 102));
  store.put(text("/3/0/9", 3, "80"));
  NotificationStore other;
  for (StoredNotification& entry : store.entries()) other.put(std::move(entry));
  EXPECT_EQ(other.entries(), store.entries());
  EXPECT_EQ(values(other, "/3/0/9"), (Texts{"90", "80"}));
}

TEST(CoreSection6_4_4, AHistoryInUnixTime) {
  TestDevice device;
  NotificationStore store;
  store.put(text("/3/0/9", 0, "90"));
  store.put(text("/3/0/9", 30, "80"));
  const auto payload = encode_history(path("/3/0/9"), store.of(kServer, path("/3/0/9")), kBegin + seconds(60),
                                      1'700'000'000, device.tree);
  ASSERT_TRUE(payload);
  EXPECT_EQ(as_text(*payload), R"({"bn":"/3/0/9","e":[{"v":90},{"v":80,"t":30}],"bt":1699999940})");
}

TEST(CoreSection6_4_4, AHistoryInRelativeTime) {
  TestDevice device;
  NotificationStore store;
  store.put(text("/3/0/9", 0, "90"));
  store.put(text("/3/0/9", 30, "80"));
  const auto payload = encode_history(path("/3/0/9"), store.of(kServer, path("/3/0/9")),
                                      kBegin + seconds(60) + milliseconds(500), std::nullopt, device.tree);
  ASSERT_TRUE(payload);
  EXPECT_EQ(as_text(*payload), R"({"bn":"/3/0/9","e":[{"v":90},{"v":80,"t":30}],"bt":-60.5})");
}

TEST(CoreSection6_4_4, AHistoryOfAnInstanceHasEachOfItsValues) {
  TestDevice device;
  NotificationStore store;
  const auto put = [&](int second, std::string_view json) {
    store.put({kServer, path("/3303/0"), kBegin + seconds(second), lwm2m::format::kJson, to_bytes(json)});
  };
  put(0, R"({"bn":"/3303/0/","e":[{"n":"5700","v":20.5},{"n":"5701","sv":"Cel"}]})");
  put(1, R"(no JSON)");
  put(2, R"({"bn":"/3303/0/","e":[{"n":"5700","v":21}]})");
  const auto payload = encode_history(path("/3303/0"), store.of(kServer, path("/3303/0")), kBegin + seconds(10),
                                      std::nullopt, device.tree);
  ASSERT_TRUE(payload);
  EXPECT_EQ(
      as_text(*payload),
      R"({"bn":"/3303/0/","e":[{"n":"5700","v":20.5},{"n":"5701","sv":"Cel"},{"n":"5700","v":21,"t":2}],"bt":-10})");
}

TEST(NotificationStore, GivesThePayloadInTheFormatThatIsAskedForNow) {
  TestDevice device;
  const auto kept = text("/3/0/9", 0, "90");
  EXPECT_EQ(encode_as(lwm2m::format::kText, kept, device.tree), to_bytes("90"));
  EXPECT_EQ(encode_as(lwm2m::format::kTlv, kept, device.tree), from_hex("C1 09 5A"));
  EXPECT_FALSE(encode_as(lwm2m::format::kLink, kept, device.tree));
  EXPECT_FALSE(encode_as(lwm2m::format::kTlv, text("/3/0/9", 0, "ninety"), device.tree));
}

}  // namespace
}  // namespace drover::client::testing
