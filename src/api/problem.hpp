// SPDX-License-Identifier: Apache-2.0
// Errors as problem details (RFC 9457).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.hpp"
#include "lwm2m/operation/operation.hpp"
#include "server/fleet.hpp"

namespace drover::api {

/// One of the rows of a table that are wrong.
struct ProblemLine {
  std::size_t line = 0;
  std::string detail;
};

/// One problem; the members are those of `Problem` in docs/openapi.json, "" where absent.
struct Problem {
  unsigned status = 400;
  std::string_view kind;  ///< "bad-value": the end of urn:drover:problem:KIND
  std::string detail;
  std::string pointer{};
  std::string parameter{};
  std::string coap_code{};
  std::string coap_reason{};
  std::string payload{};  ///< Base64
  std::string no_answer{};
  std::vector<ProblemLine> lines{};
};

nlohmann::ordered_json to_json(const Problem& problem);
http::Response to_response(const Problem& problem);

/// A device's error answer. The status mirrors its code: see `Problem` in docs/openapi.json. `hint` says what to do.
Problem device_problem(const lwm2m::Outcome& outcome, std::string_view hint = {});
Problem no_answer_problem(server::NoAnswer why, const std::string& endpoint);

/// The reason's name in `no_answer`: "timeout", "queue-full".
std::string_view name_of(server::NoAnswer why);

/// "2.05" and "Content" of an outcome: its wire code when mapping filled it in, else its status'.
std::string code_of(const lwm2m::Outcome& outcome);
std::string status_of(const lwm2m::Outcome& outcome);

}  // namespace drover::api
