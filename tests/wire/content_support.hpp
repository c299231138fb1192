// SPDX-License-Identifier: Apache-2.0
// What the wire tests of the data formats share: bytes from hexadecimal, definitions from files, trees written shortly.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "lwm2m/content/content.hpp"
#include "lwm2m/model/ddf.hpp"
#include "lwm2m/model/registry.hpp"

namespace drover::lwm2m::content {

/// Bytes from hexadecimal digits; blanks are free.
inline Bytes hex(std::string_view text) {
  Bytes bytes;
  int digits = 0;
  unsigned value = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n') continue;
    value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : c - 'A' + 10);
    if (++digits % 2 == 0) bytes.push_back(static_cast<std::uint8_t>(value & 0xFF));
  }
  EXPECT_EQ(digits % 2, 0);
  return bytes;
}

/// The shipped 1.0 definitions and those of the specification's example objects.
class ExampleDefinitions final : public Definitions {
 public:
  ExampleDefinitions() {
    for (const char* file :
         {"objects/1.0/1.xml", "objects/1.0/2.xml", "objects/1.0/3.xml", "objects/1.0/5.xml", "objects/1.0/6.xml",
          "tests/data/65.xml", "tests/data/66.xml", "tests/data/67.xml", "tests/data/72.xml"}) {
      std::ifstream stream(std::string(DROVER_SOURCE_DIR "/") + file, std::ios::binary);
      const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
      auto objects = model::parse_ddf(text, file);
      EXPECT_TRUE(objects) << objects.error().reason;
      if (!objects) continue;
      for (auto& object : *objects) EXPECT_TRUE(registry_.add(std::move(object)));
    }
  }
  [[nodiscard]] const model::ObjectDefinition* find(ObjectId object) const override { return registry_.find(object); }

 private:
  model::Registry registry_;
};

inline const Definitions& examples() {
  static const ExampleDefinitions definitions;
  return definitions;
}

inline Path at(std::string_view text) {
  return Path::parse(text).value();
}
inline Value integer(std::int64_t value) {
  return value;
}
inline Value text(const char* value) {
  return std::string(value);
}
inline Value link(ObjectId object, InstanceId instance) {
  return ObjectLink{object, instance};
}

inline ResourceNode one(ResourceId id, Value value) {
  return ResourceNode::single(id, std::move(value));
}
inline ResourceNode many(ResourceId id, std::vector<ResourceInstanceNode> instances) {
  return {id, true, std::move(instances)};
}
inline Tree object_tree(ObjectId object, std::vector<InstanceNode> instances) {
  Tree tree;
  tree.objects.push_back({object, std::move(instances)});
  return tree;
}

/// The code of what must be refused; 0 when it wasn't.
template <class T>
int code_of(const Result<T>& result) {
  return result ? 0 : result.error().code;
}

/// /3/0 as the examples of §6.4.3.1, §6.4.3.2 A and §6.4.4 describe it.
inline std::vector<ResourceNode> device_resources() {
  return {one(0, text("Open Mobile Alliance")),
          one(1, text("Lightweight M2M Client")),
          one(2, text("345000123")),
          one(3, text("1.0")),
          many(6, {{0, integer(1)}, {1, integer(5)}}),
          many(7, {{0, integer(3800)}, {1, integer(5000)}}),
          many(8, {{0, integer(125)}, {1, integer(900)}}),
          one(9, integer(100)),
          one(10, integer(15)),
          many(11, {{0, integer(0)}}),
          one(13, Time{1367491215}),
          one(14, text("+02:00")),
          one(16, text("U"))};
}

}  // namespace drover::lwm2m::content
