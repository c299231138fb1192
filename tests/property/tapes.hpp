// SPDX-License-Identifier: Apache-2.0
// RapidCheck's part: it makes the tapes, tries several hundred, and looks for the shortest that fails.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/property/choices.hpp"
#include "tests/property/model.hpp"

namespace drover::property {

using Property = std::function<void(const Tape& setup, const std::vector<Tape>& steps)>;

/// Holds `property`, which reports with RC_FAIL, against generated tapes. Prints what fails and how to repeat it.
bool check_tapes(const std::string& name, const Property& property);

/// Says how an answer differs from what was expected.
std::optional<std::string> difference(const Expected& expected, const lwm2m::Outcome& outcome);
std::optional<std::string> difference(const std::set<std::string>& expected, const std::set<std::string>& actual);

}  // namespace drover::property
