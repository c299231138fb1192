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

std::string operation_url(const std::string& endpoint, const std::string& id);

/// "90s", "30m", "12h", "30d" in seconds.
std::optional<std::int64_t> span_of(const std::string& text);

/// What every operation carries: the timeout, and OperationOptions.
Query operation_query(const Session& session);

/// Prints what went wrong and gives the exit status for it.
int fail(const Session& session, const Reply& reply);
int usage_error(const std::string& reason);

/// The JSON of a successful reply through `text`, or as it came; the exit status.
int finish(const Session& session, const Reply& reply, const std::function<std::string(const nlohmann::json&)>& text);

inline constexpr int kAccepted = 202;  ///< HTTP status of an operation that waits

/// The same for an operation, which may be queued: then says what will happen.
int finish_operation(const Session& session, const Reply& reply,
                     const std::function<std::string(const nlohmann::json&)>& text);

/// For a problem of the API, and the HTTP status that it came with.
int exit_status_of(const nlohmann::json& problem, int http_status);

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
