// SPDX-License-Identifier: Apache-2.0
#include "client/attributes.hpp"

#include "client/test_device.hpp"

namespace drover::client::testing {
namespace {

using Query = std::vector<std::string>;

struct Store {
  AttributeStore store;
  /// The code of the error, 0 when it was taken.
  int write(std::string_view where, const Query& query, ServerId server = kServer) {
    const auto changes = parse_attributes(query);
    if (!changes) return changes.error().code;
    const auto applied = store.apply(server, path(where), *changes);
    return applied ? 0 : applied.error().code;
  }
  Attributes at(std::string_view where, ServerId server = kServer) { return store.assigned(server, path(where)); }
  Attributes effective(std::string_view where) { return store.effective(kServer, path(where)); }
};

constexpr int kBad = 0x80;  // 4.00

TEST(CoreSection5_4_4, ItemsAreNumbersOrUnset) {
  const auto changes = parse_attributes({"pmin=10", "pmax=4294967295", "gt=4.5", "lt=-1e1", "st"});
  ASSERT_TRUE(changes);
  const std::vector<std::pair<std::string, std::optional<double>>> expected{
      {"pmin", 10}, {"pmax", 4294967295.0}, {"gt", 4.5}, {"lt", -10}, {"st", std::nullopt}};
  ASSERT_EQ(changes->size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ((*changes)[i].name, expected[i].first);
    EXPECT_EQ((*changes)[i].number, expected[i].second);
  }
}

TEST(CoreSection5_4_4, WhatIsntAnAttributeOrItsValueIsABadRequest) {
  for (const Query& query : std::vector<Query>{{},
                                               {""},
                                               {"=1"},
                                               {"pmin=-1"},
                                               {"pmin=+1"},
                                               {"pmin=1.5"},
                                               {"pmin=4294967296"},
                                               {"pmin=1", "pmin=2"},
                                               {"pmin=1 "},
                                               {"PMIN=1"},
                                               {"dim=1"},
                                               {"ver=1.0"},
                                               {"gt=nan"},
                                               {"lt=inf"},
                                               {"lt=x"},
                                               {"st=-1"},
                                               {"cancel=1"},
                                               {"cancel", "cancel"}}) {
    const auto changes = parse_attributes(query);
    ASSERT_FALSE(changes) << (query.empty() ? "nothing" : query.front());
    EXPECT_EQ(changes.error().code, kBad);
  }
}

TEST(ScrDmse010, CancelStandsAloneOrBesideOthers) {
  EXPECT_TRUE(parse_attributes({"cancel"}));
  EXPECT_TRUE(parse_attributes({"pmin=1", "cancel"}));
  EXPECT_TRUE(asks_to_cancel({"pmin=1", "cancel"}));
  EXPECT_TRUE(asks_to_cancel({"cancel="}));
  EXPECT_FALSE(asks_to_cancel({"pmin=1"}));
  Store store;
  EXPECT_EQ(store.write("/3/0/7", {"cancel"}), 0);
  EXPECT_TRUE(store.at("/3/0/7").empty());
}

TEST(CoreSection5_1_1, TheLowestLevelPrevails) {
  Store store;
  EXPECT_EQ(store.write("/3", {"pmin=1", "pmax=10"}), 0);
  EXPECT_EQ(store.write("/3/0", {"pmin=2"}), 0);
  EXPECT_EQ(store.write("/3/0/9", {"pmin=3", "gt=5"}), 0);
  EXPECT_EQ(store.effective("/3/0/9"), (Attributes{3, 10, 5, {}, {}}));
  EXPECT_EQ(store.effective("/3/0/7"), (Attributes{2, 10, {}, {}, {}}));
  EXPECT_EQ(store.effective("/3/1/9"), (Attributes{1, 10, {}, {}, {}}));
  EXPECT_EQ(store.effective("/4/0/9"), Attributes{});
  EXPECT_EQ(store.at("/3/0", 102), Attributes{}) << "each server has its own";
}

TEST(CoreSection5_4_4, AnEmptyValueUnsetsAtItsLevel) {
  for (const char* unset : {"pmin", "pmin="}) {
    Store store;
    EXPECT_EQ(store.write("/3", {"pmin=1"}), 0);
    EXPECT_EQ(store.write("/3/0", {"pmin=2", "pmax=5"}), 0);
    EXPECT_EQ(store.write("/3/0", {unset}), 0);
    EXPECT_EQ(store.effective("/3/0/9"), (Attributes{1, 5, {}, {}, {}}));
  }
}

TEST(CoreSection5_1_2, ContradictionsOfOneLevelAreRefusedAndChangeNothing) {
  Store store;
  EXPECT_EQ(store.write("/3/0/9", {"pmin=10", "pmax=20", "lt=20", "gt=85", "st=10"}), 0);
  const Attributes before = store.at("/3/0/9");
  for (const Query& query : std::vector<Query>{{"pmin=5", "pmax=4"},
                                               {"pmax=9"},
                                               {"pmin=21"},
                                               {"gt=20"},
                                               {"gt=19"},
                                               {"lt=85"},
                                               {"st=32.5"},
                                               {"pmin=1", "st=40"}}) {
    EXPECT_EQ(store.write("/3/0/9", query), kBad) << query.front();
    EXPECT_EQ(store.at("/3/0/9"), before);
  }
  EXPECT_EQ(store.write("/3/0/9", {"st=32.4"}), 0);
  EXPECT_EQ(store.write("/3/0/9", {"pmin=20"}), 0) << "a pmax equal to pmin is none";
}

TEST(CoreSection5_1_2, PeriodsOfDifferentLevelsMayContradictEachOther) {
  Store store;
  EXPECT_EQ(store.write("/3", {"pmin=100"}), 0);
  EXPECT_EQ(store.write("/3/0/9", {"pmax=10"}), 0);
  EXPECT_EQ(store.write("/3/0", {"pmin=200"}), 0);
}

TEST(AttributeStore, GivesAndTakesAllItHas) {
  Store store;
  EXPECT_EQ(store.write("/3/0", {"pmin=2"}), 0);
  EXPECT_EQ(store.write("/3", {"pmax=3"}, 102), 0);
  const auto entries = store.store.entries();
  ASSERT_EQ(entries.size(), 2U);
  Store other;
  for (const AttributeEntry& entry : entries) other.store.restore(entry);
  EXPECT_EQ(other.store.entries(), entries);
  other.store.erase_server(102);
  other.store.erase_below(path("/3"));
  EXPECT_TRUE(other.store.entries().empty());
}

TEST(AttributeStore, HasALimit) {
  Store store;
  for (std::size_t i = 0; i < AttributeStore::kEntriesMax; ++i) {
    const Path where(3303, static_cast<lwm2m::InstanceId>(i));
    ASSERT_TRUE(store.store.apply(kServer, where, {{"pmin", 1.0}}));
  }
  EXPECT_EQ(store.write("/3/0", {"pmin=1"}), 0xA0);
  EXPECT_EQ(store.write("/3303/0", {"pmin=2"}), 0) << "what is there can change";
  EXPECT_EQ(store.write("/3303/0", {"pmin"}), 0);
  EXPECT_EQ(store.write("/3/0", {"pmin=1"}), 0);
}

TEST(CoreSection5_1_2, ConditionsBelongToReadableNumbers) {
  TestDevice device;
  device.add("/5/0");
  EXPECT_EQ(device.attributes("/3/0/9", {"gt=1"}), Status::Changed);
  EXPECT_EQ(device.attributes("/3303/0/5700", {"st=1"}), Status::Changed);
  for (const char* item : {"gt=1", "lt=1", "st=1"}) {
    EXPECT_EQ(device.attributes("/3", {item}), Status::BadRequest) << item;
    EXPECT_EQ(device.attributes("/3/0", {item}), Status::BadRequest) << item;
    EXPECT_EQ(device.attributes("/3/0/0", {item}), Status::BadRequest) << item;
  }
  EXPECT_EQ(device.attributes("/3/0/4", {"pmin=1"}), Status::MethodNotAllowed) << "executable";
  EXPECT_EQ(device.attributes("/3/0/99", {"pmin=1"}), Status::NotFound);
  EXPECT_EQ(device.attributes("/3/0/0", {"pmin=1", "pmax=2"}), Status::Changed);
}

}  // namespace
}  // namespace drover::client::testing
