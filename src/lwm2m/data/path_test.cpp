// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/data/path.hpp"

#include <gtest/gtest.h>

#include "lwm2m/data/node.hpp"
#include "lwm2m/data/value.hpp"

namespace drover::lwm2m {
namespace {

TEST(Path, ReadsEveryDepthWithAndWithoutLeadingSlash) {
  EXPECT_EQ(Path::parse(""), Path());
  EXPECT_EQ(Path::parse("/"), Path());
  EXPECT_EQ(Path::parse("/3"), Path(3));
  EXPECT_EQ(Path::parse("3/0"), Path(3, 0));
  EXPECT_EQ(Path::parse("/3/0/7"), Path(3, 0, 7));
  EXPECT_EQ(Path::parse("/65535/65535/65535/65535"), Path(65535, 65535, 65535, 65535));
}

TEST(Path, RefusesEverythingElse) {
  for (const char* text : {"//", "/3/", "3//0", "/03", "/3/00", "/65536", "/100000", "/99999999999999999999", "/-1",
                           "/+1", "/ 3", "/3 ", "/a", "/3/0/7/1/2", "/3/0/7/1/", "/3.0", "/0x3", "/3\n"}) {
    EXPECT_FALSE(Path::parse(text)) << text;
  }
  EXPECT_FALSE(Path::parse(std::string_view("/3\0", 3)));
}

TEST(Path, WritesWhatItReads) {
  for (const char* text : {"/", "/0", "/3", "/3/0", "/3/0/7", "/65535/65534/10/100"}) {
    EXPECT_EQ(Path::parse(text)->to_string(), text);
  }
}

TEST(Path, KnowsItsLevels) {
  const Path path(3, 1, 7, 2);
  EXPECT_TRUE(path.is_resource_instance());
  EXPECT_EQ(path.parent(), Path(3, 1, 7));
  EXPECT_EQ(path.prefix(1), Path(3));
  EXPECT_EQ(path.prefix(0), Path());
  EXPECT_EQ(Path(3, 1).child(7).child(2), path);
  EXPECT_EQ(Path().parent(), Path());
  EXPECT_EQ(path.parent().resource_instance(), 0);
}

TEST(Path, ContainsItselfAndWhatLiesBelow) {
  EXPECT_TRUE(Path().contains(Path(3, 0)));
  EXPECT_TRUE(Path(3, 0).contains(Path(3, 0)));
  EXPECT_TRUE(Path(3, 0).contains(Path(3, 0, 7, 1)));
  EXPECT_FALSE(Path(3, 0).contains(Path(3)));
  EXPECT_FALSE(Path(3, 0).contains(Path(3, 1, 7)));
}

TEST(Path, DepthDistinguishesEqualIds) {
  EXPECT_NE(Path(3), Path(3, 0));
  EXPECT_NE(std::hash<Path>{}(Path(3)), std::hash<Path>{}(Path(3, 0)));
}

TEST(Core6_2_2, AVersionIsTwoDigits) {
  EXPECT_EQ(Version::parse("1.0"), (Version{1, 0}));
  EXPECT_EQ(Version::parse("2.9"), (Version{2, 9}));
  EXPECT_EQ((Version{1, 1}).to_string(), "1.1");
  for (const char* text : {"", "1", "1.", ".1", "1.10", "10.1", "1,0", "a.b", " 1.0", "-1.0"}) {
    EXPECT_FALSE(Version::parse(text)) << text;
  }
}

TEST(Core6_3, TwoMaximumIdsAreTheNullLink) {
  EXPECT_TRUE(ObjectLink{}.is_null());
  EXPECT_FALSE((ObjectLink{65535, 0}).is_null());
}

TEST(Value, ItsTypeFollowsItsAlternative) {
  EXPECT_EQ(type_of(Value(std::string("x"))), DataType::String);
  EXPECT_EQ(type_of(Value(std::int64_t{1})), DataType::Integer);
  EXPECT_EQ(type_of(Value(1.0)), DataType::Float);
  EXPECT_EQ(type_of(Value(true)), DataType::Boolean);
  EXPECT_EQ(type_of(Value(Opaque{})), DataType::Opaque);
  EXPECT_EQ(type_of(Value(Time{})), DataType::Time);
  EXPECT_EQ(type_of(Value(ObjectLink{})), DataType::ObjectLink);
  EXPECT_STREQ(to_string(DataType::ObjectLink), "Objlnk");
  EXPECT_STREQ(to_string(DataType::None), "");
}

TEST(Tree, FindsAResourceByItsIds) {
  Tree tree;
  tree.objects.push_back({3, {}});
  tree.objects[0].instances.push_back({std::nullopt, {ResourceNode::single(1, true)}});
  tree.objects[0].instances.push_back({InstanceId{0}, {ResourceNode::single(1, false), ResourceNode::single(2, true)}});
  ASSERT_NE(tree.find(3, 0, 2), nullptr);
  EXPECT_EQ(tree.find(3, 0, 2)->instances[0].value, Value(true));
  EXPECT_EQ(tree.find(3, 0, 1)->instances[0].value, Value(false));
  EXPECT_EQ(tree.find(3, 1, 1), nullptr);
  EXPECT_EQ(tree.find(4, 0, 1), nullptr);
  EXPECT_EQ(tree.find(3, 0, 3), nullptr);
}

}  // namespace
}  // namespace drover::lwm2m
