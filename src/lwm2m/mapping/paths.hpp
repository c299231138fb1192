// SPDX-License-Identifier: Apache-2.0
// Paths as Uri-Path options. Internal to mapping.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "coap/message/options.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::lwm2m::mapping {

/// Undoes %XX, as a URI becomes options (RFC 7252 §6.4); an incomplete escape stays as it is.
std::string percent_decode(std::string_view text);

/// Adds `root` ("" or "/lwm2m", in URI form) and the ids of `path` as Uri-Path options.
void add_path(coap::Options& options, std::string_view root, const Path& path);

/// The path below `root` that the Uri-Path options name. Nothing outside `root`, for a segment that isn't an id, or
/// past the fourth level. Works segment by segment: an option "3/0" is one strange segment, not two ids.
std::optional<Path> read_path(const coap::Options& options, std::string_view root);

}  // namespace drover::lwm2m::mapping
