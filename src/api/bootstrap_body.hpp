// SPDX-License-Identifier: Apache-2.0
// Bodies of the bootstrap routes: see docs/openapi.json. No problem repeats what may be a key. For api/ alone.
#pragma once

#include "api/call.hpp"
#include "base/secret.hpp"

namespace drover::api {

/// The text of a plan; the call has it no more. One without a name gets `name`, unless that is "".
tl::expected<Secret<std::string>, Problem> plan_body(Call& call, const std::string& name = {});

struct DryRunBody {
  std::string endpoint;
  std::string plan_name;             ///< "" for none
  Secret<std::string> plan;          ///< JSON, "" for none
  std::optional<lwm2m::FormatNumber> format{};
};
tl::expected<DryRunBody, Problem> dry_run_body(Call& call);

struct StartBody {
  std::string endpoint;
  std::string uri;                                    ///< "" to ask the registered device
  std::optional<lwm2m::InstanceId> server_instance{};
};
tl::expected<StartBody, Problem> start_body(const Call& call);

/// A sentence that begins with the place of a mistake, "servers[1].uri: ...", as a problem. `below` is the pointer to the
/// plan in the body.
Problem plan_problem(const std::string& reason, const std::string& below = {});

}  // namespace drover::api
