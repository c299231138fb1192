// SPDX-License-Identifier: Apache-2.0
// What goes into a request's body, and texts of an answer's JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <tl/expected.hpp>

namespace drover::cli {

/// A file's content, or standard input's for "-". The error is for people, as the next one's.
tl::expected<std::string, std::string> read_input(const std::string& file);
/// The same without the ends of lines behind it, for a secret.
tl::expected<std::string, std::string> read_line(const std::string& file);

/// A member's text, printable; `otherwise` for what is none.
std::string text_or(const nlohmann::json& json, const char* name, const char* otherwise);
/// What isn't UTF-8 is replaced.
std::string dump(const nlohmann::json& json);

}  // namespace drover::cli
