// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/answers.hpp"

#include <array>
#include <type_traits>
#include <utility>

namespace drover::swarm {
namespace {

using lwm2m::Outcome;
using lwm2m::Path;
using lwm2m::Status;

constexpr lwm2m::ObjectId kServer = 1;
constexpr lwm2m::ObjectId kDevice = 3;
constexpr lwm2m::ObjectId kTemperature = 3303;

constexpr std::array<lwm2m::ResourceId, 4> kServerResources{0, 1, 6, 7};
constexpr std::array<lwm2m::ResourceId, 6> kDeviceResources{0, 1, 2, 3, 11, 16};
constexpr std::array<lwm2m::ResourceId, 2> kTemperatureResources{5700, 5701};
const Path kLifetime(kServer, 0, 1);
const Path kUpdateTrigger(kServer, 0, 8);
const Path kReboot(kDevice, 0, 4);

Outcome plain(Status status) {
  Outcome outcome;
  outcome.status = status;
  return outcome;
}

/// Types of the one writable resource, so that a TLV or JSON payload can be read.
class ServerDefinition final : public lwm2m::content::Definitions {
 public:
  ServerDefinition() {
    definition_.id = kServer;
    definition_.name = "LwM2M Server";
    lwm2m::model::ResourceDefinition lifetime;
    lifetime.id = kLifetime.resource();
    lifetime.name = "Lifetime";
    lifetime.operations = {true, true, false};
    lifetime.type = lwm2m::DataType::Integer;
    definition_.resources.push_back(lifetime);
  }
  [[nodiscard]] const lwm2m::model::ObjectDefinition* find(lwm2m::ObjectId object) const override {
    return object == kServer ? &definition_ : nullptr;
  }

