// SPDX-License-Identifier: Apache-2.0
// Object definitions for the fuzzers of the data formats.
#pragma once

#include "lwm2m/content/content.hpp"

namespace drover::lwm2m::content {

/// Every object has for each data type t a single resource t and a multiple one 10 + t, so that the fuzzer reaches all
/// value parsers; other resources are unknown.
class FuzzDefinitions final : public Definitions {
 public:
  FuzzDefinitions() {
    for (std::uint16_t base = 0; base <= 10; base = static_cast<std::uint16_t>(base + 10)) {
      for (std::uint16_t type = 1; type <= 7; ++type) {
        model::ResourceDefinition resource;
        resource.id = static_cast<ResourceId>(base + type);
        resource.type = static_cast<DataType>(type);
        resource.multiple = base != 0;
        object_.resources.push_back(resource);
      }
    }
  }
  [[nodiscard]] const model::ObjectDefinition* find(ObjectId) const override { return &object_; }

 private:
  model::ObjectDefinition object_;
};

/// A path of the depth that the input's first byte chooses; the ids are those that the corpus uses.
inline Path fuzz_path(std::uint8_t choice) {
  static const Path kPaths[] = {Path(),         Path(3),        Path(66),          Path(65, 0),       Path(3, 0),
                                Path(3, 0, 2),  Path(3, 0, 6),  Path(3, 0, 12, 1), Path(3, 0, 16, 0), Path(72, 1, 3),
                                Path(3, 0, 17), Path(3, 0, 99), Path(3, 0, 99, 0)};
  return kPaths[choice % std::size(kPaths)];
}

/// What was accepted must be something that we can send, and must come back as the same.
inline void check_round_trip(Format format, const Path& path, const Tree& tree, const Definitions& definitions) {
  const auto bytes = encode(format, path, tree);
  if (!bytes) __builtin_trap();
  const auto again = decode(format, path, *bytes, definitions);
  if (!again) __builtin_trap();
  const auto bytes_again = encode(format, path, *again);
  if (!bytes_again || *bytes_again != *bytes) __builtin_trap();
}

}  // namespace drover::lwm2m::content
