// SPDX-License-Identifier: Apache-2.0
// Rules as JSON: what people send, what the configuration is made to, and what is kept.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "jobs/forms.hpp"
#include "jobs/rule.hpp"
#include "store/credential.hpp"

namespace drover::jobs {

/// `RuleBody` of docs/openapi.json; a step may also be a text such as "write /3/0/14 +01:00", see parse_step(). Refused
/// with the member's name as field.
store::Answer<Rule> parse_rule(const std::string& name, const nlohmann::ordered_json& json, const Forms& forms);
/// What parse_rule() reads, without the name.
nlohmann::ordered_json to_json(const Rule& rule);

/// "read PATH", "observe PATH", "discover PATH", "delete PATH", "execute PATH [ARGUMENTS]", "write PATH VALUE",
/// "create PATH VALUE", "write-attributes PATH NAME=NUMBER...": NAME= unsets one. A VALUE is JSON where it can be read
/// as such, else a text. As an OperationForm.
store::Answer<nlohmann::ordered_json> parse_step(const std::string& text);

}  // namespace drover::jobs
