// SPDX-License-Identifier: Apache-2.0
// The routing table: what there is, who may use it, what carries it out. For api/ alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/caller.hpp"
#include "api/target.hpp"

namespace drover::api {

struct Call;

struct Route {
  std::string_view method;
  std::string_view path;                     ///< as in docs/openapi.json
  std::optional<Role> role;                  ///< the least that may; nothing: everybody, also without a token
  std::vector<std::string_view> parameters;  ///< of the query
  void (*handle)(const std::shared_ptr<Call>&);
};

inline constexpr std::string_view kMetricsPath = "/metrics";

/// Those of the API. find_route() knows the console's, too.
const std::vector<Route>& route_table();

/// What the variable parts of a route's path stand for.
struct PathParts {
  std::string endpoint;  ///< of {endpoint}
  std::string rest;      ///< of {path}, which takes all that follow, or {id}
};

struct RouteMatch {
  const Route* route = nullptr;  ///< null when there is none
  PathParts parts;
  std::string allowed;  ///< "GET, PUT": methods of the path, when there is no route
};

RouteMatch find_route(std::string_view method, const Target& target);

}  // namespace drover::api
