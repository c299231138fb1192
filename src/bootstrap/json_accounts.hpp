// SPDX-License-Identifier: Apache-2.0
// Accounts of a plan. For this folder alone.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bootstrap/json_fields.hpp"
#include "bootstrap/plan.hpp"
#include "lwm2m/model/registry.hpp"

namespace drover::bootstrap {

Account read_server_account(const nlohmann::json& value, const std::string& place,
                            const lwm2m::model::Registry& definitions, Problems& problems);
Account read_bootstrap_account(const nlohmann::json& value, const std::string& place, Problems& problems);

/// What accounts mustn't have in common: ids, instances, keys (Core §5.2.5). `places` are theirs.
void check_accounts(const std::vector<Account>& accounts, const std::vector<std::string>& places, Problems& problems);

}  // namespace drover::bootstrap
