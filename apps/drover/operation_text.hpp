// SPDX-License-Identifier: Apache-2.0
// Operations as people see them.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/drover/print.hpp"

namespace drover::cli {

/// "queued as 17 behind 2 others; expected by ...": what will happen to an operation, one line.
std::string queued_text(const nlohmann::json& operation);
/// `of_all` devices: with whom they are for and who asked.
std::string operations_text(const nlohmann::json& operations, std::int64_t now, bool of_all = false);
/// One with its answer, or the problem in its place.
std::string operation_text(const nlohmann::json& operation, std::int64_t now, const NameOf& name_of);
/// What an event of kind `operation` says, behind the device's name.
std::string operation_event_text(const nlohmann::json& event);

}  // namespace drover::cli
