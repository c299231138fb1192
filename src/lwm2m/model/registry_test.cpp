// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/model/registry.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace drover::lwm2m::model {
namespace {

ObjectDefinition object(ObjectId id, Version version, const char* name = "Thing") {
  ObjectDefinition definition;
  definition.id = id;
  definition.version = version;
  definition.name = name;
  return definition;
}

ResourceDefinition resource(ResourceId id, DataType type, Operations operations) {
  ResourceDefinition definition;
  definition.id = id;
  definition.type = type;
  definition.operations = operations;
  return definition;
}

TEST(Core6_2_1, AMinorVersionStandsInForAnotherOfTheSameMajor) {
  Registry registry;
  for (const Version version : {Version{1, 0}, Version{1, 2}, Version{2, 1}}) {
    ASSERT_TRUE(registry.add(object(44, version)));
  }
  EXPECT_EQ(registry.find(44)->version, (Version{1, 0}));
  EXPECT_EQ(registry.find(44, {1, 2})->version, (Version{1, 2}));
  EXPECT_EQ(registry.find(44, {1, 1})->version, (Version{1, 2}));
  EXPECT_EQ(registry.find(44, {1, 7})->version, (Version{1, 2}));
  EXPECT_EQ(registry.find(44, {2, 0})->version, (Version{2, 1}));
  EXPECT_EQ(registry.find(44, {3, 0}), nullptr);
  EXPECT_EQ(registry.find(44, {0, 9}), nullptr);
  EXPECT_EQ(registry.find(45), nullptr);
  EXPECT_EQ(registry.find(43), nullptr);
  EXPECT_EQ(registry.find(65535, {9, 9}), nullptr);
}

TEST(Registry, RefusesTheSameVersionTwice) {
  Registry registry;
  ASSERT_TRUE(registry.add(object(44, {1, 0})));
  const auto again = registry.add(object(44, {1, 0}));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, "object 44 (Thing) version 1.0 is defined twice");
  EXPECT_EQ(registry.all().size(), 1U);
}

TEST(Registry, ListsAllByIdAndVersion) {
  Registry registry;
  for (auto& definition : {object(9, {1, 0}), object(3, {2, 0}), object(3, {1, 1})}) {
    ASSERT_TRUE(registry.add(definition));
  }
  std::vector<std::pair<ObjectId, Version>> keys;
  for (const ObjectDefinition* definition : registry.all()) keys.emplace_back(definition->id, definition->version);
  EXPECT_EQ(keys, (std::vector<std::pair<ObjectId, Version>>{{3, {1, 1}}, {3, {2, 0}}, {9, {1, 0}}}));
}

TEST(Core6_3_2, AReusableResourceIsTheSameInAllObjects) {
  Registry registry;
  ObjectDefinition first = object(3303, {1, 0}, "Temperature");
  first.resources = {resource(0, DataType::Integer, {true, false, false}),
                     resource(5700, DataType::Float, {true, false, false})};
  ASSERT_TRUE(registry.add(first));

  ObjectDefinition same = object(3304, {1, 0}, "Humidity");
  same.resources = {resource(0, DataType::String, {true, true, false}),  // an object's own resource may be anything
                    resource(5700, DataType::Float, {true, false, false})};
  EXPECT_TRUE(registry.add(same));

  ObjectDefinition other = object(3305, {1, 0}, "Odd");
  other.resources = {resource(5700, DataType::Float, {true, true, false})};
  const auto refused = registry.add(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason,
            "reusable resource 5700 is Float RW in object 3305 (Odd) version 1.0 but Float R in object 3303 "
            "(Temperature) version 1.0");
  EXPECT_EQ(registry.find(3305), nullptr);

  ObjectDefinition newer = object(3303, {2, 0}, "Temperature");
  newer.resources = {resource(5700, DataType::Integer, {true, false, false})};
  EXPECT_FALSE(registry.add(object(3304, {1, 0}, "Humidity")));
  EXPECT_TRUE(registry.add(newer)) << "another version of the same object may differ";
}

