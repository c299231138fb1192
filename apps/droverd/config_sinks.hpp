// SPDX-License-Identifier: Apache-2.0
// The sections [[sink]] of the configuration file. For config*.cpp alone.
#pragma once

#include <vector>

#include "config.hpp"
#include "config_reader.hpp"

namespace drover::droverd {

/// A list of tables, each checked by itself and for a name that no other has.
Setter sink_sections(std::vector<SinkConfig>& sinks);

}  // namespace drover::droverd
