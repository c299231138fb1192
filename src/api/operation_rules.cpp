// SPDX-License-Identifier: Apache-2.0
#include "api/operation_rules.hpp"

#include <algorithm>
#include <string>

namespace drover::api {

namespace {

constexpr std::size_t kAttributeMax = 64;  ///< bytes of a value: a float's longest form is 24

}  // namespace

tl::expected<lwm2m::Path, Problem> operation_path(std::string_view text, const char* operation, int depth_min,
                                                  int depth_max) {
  static constexpr const char* kLevels[] = {"root", "object", "object instance", "resource", "resource instance"};
  const auto path = lwm2m::Path::parse(text);
  if (!path || path->is_root()) {
    return tl::unexpected(
        Problem{.kind = "bad-path", .detail = "\"" + std::string(text) + "\" is no path such as 3/0/1"});
  }
  if (path->depth() < depth_min || path->depth() > depth_max) {
    std::string detail = std::string(operation) + " takes the path of an " + kLevels[depth_min];
    if (depth_max > depth_min) detail += std::string(" down to a ") + kLevels[depth_max];
    return tl::unexpected(Problem{.kind = "bad-path", .detail = detail + ", not of a " + kLevels[path->depth()]});
  }
  return *path;
}

bool is_attribute_value(std::string_view name, std::string_view value) {
  if (value.size() > kAttributeMax) return false;
  const bool decimal = name == "gt" || name == "lt" || name == "st";
  if (decimal && (value.front() == '-' || value.front() == '+')) value.remove_prefix(1);
  const auto digits = [&] {
    const std::size_t end = std::min(value.find_first_not_of("0123456789"), value.size());
    value.remove_prefix(end);
    return end > 0;
  };
  if (!digits()) return false;
  if (decimal && value.starts_with('.')) {
    value.remove_prefix(1);
    if (!digits()) return false;
  }
  return value.empty();
}

tl::expected<Accept, Problem> parse_accept(std::optional<std::string_view> text) {
  if (!text) return Accept{};
  if (*text == "none") return Accept{std::nullopt, true};
  if (const auto number = lwm2m::parse_format(*text)) return Accept{number, false};
  return tl::unexpected(Problem{.kind = "bad-parameter",
                                .detail = "accept must be tlv, json, text, opaque, link, a number or none",
                                .parameter = "accept"});
}

}  // namespace drover::api
