// SPDX-License-Identifier: Apache-2.0
// Bodies of the SMS routes, made what the store takes, and back: see docs/openapi.json. For api/ alone.
#pragma once

#include "api/call.hpp"
#include "api/members.hpp"
#include "store/sms_account.hpp"

namespace drover::api {

tl::expected<Asked<store::NewSmsAccount>, Problem> new_number_body(const http::Request& request);
tl::expected<store::SmsAccountChange, Problem> number_change_body(const http::Request& request);

/// `SmsStatus` of docs/openapi.json.
Json to_json(const SmsView& view);
/// `SmsNumber`.
Json to_json(const store::SmsAccount& account, const store::SmsCounters& counters);
Problem number_problem(const store::Refusal& refusal);

}  // namespace drover::api
