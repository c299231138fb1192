// SPDX-License-Identifier: Apache-2.0
// What can be said of an operation's parts before its device is known. For api/ alone.
#pragma once

#include <optional>
#include <string_view>

#include "api/problem.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::api {

/// The path when its depth is one of those that the operation allows (Core §5.4, §5.5).
tl::expected<lwm2m::Path, Problem> operation_path(std::string_view text, const char* operation, int depth_min,
                                                  int depth_max);

/// gt, lt and st are decimal numbers, every other attribute is a whole number (Core §5.1.2; later versions, too).
/// `value` isn't empty.
bool is_attribute_value(std::string_view name, std::string_view value);

struct Accept {
  std::optional<lwm2m::FormatNumber> number;
  bool none = false;
};
/// "tlv", "none", a number; nothing for the default.
tl::expected<Accept, Problem> parse_accept(std::optional<std::string_view> text);

}  // namespace drover::api
