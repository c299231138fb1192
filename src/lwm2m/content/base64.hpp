// SPDX-License-Identifier: Apache-2.0
// Base64 of RFC 4648 §4, as text and JSON carry Opaque values (Core Appendix C).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace drover::lwm2m::content {

/// With padding, without line breaks.
std::string to_base64(ByteView bytes);

/// The canonical form only: full padding, no foreign character, unused bits zero (RFC 4648 §3.3, §3.5). Nothing
/// otherwise.
std::optional<Bytes> from_base64(std::string_view text);

}  // namespace drover::lwm2m::content
