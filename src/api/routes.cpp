// SPDX-License-Identifier: Apache-2.0
#include "api/routes.hpp"

#include <algorithm>

#include "api/call.hpp"
#include "api/operation_call.hpp"

namespace drover::api {

namespace {

constexpr std::optional<Role> kEverybody = std::nullopt;

std::optional<PathParts> match(std::string_view pattern, const std::vector<std::string>& segments) {
  PathParts parts;
  std::size_t at = 0;
  pattern.remove_prefix(1);
  while (true) {
    const std::size_t slash = pattern.find('/');
    const std::string_view part = pattern.substr(0, slash);
    if (at == segments.size()) return std::nullopt;
    if (part == "{path}") {
      for (; at < segments.size(); ++at) parts.rest += (parts.rest.empty() ? "" : "/") + segments[at];
      return parts;
    }
    if (part == "{endpoint}") {
      if (segments[at].empty()) return std::nullopt;
      parts.endpoint = segments[at];
    } else if (part == "{id}") {
      parts.rest = segments[at];
    } else if (part != segments[at]) {
      return std::nullopt;
    }
    ++at;
    if (slash == std::string_view::npos) return at == segments.size() ? std::optional(parts) : std::nullopt;
    pattern.remove_prefix(slash + 1);
  }
}

/// With those that every operation takes.
std::vector<std::string_view> of_operation(std::vector<std::string_view> parameters) {
  parameters.insert(parameters.end(), kOperationParameters.begin(), kOperationParameters.end());
  return parameters;
}

std::vector<std::string_view> of_history(std::vector<std::string_view> parameters) {
  parameters.insert(parameters.end(), {"from", "to", "limit", "order", "every", "after", "format"});
  return parameters;
}

std::vector<Route> firmware_routes() {
  return {
      {"GET", "/api/v1/images", Role::Read, {}, list_images},
      {"GET", "/api/v1/images/{id}", Role::Read, {}, get_image},
      // A firmware may hold what not everybody who sees the fleet is to have.
      {"GET", "/api/v1/images/{id}/content", Role::Operate, {}, get_image_content},
      {"PUT", "/api/v1/images/{id}", Role::Operate, {"version"}, put_image},
      {"DELETE", "/api/v1/images/{id}", Role::Operate, {}, remove_image},
      {"GET", "/api/v1/campaigns", Role::Read, {"before", "limit"}, list_campaigns},
      {"POST", "/api/v1/campaigns", Role::Operate, {}, create_campaign},
      {"GET", "/api/v1/campaigns/{id}", Role::Read, {}, get_campaign},
      {"GET", "/api/v1/campaigns/{id}/devices", Role::Read, {"state", "after", "limit"}, list_campaign_devices},
      {"POST", "/api/v1/campaigns/{id}/pause", Role::Operate, {}, pause_campaign},
      {"POST", "/api/v1/campaigns/{id}/resume", Role::Operate, {}, resume_campaign},
      {"POST", "/api/v1/campaigns/{id}/cancel", Role::Operate, {"reset"}, cancel_campaign},
      {"POST", "/api/v1/campaigns/{id}/retry", Role::Operate, {}, retry_campaign},
      {"DELETE", "/api/v1/campaigns/{id}", Role::Operate, {}, remove_campaign},
  };
}

std::vector<Route> value_routes() {
  return {
      {"GET", "/api/v1/devices/{endpoint}/values", Role::Read, {"after", "limit"}, list_values},
      {"DELETE", "/api/v1/devices/{endpoint}/values", Role::Operate, {}, forget_values},
      {"GET", "/api/v1/devices/{endpoint}/values/{path}", Role::Read, {"after", "limit"}, get_values},
      {"GET", "/api/v1/devices/{endpoint}/history", Role::Read, of_history({}), get_history},
      {"GET", "/api/v1/devices/{endpoint}/history/{path}", Role::Read, of_history({}), get_history},
      {"GET", "/api/v1/history", Role::Read, of_history({"endpoint", "path"}), get_all_history},
  };
}

/// Who may do what, and what devices prove themselves with.
std::vector<Route> access_routes() {
  return {
      {"GET", "/api/v1/audit", Role::Admin, {"who", "path", "from", "to", "order", "after", "limit"}, list_audit},
      {"GET", "/api/v1/session", Role::Read, {}, get_caller},
      {"GET", "/api/v1/tokens", Role::Admin, {}, list_tokens},
      {"POST", "/api/v1/tokens", Role::Admin, {}, add_token},
      {"DELETE", "/api/v1/tokens/{id}", Role::Admin, {}, remove_token},
      {"GET", "/api/v1/credentials", Role::Admin, {"purpose", "kind", "endpoint", "after", "limit"}, list_credentials},
      {"POST", "/api/v1/credentials", Role::Admin, {}, add_credential},
      {"POST", "/api/v1/credentials/import", Role::Admin, {"partial"}, import_credentials},
      {"GET", "/api/v1/credentials/{id}", Role::Admin, {}, get_credential},
      {"PATCH", "/api/v1/credentials/{id}", Role::Admin, {}, change_credential},
      {"DELETE", "/api/v1/credentials/{id}", Role::Admin, {}, remove_credential},
      {"POST", "/api/v1/credentials/{id}/rotate", Role::Admin, {}, rotate_credential},
      // Everything that the server has, its secrets sealed.
      {"GET", "/api/v1/backup", Role::Admin, {}, get_backup},
      {"POST", "/api/v1/backup", Role::Admin, {}, make_backup},
      {"DELETE", "/api/v1/backup", Role::Admin, {}, remove_backup},
      {"GET", "/api/v1/backup/files/{id}", Role::Admin, {}, get_backup_file},
      {"GET", "/api/v1/sms", Role::Read, {}, get_sms},
      {"GET", "/api/v1/sms/numbers", Role::Admin, {"endpoint", "after", "limit"}, list_numbers},
      {"POST", "/api/v1/sms/numbers", Role::Admin, {}, add_number},
      {"GET", "/api/v1/sms/numbers/{id}", Role::Admin, {}, get_number},
      {"PATCH", "/api/v1/sms/numbers/{id}", Role::Admin, {}, change_number},
      {"DELETE", "/api/v1/sms/numbers/{id}", Role::Admin, {}, remove_number},
  };
}

std::vector<Route> bootstrap_routes() {
  return {
      {"GET", "/api/v1/bootstrap/plans", Role::Admin, {}, list_plans},
      {"GET", "/api/v1/bootstrap/plans/{id}", Role::Admin, {}, get_plan},
      {"PUT", "/api/v1/bootstrap/plans/{id}", Role::Admin, {}, put_plan},
      {"DELETE", "/api/v1/bootstrap/plans/{id}", Role::Admin, {}, remove_plan},
      {"POST", "/api/v1/bootstrap/validate", Role::Admin, {}, validate_plan},
      {"POST", "/api/v1/bootstrap/dry-run", Role::Admin, {}, dry_run_plan},
      {"GET", "/api/v1/bootstrap/sessions", Role::Read, {"endpoint", "before", "limit"}, list_sessions},
      {"POST", "/api/v1/bootstrap/sessions", Role::Operate, {"timeout"}, start_session},
      {"GET", "/api/v1/bootstrap/sessions/{id}", Role::Read, {}, get_session},
      {"DELETE", "/api/v1/bootstrap/sessions/{id}", Role::Operate, {}, end_session},
  };
}

std::vector<Route> device_routes() {
  // Read and Discover are for `read`, although a device is asked: who may see a device expects to see its values, and
  // nothing changes by it. What stays (an observation, an attribute) is for `operate`.
  return {
      {"GET", "/healthz", kEverybody, {}, get_health},
      {"GET", "/readyz", kEverybody, {}, get_ready},
      {"GET", kMetricsPath, Role::Read, {}, get_metrics},
      {"GET", "/openapi.json", kEverybody, {}, get_openapi},
      {"GET", "/api/v1/status", Role::Read, {}, get_status},
      {"GET", "/api/v1/objects", Role::Read, {}, list_objects},
      {"POST", "/api/v1/objects", Role::Admin, {}, add_objects},
      {"GET", "/api/v1/objects/{id}", Role::Read, {"version"}, get_object},
      {"DELETE", "/api/v1/objects/{id}", Role::Admin, {"version"}, remove_object},
      {"GET",
       "/api/v1/devices",
       Role::Read,
       {"search", "after", "limit", "name", "tag", "manufacturer", "model", "version", "object", "seen_after",
        "seen_before"},
       list_devices},
      {"GET", "/api/v1/devices/{endpoint}", Role::Read, {}, get_device},
      {"GET", "/api/v1/devices/{endpoint}/resources/{path}", Role::Read, of_operation({"accept"}), read},
      {"PUT", "/api/v1/devices/{endpoint}/resources/{path}", Role::Operate, of_operation({"format"}), write_replace},
      {"PATCH", "/api/v1/devices/{endpoint}/resources/{path}", Role::Operate, of_operation({"format"}), write_update},
      {"POST", "/api/v1/devices/{endpoint}/resources/{path}", Role::Operate, of_operation({"format"}), create},
      {"DELETE", "/api/v1/devices/{endpoint}/resources/{path}", Role::Operate, of_operation({}), remove},
      {"POST", "/api/v1/devices/{endpoint}/execute/{path}", Role::Operate, of_operation({}), execute},
      {"GET", "/api/v1/devices/{endpoint}/discover/{path}", Role::Read, of_operation({}), discover},
      {"PUT",
       "/api/v1/devices/{endpoint}/attributes/{path}",
       Role::Operate,
       of_operation({"pmin", "pmax", "gt", "lt", "st", "epmin", "epmax", "edge", "con"}),
       write_attributes},
      {"GET", "/api/v1/devices/{endpoint}/observations", Role::Read, {}, list_observations},
      {"PUT", "/api/v1/devices/{endpoint}/observations/{path}", Role::Operate, of_operation({"accept"}), observe},
      {"DELETE",
       "/api/v1/devices/{endpoint}/observations/{path}",
       Role::Operate,
       of_operation({"mode"}),
       cancel_observation},
      {"GET", "/api/v1/devices/{endpoint}/operations", Role::Read, {"state", "limit"}, list_operations},
      {"GET", "/api/v1/devices/{endpoint}/operations/{id}", Role::Read, {}, get_operation},
      {"DELETE", "/api/v1/devices/{endpoint}/operations/{id}", Role::Operate, {}, cancel_operation},
      {"GET", "/api/v1/devices/{endpoint}/trace", Role::Operate, {"after", "limit"}, get_trace},
      {"PUT", "/api/v1/devices/{endpoint}/trace", Role::Operate, {}, start_trace},
      {"DELETE", "/api/v1/devices/{endpoint}/trace", Role::Operate, {}, stop_trace},
      {"GET", "/api/v1/events", Role::Read, {"last_event_id", "endpoint", "kind"}, open_events},
      {"GET", "/api/v1/sinks", Role::Read, {}, list_sinks},
      {"GET", "/api/v1/sinks/{id}", Role::Read, {}, get_sink},
      {"POST", "/api/v1/sinks/{id}/test", Role::Admin, {}, test_sink},
  };
}

/// Work on many devices.
std::vector<Route> job_routes() {
  return {
      {"GET",
       "/api/v1/operations",
       Role::Read,
       {"state", "endpoint", "asked_by", "after", "limit"},
       list_all_operations},
      {"GET", "/api/v1/devices/{endpoint}/tags", Role::Read, {}, get_tags},
      {"PUT", "/api/v1/devices/{endpoint}/tags", Role::Operate, {"keep"}, put_tags},
      {"DELETE", "/api/v1/devices/{endpoint}/tags", Role::Operate, {"tag"}, remove_tags},
      {"GET", "/api/v1/tags", Role::Read, {}, list_tags},
      {"GET", "/api/v1/bulk", Role::Read, {}, list_bulks},
      {"POST", "/api/v1/bulk", Role::Operate, {}, add_bulk},
      {"GET", "/api/v1/bulk/{id}", Role::Read, {}, get_bulk},
      {"DELETE", "/api/v1/bulk/{id}", Role::Operate, {}, remove_bulk},
      {"GET", "/api/v1/bulk/{id}/devices", Role::Read, {"state", "after", "limit"}, list_bulk_devices},
      {"POST", "/api/v1/bulk/{id}/pause", Role::Operate, {}, pause_bulk},
      {"POST", "/api/v1/bulk/{id}/resume", Role::Operate, {}, resume_bulk},
      {"POST", "/api/v1/bulk/{id}/cancel", Role::Operate, {}, cancel_bulk},
      {"POST", "/api/v1/bulk/{id}/retry", Role::Operate, {}, retry_bulk},
      // Rules hold what is written to devices, and act on devices to come without anybody there.
      {"GET", "/api/v1/rules", Role::Operate, {}, list_rules},
      {"GET", "/api/v1/rules/{id}", Role::Operate, {}, get_rule},
      {"PUT", "/api/v1/rules/{id}", Role::Admin, {}, put_rule},
      {"DELETE", "/api/v1/rules/{id}", Role::Admin, {}, remove_rule},
      {"GET", "/api/v1/rules/{id}/devices", Role::Read, {"state", "after", "limit"}, list_rule_devices},
  };
}

/// The web console's files: no part of the API, and without a secret, so a browser may have them before its user logs in.
std::vector<Route> console_routes() {
  return {
      {"GET", "/", kEverybody, {}, get_console},
      {"GET", "/favicon.svg", kEverybody, {}, get_console},
      {"GET", "/assets/{id}", kEverybody, {}, get_console},
  };
}

std::ptrdiff_t variables(const Route& route) {
  return std::ranges::count(route.path, '{');
}

/// Those with fewer variable parts first: credentials/import is no credential "import", whatever the method.
std::vector<Route> joined(const std::vector<std::vector<Route>>& parts) {
  std::vector<Route> all;
  for (const std::vector<Route>& part : parts) all.insert(all.end(), part.begin(), part.end());
  std::ranges::stable_sort(all, {}, variables);
  return all;
}

}  // namespace

const std::vector<Route>& route_table() {
  static const std::vector<Route> kRoutes =
      joined({device_routes(), value_routes(), job_routes(), firmware_routes(), access_routes(), bootstrap_routes()});
  return kRoutes;
}

RouteMatch find_route(std::string_view method, const Target& target) {
  static const std::vector<Route> kAll = joined({route_table(), console_routes()});
  RouteMatch found;
  const Route* first = nullptr;
  for (const Route& route : kAll) {
    if (first != nullptr && route.path != first->path) continue;
    auto parts = match(route.path, target.segments);
    if (!parts) continue;
    if (route.method == method) return {&route, std::move(*parts), {}};
    first = &route;
    found.allowed += (found.allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  return found;
}

}  // namespace drover::api
