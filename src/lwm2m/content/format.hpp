// SPDX-License-Identifier: Apache-2.0
// Content formats of Core §6.4 and the provisional numbers of the drafts.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace drover::lwm2m {

/// What a payload is, whatever number it travels under.
enum class Format : std::uint8_t { Text, Link, Opaque, Tlv, Json };

/// A CoAP content-format number.
using FormatNumber = std::uint16_t;

namespace format {
inline constexpr FormatNumber kText = 0;
inline constexpr FormatNumber kLink = 40;
inline constexpr FormatNumber kOpaque = 42;
inline constexpr FormatNumber kTlv = 11542;
inline constexpr FormatNumber kJson = 11543;
inline constexpr FormatNumber kDraftText = 1541;
inline constexpr FormatNumber kDraftTlv = 1542;
inline constexpr FormatNumber kDraftJson = 1543;
inline constexpr FormatNumber kDraftOpaque = 1544;
}  // namespace format

/// An open table: a number this build doesn't implement gives nothing.
std::optional<Format> format_of(FormatNumber number);
/// "text", "link", "opaque", "tlv", "json"; the numbers' names for people and for the API.
const char* to_string(Format format);
/// By name ("tlv") or number ("11542").
std::optional<FormatNumber> parse_format(std::string_view text);

}  // namespace drover::lwm2m
