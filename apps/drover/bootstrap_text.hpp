// SPDX-License-Identifier: Apache-2.0
// The Bootstrap-Server's plans and sessions for people.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace drover::cli {

std::string plans_text(const nlohmann::json& plans);
std::string plan_text(const nlohmann::json& plan);
/// One paragraph a message: what it is, and a line for each value that it writes.
std::string dry_run_text(const nlohmann::json& answer);
std::string sessions_text(const nlohmann::json& sessions);
/// Who, which plan, how it stands, and what was written.
std::string session_text(const nlohmann::json& session);
/// A message as a rung: "+0.012 s  <- Bootstrap-Write /0/1  tlv, 87 bytes". `message` is of a timeline or an event.
std::string rung_text(const nlohmann::json& message, std::int64_t began_ms);
/// What a bootstrap event says behind time, kind and endpoint.
std::string bootstrap_event_text(const nlohmann::json& event);

}  // namespace drover::cli