TEST(Registry, WhatIsBroughtGoesBeforeWhatWasThereUntilItIsTakenOut) {
  Registry registry;
  ASSERT_TRUE(registry.add(object(44, {1, 0}, "Own")));
  const ObjectDefinition* const own = registry.find(44);
  EXPECT_EQ(registry.bring({object(44, {1, 0}, "Brought"), object(45, {2, 0})}), true);
  const ObjectDefinition* const brought = registry.find(44);
  EXPECT_EQ(brought->name, "Brought");
  EXPECT_TRUE(registry.was_brought(*brought));
  EXPECT_EQ(own->name, "Own") << "who has it goes on with it";
  EXPECT_EQ(registry.all().size(), 2U);
  EXPECT_EQ(registry.bring({object(44, {1, 0}, "Again")}), false) << "not new";
  EXPECT_EQ(registry.find(44)->name, "Again");
  EXPECT_EQ(brought->name, "Brought");
  EXPECT_EQ(registry.take_out(44, {1, 0}), true);
  EXPECT_EQ(registry.find(44), own);
  EXPECT_FALSE(registry.was_brought(*own));
  EXPECT_EQ(registry.take_out(44, {1, 0}), false);
  EXPECT_EQ(registry.take_out(45, {2, 0}), true);
  EXPECT_EQ(registry.find(45, {2, 0}), nullptr);
}

TEST(Registry, BringsAllOfAFileOrNothing) {
  Registry registry;
  ObjectDefinition host = object(3303, {1, 0}, "Temperature");
  host.resources = {resource(5700, DataType::Float, {true, false, false})};
  ASSERT_TRUE(registry.add(host));
  ObjectDefinition odd = object(3305, {1, 0}, "Odd");
  odd.resources = {resource(5700, DataType::Integer, {true, false, false})};
  EXPECT_FALSE(registry.bring({object(50, {1, 0}), odd}));
  EXPECT_FALSE(registry.may_bring({odd}));
  EXPECT_FALSE(registry.bring({object(50, {1, 0}), object(50, {1, 0})}));
  EXPECT_EQ(registry.find(50), nullptr);
  // The pair agrees with itself, and the one that spoke against it is replaced.
  host.resources = odd.resources;
  EXPECT_TRUE(registry.bring({host, odd}));
  EXPECT_EQ(registry.take_out(3303, {1, 0}), true);
  EXPECT_EQ(registry.find(3303)->resources.at(0).type, DataType::Float);
}

TEST(Registry, ItsOwnDefinitionsAreRenewedBehindThoseThatWereBrought) {
  Registry registry;
  for (const ObjectId id : std::initializer_list<ObjectId>{40, 41, 42}) ASSERT_TRUE(registry.add(object(id, {1, 0}, "Old")));
  ASSERT_TRUE(registry.bring({object(42, {1, 0}, "Brought")}));
  const ObjectDefinition* const same = registry.find(40);
  Registry fresh;
  for (const auto& [id, name] : {std::pair(40, "Old"), {42, "New"}, {43, "New"}}) {
    ASSERT_TRUE(fresh.add(object(static_cast<ObjectId>(id), {1, 0}, name)));
  }
  // What was brought there isn't its own.
  ASSERT_TRUE(fresh.bring(registry.brought()));
  ASSERT_TRUE(fresh.bring({object(40, {1, 0}, "Brought elsewhere"), object(44, {1, 0})}));
  ASSERT_TRUE(registry.renew(std::move(fresh)));
  EXPECT_EQ(registry.find(44), nullptr);
  EXPECT_EQ(registry.find(40), same);
  EXPECT_EQ(registry.find(41), nullptr);
  EXPECT_EQ(registry.find(42)->name, "Brought");
  EXPECT_EQ(registry.find(43)->name, "New");
  ASSERT_TRUE(registry.take_out(42, {1, 0}));
  EXPECT_EQ(registry.find(42)->name, "New");
}

TEST(Registry, KeepsABoundedNumberOfDefinitionsThatWereReplaced) {
  Registry registry;
  ASSERT_TRUE(registry.bring({object(44, {1, 0})}));
  for (std::size_t i = 0; i < Registry::kRetiredMax; ++i) ASSERT_TRUE(registry.bring({object(44, {1, 0})}));
  const auto refused = registry.bring({object(44, {1, 0}, "Last")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::Environment);
  EXPECT_FALSE(registry.take_out(44, {1, 0}));
  EXPECT_EQ(registry.find(44)->name, "Thing");
}

}  // namespace
}  // namespace drover::lwm2m::model