 private:
  lwm2m::model::ObjectDefinition definition_;
};

void add(lwm2m::Tree& tree, const Path& path, lwm2m::Value value, bool multiple) {
  if (tree.objects.empty() || tree.objects.back().id != path.object()) tree.objects.push_back({path.object(), {}});
  auto& instances = tree.objects.back().instances;
  if (instances.empty() || instances.back().id != path.instance()) instances.push_back({path.instance(), {}});
  lwm2m::ResourceNode node = lwm2m::ResourceNode::single(path.resource(), std::move(value));
  node.multiple = multiple;
  instances.back().resources.push_back(std::move(node));
}

}  // namespace

lwm2m::Announcement Answers::announcement() const {
  lwm2m::Announcement announcement;
  announcement.objects = {{kServer, std::nullopt, {0}}, {kDevice, std::nullopt, {0}}};
  if (sensors_ == 0) return announcement;
  lwm2m::AnnouncedObject temperature{kTemperature, std::nullopt, {}};
  for (std::uint32_t i = 0; i < sensors_; ++i) temperature.instances.push_back(static_cast<lwm2m::InstanceId>(i));
  announcement.objects.push_back(std::move(temperature));
  return announcement;
}

std::vector<Answers::Entry> Answers::entries(const Path& path, const Readings& readings) const {
  std::vector<Entry> found;
  const auto offer = [&](Path at, lwm2m::Value value, bool multiple = false) {
    const bool wanted = path.contains(at) || (path.is_resource_instance() && multiple && path == at.child(0));
    if (wanted) found.push_back({at, std::move(value), multiple});
  };
  offer(Path(kServer, 0, 0), std::int64_t{1});
  offer(kLifetime, std::int64_t{readings.lifetime});
  offer(Path(kServer, 0, 6), false);
  offer(Path(kServer, 0, 7), std::string("U"));
  offer(Path(kDevice, 0, 0), std::string("Drover"));
  offer(Path(kDevice, 0, 1), std::string("swarm"));
  offer(Path(kDevice, 0, 2), std::to_string(readings.number));
  offer(Path(kDevice, 0, 3), std::string("1.0"));
  offer(Path(kDevice, 0, 11), std::int64_t{0}, true);
  offer(Path(kDevice, 0, 16), std::string("U"));
  for (std::uint32_t i = 0; i < sensors_; ++i) {
    const Path sensor(kTemperature, static_cast<lwm2m::InstanceId>(i));
    if (!path.contains(sensor) && !sensor.contains(path)) continue;
    // 20.0 to 29.9 in steps of 0.1: differs between devices and changes with each notification.
    const std::uint32_t tenths = (readings.number + i + readings.changes) % 100;
    offer(sensor.child(5700), 20.0 + static_cast<double>(tenths) / 10);
    offer(sensor.child(5701), std::string("Cel"));
  }
  return found;
}

bool Answers::exists(const Path& path) const {
  if (path == kUpdateTrigger || path == kReboot) return true;
  return !entries(path, {}).empty();
}

Outcome Answers::read(const Path& path, std::optional<lwm2m::FormatNumber> accept, const Readings& readings) const {
  if (path == kUpdateTrigger || path == kReboot) return plain(Status::MethodNotAllowed);
  const std::vector<Entry> found = entries(path, readings);
  if (found.empty()) return plain(Status::NotFound);
  lwm2m::FormatNumber number = lwm2m::format::kTlv;
  if (path.depth() >= 3 && (!found.front().multiple || path.is_resource_instance())) number = lwm2m::format::kText;
  if (accept) number = *accept;
  const auto format = lwm2m::format_of(number);
  if (!format || *format == lwm2m::Format::Link) return plain(Status::NotAcceptable);
  lwm2m::Tree tree;
  for (const Entry& entry : found) add(tree, entry.path, entry.value, entry.multiple);
  auto payload = lwm2m::content::encode(*format, path, tree);
  if (!payload) return plain(Status::NotAcceptable);
  Outcome outcome = plain(Status::Content);
  outcome.format = number;
  outcome.payload = std::move(*payload);
  return outcome;
}

Outcome Answers::discover(const Path& path) const {
  if (path.is_root() || path.is_resource_instance() || !exists(path)) return plain(Status::NotFound);
  std::string links = "<" + path.to_string() + ">";
  const auto list = [&](const Path& instance, const auto& resources) {
    if (path.is_object()) links += ",<" + instance.to_string() + ">";
    for (const lwm2m::ResourceId resource : resources) links += ",<" + instance.child(resource).to_string() + ">";
  };
  if (!path.is_resource() && path.object() == kServer) list(Path(kServer, 0), kServerResources);
  if (!path.is_resource() && path.object() == kDevice) list(Path(kDevice, 0), kDeviceResources);
  if (!path.is_resource() && path.object() == kTemperature) {
    for (std::uint32_t i = 0; i < sensors_; ++i) {
      const Path sensor(kTemperature, static_cast<lwm2m::InstanceId>(i));
      if (path.contains(sensor)) list(sensor, kTemperatureResources);
    }
  }
  Outcome outcome = plain(Status::Content);
  outcome.format = lwm2m::format::kLink;
  outcome.payload = to_bytes(links);
  return outcome;
}

Outcome Answers::write(const lwm2m::Write& write, Effects& effects) const {
  static const ServerDefinition definitions;
  if (!exists(write.path)) return plain(Status::NotFound);
  if (!write.path.contains(kLifetime)) return plain(Status::MethodNotAllowed);
  const auto format = lwm2m::format_of(write.format.value_or(lwm2m::format::kText));
  if (!format || *format == lwm2m::Format::Link) return plain(Status::UnsupportedFormat);
  const auto tree = lwm2m::content::decode(*format, write.path, write.payload, definitions);
  if (!tree) return plain(Status::BadRequest);
  const lwm2m::ResourceNode* node = tree->find(kServer, 0, kLifetime.resource());
  if (node == nullptr || node->instances.size() != 1) return plain(Status::BadRequest);
  const auto* seconds = std::get_if<std::int64_t>(&node->instances.front().value);
  if (seconds == nullptr || *seconds < 1 || *seconds > UINT32_MAX) return plain(Status::BadRequest);
  effects.lifetime = static_cast<std::uint32_t>(*seconds);
  effects.update = true;
  return plain(Status::Changed);
}

Outcome Answers::execute(const Path& path, Effects& effects) const {
  effects.update = path == kUpdateTrigger;
  effects.reboot = path == kReboot;
  if (effects.update || effects.reboot) return plain(Status::Changed);
  return plain(exists(path) ? Status::MethodNotAllowed : Status::NotFound);
}

Outcome Answers::answer(const lwm2m::Downlink& operation, const Readings& readings, Effects& effects) const {
  return std::visit(
      [&](const auto& asked) -> Outcome {
        using Asked = std::decay_t<decltype(asked)>;
        if constexpr (std::is_same_v<Asked, lwm2m::Read> || std::is_same_v<Asked, lwm2m::Observe> ||
                      std::is_same_v<Asked, lwm2m::CancelObservation>) {
          return read(asked.path, asked.accept, readings);
        } else if constexpr (std::is_same_v<Asked, lwm2m::Discover>) {
          return discover(asked.path);
        } else if constexpr (std::is_same_v<Asked, lwm2m::Write>) {
          return write(asked, effects);
        } else if constexpr (std::is_same_v<Asked, lwm2m::Execute>) {
          return execute(asked.path, effects);
        } else {
          // Attributes, new and deleted instances would be state of each device: --help says that there are none.
          return plain(exists(asked.path) ? Status::MethodNotAllowed : Status::NotFound);
        }
      },
      operation);
}

}  // namespace drover::swarm
