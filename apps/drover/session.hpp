// SPDX-License-Identifier: Apache-2.0
// What the commands share: paths of the API, printing an answer or a problem, object definitions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "apps/drover/commands.hpp"
#include "apps/drover/print.hpp"
#include "apps/drover/values.hpp"

namespace drover::cli {

/// "/api/v1/devices/ENDPOINT", and behind it "/WHAT/3/0/7".
std::string device_url(const std::string& endpoint);
std::string device_url(const std::string& endpoint, const char* what, const lwm2m::Path& path);

/// The timeout every operation carries.
Query operation_query(const Session& session);

/// Prints what went wrong and gives the exit status for it.
int fail(const Session& session, const Reply& reply);
int usage_error(const std::string& reason);

/// The JSON of a successful reply through `text`, or as it came; the exit status.
int finish(const Session& session, const Reply& reply, const std::function<std::string(const nlohmann::json&)>& text);

void print(const std::string& text);
/// The JSON as one line.
void print_line(const std::string& json);

/// Resources by the server's object definitions, each asked for once.
class Definitions {
 public:
  explicit Definitions(ApiClient& api) : api_(api) {}
  /// Of an object in a version; "" for 1.0.
  std::optional<ResourceType> type(lwm2m::ObjectId object, const std::string& version, lwm2m::ResourceId resource);
  std::string name(const lwm2m::Path& path);

 private:
  struct Resource {
    ResourceType type;
    std::string name;
  };
  const std::map<lwm2m::ResourceId, Resource>& resources(lwm2m::ObjectId object, const std::string& version);
  ApiClient& api_;
  std::map<std::pair<lwm2m::ObjectId, std::string>, std::map<lwm2m::ResourceId, Resource>> known_;
};

}  // namespace drover::cli
