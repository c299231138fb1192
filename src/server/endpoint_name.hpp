// SPDX-License-Identifier: Apache-2.0
// Endpoint client names: the schemes of Core §6.3.1, and patterns over names.
#pragma once

#include <string_view>

#include "base/glob.hpp"

namespace drover::server {

/// The scheme that a name has the form of (Core §6.3.1): "uuid" (urn:uuid:8-4-4-4-12 hex digits), "ops"
/// (urn:dev:ops:OUI-class-serial), "os" (urn:dev:os:OUI-serial), "imei" (15 digits), "esn" (8 hex digits), "meid" (14
/// hex digits), "imei-msisdn" (15 digits, '-', 15 digits), "other" for everything else. A static text. "urn" and the
/// scheme are compared without regard to case (RFC 8141 §3.1). The OUI may be any letters and digits, not six hex
/// digits only: private enterprise numbers are in use.
const char* endpoint_scheme(std::string_view endpoint);

/// True for non-empty UTF-8 without control characters: what can be shown, stored and searched.
bool is_endpoint_text(std::string_view endpoint);

using drover::matches_glob;

/// True when `part` occurs in `text`; ASCII letters are compared without regard to case.
bool contains_ignoring_case(std::string_view text, std::string_view part);

}  // namespace drover::server
