// SPDX-License-Identifier: Apache-2.0
// Values as they are typed on the command line, and as the API wants them.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::cli {

/// What the command line needs to know of a resource. Type as in a DDF file; "" when nobody knows.
struct ResourceType {
  std::string type;
  bool multiple = false;
};
using TypeOf = std::function<std::optional<ResourceType>(lwm2m::ResourceId)>;

/// One value: Integer decimal, Float, Boolean true, false, 1 or 0, Time Unix seconds or 2026-01-31T12:00:00Z, Opaque
/// Base64, hex:00ff or @FILE, Objlnk 3:0, String as it is. Without a type: a number, true, false, else a String.
Result<nlohmann::json> parse_value(const std::string& type, const std::string& text);

/// The arguments of a write to `path` as its JSON value: one VALUE for a single resource or a resource instance,
/// INSTANCE=VALUE for a multiple one, RESOURCE=VALUE or RESOURCE/INSTANCE=VALUE for an object instance.
Result<nlohmann::json> parse_assignments(const lwm2m::Path& path, const std::vector<std::string>& arguments,
                                         const TypeOf& type_of);

/// Whole file; an Error that names it.
Result<std::string> read_file(const std::string& name);

/// Standard alphabet with padding (RFC 4648 §4).
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

}  // namespace drover::cli
