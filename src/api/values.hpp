// SPDX-License-Identifier: Apache-2.0
// The object model's values as JSON, both ways: see `Value` in docs/openapi.json.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lwm2m/content/content.hpp"
#include "lwm2m/model/registry.hpp"
#include "lwm2m/operation/operation.hpp"

namespace drover::api {

using Json = nlohmann::ordered_json;

/// The definitions that fit one device: of the object versions it announced, 1.0 where it announced none.
class DeviceDefinitions final : public lwm2m::content::Definitions {
 public:
  explicit DeviceDefinitions(const lwm2m::model::Registry& registry) : registry_(registry) {}
  DeviceDefinitions(const lwm2m::model::Registry& registry, const lwm2m::Announcement& announcement);
  void add(lwm2m::ObjectId object, lwm2m::Version version) { versions_.emplace_back(object, version); }

  [[nodiscard]] const lwm2m::model::ObjectDefinition* find(lwm2m::ObjectId object) const override;

 private:
  const lwm2m::model::Registry& registry_;
  std::vector<std::pair<lwm2m::ObjectId, lwm2m::Version>> versions_;
};

Json to_json(const lwm2m::Value& value);

/// The LwM2M path of a link or location below the device's alternate path `root`; nothing for the root itself and for
/// what isn't a path.
std::optional<lwm2m::Path> path_below(std::string_view root, std::string_view target);

/// Adds what an answer or a notification says: format, payload, and value, type, linked, links or note. `root` is the
/// device's alternate path.
void add_payload(Json& to, const lwm2m::Path& path, const lwm2m::Outcome& outcome, const DeviceDefinitions& definitions,
                 const std::string& root);
/// Adds `times` when a JSON notification carries them (Core §6.4.4).
void add_times(Json& to, const lwm2m::Path& path, const lwm2m::Outcome& outcome, const DeviceDefinitions& definitions);

/// Why a JSON value doesn't fit.
struct ValueProblem {
  std::string pointer;  ///< RFC 6901, below the value
  std::string detail;
};

/// What is to be written to `path`, an object instance or deeper.
tl::expected<lwm2m::Tree, ValueProblem> to_tree(const Json& value, const lwm2m::Path& path,
                                                const DeviceDefinitions& definitions);
/// The resources of an instance that is to be created.
tl::expected<lwm2m::Tree, ValueProblem> to_new_instance(const Json& value, lwm2m::ObjectId object,
                                                        std::optional<lwm2m::InstanceId> instance,
                                                        const DeviceDefinitions& definitions);

}  // namespace drover::api
