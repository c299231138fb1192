// SPDX-License-Identifier: Apache-2.0
// Object definition files.
#include "lwm2m/model/ddf.hpp"

#include "lwm2m/model/registry.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace drover;
  using namespace drover::lwm2m::model;
  auto objects = parse_ddf(as_text(ByteView(data, size)), "fuzz.xml");
  if (!objects) return 0;
  Registry registry;
  for (auto& object : *objects) {
    const auto id = object.id;
    const auto version = object.version;
    if (registry.add(std::move(object)) && registry.find(id, version) == nullptr) __builtin_trap();
  }
  return 0;
}
