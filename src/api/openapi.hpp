// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace drover::api {

/// The text of docs/openapi.json, compiled in.
std::string openapi_json();

}  // namespace drover::api
