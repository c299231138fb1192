// SPDX-License-Identifier: Apache-2.0
// Keys as people give them.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.hpp"

namespace drover::store {

/// Hexadecimal digits, or "base64:" and Base64 (RFC 4648 §4). A prefix, because most of the one read as the other, too.
std::optional<Bytes> parse_key(std::string_view text);

}  // namespace drover::store
