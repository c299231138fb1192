// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/content/content.hpp"

#include <benchmark/benchmark.h>

namespace {

using namespace drover;
using lwm2m::Format;
using lwm2m::Path;

const Path kDevice(3, 0);

/// Some twenty values, as a Read of /3/0 answers.
lwm2m::Tree device() {
  lwm2m::InstanceNode instance{0, {}};
  const auto text = [&](lwm2m::ResourceId id, const char* value) {
    instance.resources.push_back(lwm2m::ResourceNode::single(id, std::string(value)));
  };
  text(0, "Open Mobile Alliance");
  text(1, "Lightweight M2M Client");
  text(2, "345000123");
  text(3, "1.0");
  for (const int id : {6, 7, 8}) {
    lwm2m::ResourceNode node{static_cast<lwm2m::ResourceId>(id), true, {}};
    for (lwm2m::ResourceInstanceId i = 0; i < 3; ++i) {
      lwm2m::ResourceInstanceNode& entry = node.instances.emplace_back();
      entry.id = i;
      entry.value = std::int64_t{1000} * (i + 1);
    }
    instance.resources.push_back(std::move(node));
  }
  instance.resources.push_back(lwm2m::ResourceNode::single(9, std::int64_t{100}));
  instance.resources.push_back(lwm2m::ResourceNode::single(10, std::int64_t{15}));
  lwm2m::ResourceNode errors = lwm2m::ResourceNode::single(11, std::int64_t{0});
  errors.multiple = true;
  instance.resources.push_back(std::move(errors));
  instance.resources.push_back(lwm2m::ResourceNode::single(13, lwm2m::Time{1367491215}));
  text(14, "+02:00");
  text(15, "Europe/Berlin");
  text(16, "U");
  lwm2m::ObjectNode object{3, {}};
  object.instances.push_back(std::move(instance));
  lwm2m::Tree tree;
  tree.objects.push_back(std::move(object));
  return tree;
}

class DeviceDefinition final : public lwm2m::content::Definitions {
 public:
  DeviceDefinition() {
    definition_.id = 3;
    for (const lwm2m::ObjectNode& object : device().objects) {
      for (const lwm2m::ResourceNode& node : object.instances.front().resources) {
        lwm2m::model::ResourceDefinition resource;
        resource.id = node.id;
        resource.multiple = node.multiple;
        resource.operations = {true, true, false};
        resource.type = lwm2m::type_of(node.instances.front().value);
        definition_.resources.push_back(resource);
      }
    }
  }
  [[nodiscard]] const lwm2m::model::ObjectDefinition* find(lwm2m::ObjectId object) const override {
    return object == 3 ? &definition_ : nullptr;
  }

 private:
  lwm2m::model::ObjectDefinition definition_;
};

void encode_device(benchmark::State& state, Format format) {
  const lwm2m::Tree tree = device();
  if (!lwm2m::content::encode(format, kDevice, tree)) return state.SkipWithError("not encoded");
  for (auto _ : state) benchmark::DoNotOptimize(lwm2m::content::encode(format, kDevice, tree));
}
BENCHMARK_CAPTURE(encode_device, tlv, Format::Tlv);
BENCHMARK_CAPTURE(encode_device, json, Format::Json);

void decode_device(benchmark::State& state, Format format) {
  const DeviceDefinition definition;
  const auto payload = lwm2m::content::encode(format, kDevice, device());
  if (!payload || !lwm2m::content::decode(format, kDevice, *payload, definition))
    return state.SkipWithError("not decoded");
  for (auto _ : state) benchmark::DoNotOptimize(lwm2m::content::decode(format, kDevice, *payload, definition));
}
BENCHMARK_CAPTURE(decode_device, tlv, Format::Tlv);
BENCHMARK_CAPTURE(decode_device, json, Format::Json);

}  // namespace
