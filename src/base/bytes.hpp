// SPDX-License-Identifier: Apache-2.0
// Owned and borrowed byte sequences, and the two conversions text needs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drover {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// Borrows the characters of `text` as bytes; valid as long as `text` is.
inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Borrows bytes as characters, without checking for UTF-8.
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes to_bytes(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

/// True when `text` is well-formed UTF-8 (RFC 3629): no overlong form, no surrogate, at most U+10FFFF.
bool is_utf8(std::string_view text);

/// Lower-case hexadecimal without separators.
std::string to_hex(ByteView bytes);
/// Both cases, no separators; nothing for an odd number of digits, and for anything else.
std::optional<Bytes> from_hex(std::string_view digits);

}  // namespace drover
