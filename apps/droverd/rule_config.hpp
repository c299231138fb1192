// SPDX-License-Identifier: Apache-2.0
// Rules of the configuration file: [[rule]].
#pragma once

#include <vector>

#include "config.hpp"
#include "jobs/forms.hpp"
#include "jobs/rule.hpp"

namespace drover::droverd {

/// "FILE:LINE: reason" for one that is wrong. `forms` knows the object definitions.
Result<std::vector<jobs::Rule>> read_rules(const Config& config, const jobs::Forms& forms);

}  // namespace drover::droverd
