// SPDX-License-Identifier: Apache-2.0
// Property: what is encoded and decoded again is the same, for random trees of all types in TLV and JSON, and for
// single values in text.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "base/random.hpp"
#include "lwm2m/content/content_test_support.hpp"

namespace drover::lwm2m::content {
namespace {

constexpr int kTrees = 1000;

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  Tree tree(bool finite) {
    finite_ = finite;
    std::map<InstanceId, std::vector<ResourceNode>> instances;
    for (auto count = random_.below(4); count > 0; --count) instances[id()] = resources();
    Tree tree;
    tree.objects.push_back({EveryType::kObject, {}});
    for (auto& [number, nodes] : instances) tree.objects[0].instances.push_back({number, std::move(nodes)});
    return tree;
  }

  Value value(DataType type) {
    switch (type) {
      case DataType::String: return string();
      case DataType::Integer: return integer();
      case DataType::Float: return number();
      case DataType::Boolean: return random_.below(2) == 1;
      case DataType::Opaque: return Opaque{to_bytes(string())};
      case DataType::Time: return Time{integer()};
      case DataType::ObjectLink: return ObjectLink{id(), id()};
      case DataType::None: break;
    }
    ADD_FAILURE();
    return false;
  }

 private:
  std::uint16_t id() {
    constexpr std::uint16_t kEdges[] = {0, 1, 255, 256, 65534};
    return random_.below(2) == 0 ? kEdges[random_.below(5)] : static_cast<std::uint16_t>(random_.below(65535));
  }

  std::int64_t integer() {
    constexpr std::int64_t kEdges[] = {0,
                                       -1,
                                       127,
                                       128,
                                       -128,
                                       -129,
                                       32767,
                                       32768,
                                       -32768,
                                       -32769,
                                       2147483647,
                                       2147483648,
                                       -2147483648,
                                       -2147483649,
                                       std::numeric_limits<std::int64_t>::max(),
                                       std::numeric_limits<std::int64_t>::min()};
    if (random_.below(2) == 0) return kEdges[random_.below(16)];
    return static_cast<std::int64_t>(random_.next()) >> random_.below(64);
  }

  double number() {
    constexpr double kEdges[] = {0.0,
                                 -0.0,
                                 1.5,
                                 22.4,
                                 1e300,
                                 -1e-300,
                                 std::numeric_limits<double>::max(),
                                 std::numeric_limits<double>::denorm_min(),
                                 3.4028234663852886e38,
                                 3.5e38};
    if (random_.below(2) == 0) return kEdges[random_.below(10)];
    const double any = std::bit_cast<double>(random_.next());
    if (std::isfinite(any)) return any;
    return finite_ || std::isnan(any) ? 0.5 : any;
  }

  std::string string() {
    static const char* const kPieces[] = {"a", "\"", "\\", "\n", "ü", "€", "😀", " ", "/", "\x01"};
    constexpr std::uint32_t kSizes[] = {0, 1, 7, 8, 255, 300};
    std::string out;
    const std::uint32_t size = kSizes[random_.below(6)];
    while (out.size() < size) out += kPieces[random_.below(10)];
    if (random_.below(4) == 0) out += '\0';
    return out;
  }

  std::vector<ResourceNode> resources() {
    std::map<ResourceId, ResourceNode> nodes;
    for (auto count = 1 + random_.below(14); count > 0; --count) {
      const auto type = static_cast<std::uint16_t>(1 + random_.below(7));
      if (random_.below(2) == 0) {
        nodes[type] = ResourceNode::single(type, value(static_cast<DataType>(type)));
        continue;
      }
      std::map<ResourceInstanceId, Value> values;
      for (auto more = 1 + random_.below(3); more > 0; --more) values[id()] = value(static_cast<DataType>(type));
      const auto resource = static_cast<ResourceId>(EveryType::kMultiple + type);
      ResourceNode node{resource, true, {}};
      for (auto& [number, one] : values) node.instances.push_back({number, std::move(one)});
      nodes[resource] = std::move(node);
    }
    std::vector<ResourceNode> result;
    for (auto& [number, node] : nodes) result.push_back(std::move(node));
    return result;
  }

  SplitMix random_;
  bool finite_ = true;
};

/// The tree as it is seen from each path in it.
void expect_round_trips(Format format, const Tree& tree) {
  const auto expect = [&](const Path& path, const Tree& part) {
    const auto bytes = encode(format, path, part);
    ASSERT_TRUE(bytes) << path.to_string() << ' ' << bytes.error().reason;
    const auto again = decode(format, path, *bytes, every_type());
    ASSERT_TRUE(again) << path.to_string() << ' ' << again.error().reason;
    EXPECT_EQ(*again, part) << path.to_string();
  };
  expect(Path(EveryType::kObject), tree);
  for (const InstanceNode& instance : tree.objects[0].instances) {
    const Path path(EveryType::kObject, *instance.id);
    expect(path, tree_at(*instance.id, instance.resources));
    for (const ResourceNode& resource : instance.resources) {
      expect(path.child(resource.id), tree_at(*instance.id, {resource}));
      if (!resource.multiple) continue;
      for (const ResourceInstanceNode& node : resource.instances) {
        expect(path.child(resource.id).child(node.id), tree_at(*instance.id, {{resource.id, true, {node}}}));
      }
    }
  }
}

TEST(RoundTrip, TlvKeepsEveryTree) {
  for (std::uint64_t seed = 0; seed < kTrees && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    expect_round_trips(Format::Tlv, Maker(seed).tree(false));
  }
}

TEST(RoundTrip, JsonKeepsEveryFiniteTree) {
  for (std::uint64_t seed = 0; seed < kTrees && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Tree tree = Maker(seed).tree(true);
    expect_round_trips(Format::Json, tree);
  }
}

TEST(RoundTrip, TextKeepsEveryFiniteValue) {
  for (std::uint64_t seed = 0; seed < kTrees; ++seed) {
    Maker maker(seed);
    for (int number = 1; number <= 7; ++number) {
      const auto type = static_cast<DataType>(number);
      const Value value = maker.value(type);
      EXPECT_EQ(from_text(type, to_text(value)), value) << to_text(value);
    }
  }
}

TEST(RoundTrip, TlvKeepsTheBitsOfNan) {
  const double nan = std::bit_cast<double>(std::uint64_t{0x7FF8000000000123});
  const Path path(EveryType::kObject, 0, 3);
  const auto bytes = encode(Format::Tlv, path, tree_at(0, {ResourceNode::single(3, nan)}));
  ASSERT_TRUE(bytes);
  const auto tree = decode(Format::Tlv, path, *bytes, every_type());
  ASSERT_TRUE(tree);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(std::get<double>(tree->find(EveryType::kObject, 0, 3)->instances[0].value)),
            0x7FF8000000000123U);
}

}  // namespace
}  // namespace drover::lwm2m::content
