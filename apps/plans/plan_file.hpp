// SPDX-License-Identifier: Apache-2.0
// Plans of a Bootstrap-Server from files (docs/bootstrap.md).
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace drover::plans {

/// The plan as JSON: what ends in .toml is TOML, what ends in .json and standard input ("-") is JSON, passed on as it is.
/// Errors name the file, in TOML with the line, and nothing of its values.
Result<Secret<std::string>> read_plan_file(const std::string& file);
/// TOML 1.0 as the JSON of the same meaning. Refused: dates and times, numbers that aren't finite. `file` is for errors.
Result<Secret<std::string>> plan_from_toml(std::string_view text, const std::string& file);
/// The plan's own name, "" when it isn't to be found.
std::string name_of_plan(const Secret<std::string>& json);

}  // namespace drover::plans
