// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/model/registry.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace drover::lwm2m::model
