// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace drover::api {

/// The text of docs/openapi.json, compiled in.
const char* openapi_json();

}  // namespace drover::api
