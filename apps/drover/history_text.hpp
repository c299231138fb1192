// SPDX-License-Identifier: Apache-2.0
// Stored values as people see them, and the moments that they type.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "apps/drover/print.hpp"

namespace drover::cli {

/// "2h" ago as Unix seconds; anything else as it is, for the server to judge.
std::string moment_of(const std::string& text, std::int64_t now);
/// "5m" or "300" in seconds; nothing for what is neither.
std::optional<std::int64_t> every_of(const std::string& text);
/// "2026-01-31 12:00:00.125"; whole seconds without the fraction.
std::string exact_time_text(double unix_seconds);

std::string values_text(const nlohmann::json& values, std::int64_t now, const NameOf& name_of);
/// `several`: with the endpoint in each row.
std::string history_text(const nlohmann::json& values, bool several);
std::string buckets_text(const nlohmann::json& buckets, bool several);

}  // namespace drover::cli
