// SPDX-License-Identifier: Apache-2.0
// The text of a token, which its holder has, and what the server keeps of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "store/token_table.hpp"

namespace drover::api {

using store::Role;

const char* to_string(Role role);  ///< "read", "operate", "admin"
std::optional<Role> parse_role(std::string_view text);

inline constexpr std::string_view kTokenPrefix = "drover_";  ///< so that scanners for leaked secrets know it
inline constexpr std::size_t kTokenRandomBytes = 32;
/// The prefix, and the random bytes in base64url without padding (RFC 4648 §5).
inline constexpr std::size_t kTokenSize = 7 + 43;

/// From the system's random source by way of libcrypto. Fault::Environment when that has none to give.
Result<Secret<std::string>> make_token();

/// True for what has the length and the characters of one.
bool is_token(std::string_view text);

/// SHA-256 of the whole text. A slow hash would be for passwords: nobody guesses 256 random bits.
store::TokenHash hash_of(std::string_view token);

/// Takes the same time wherever they differ.
bool same_hash(const store::TokenHash& a, const store::TokenHash& b);

}  // namespace drover::api
