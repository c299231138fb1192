// SPDX-License-Identifier: Apache-2.0
// An account as the Security instance that is written for it (Core E.1, E.1.1).
#pragma once

#include <string>

#include "base/secret.hpp"
#include "bootstrap/plan.hpp"
#include "lwm2m/data/node.hpp"
#include "security/credentials.hpp"

namespace drover::bootstrap {

/// The pre-shared key, or the private key.
const Secret<Bytes>& secret_key(const security::ClientCredential& keys);
/// /0/x/3: the identity, the device's public key, or its certificates in a row.
Bytes public_part(const security::ClientCredential& keys);
/// The kind fits the mode, and nothing is missing or too long. Errors name the resource, never its content.
Result<void> check_keys(SecurityMode mode, const security::ClientCredential& keys);

/// Resources of /0/x. `keys` isn't looked at in mode NoSec.
lwm2m::InstanceNode security_instance(const Account& account, lwm2m::InstanceId id, const std::string& uri,
                                      const security::ClientCredential* keys);

}  // namespace drover::bootstrap
