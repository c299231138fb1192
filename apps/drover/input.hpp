// SPDX-License-Identifier: Apache-2.0
// What goes into a request's body, and texts of an answer's JSON.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <tl/expected.hpp>

namespace drover::cli {

inline constexpr std::size_t kBodyMax = 2 << 20;  ///< the server's

/// A file's content of at most `most` bytes, or standard input's for "-". The error is for people, as the next one's.
tl::expected<std::string, std::string> read_input(const std::string& file, std::size_t most = kBodyMax);
/// The same without the ends of lines behind it, for a secret.
tl::expected<std::string, std::string> read_line(const std::string& file);

/// A member's text, printable; `otherwise` for what is none.
std::string text_or(const nlohmann::json& json, const char* name, const char* otherwise);
/// What isn't UTF-8 is replaced.
std::string dump(const nlohmann::json& json);

}  // namespace drover::cli
