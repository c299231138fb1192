// SPDX-License-Identifier: Apache-2.0
// The Bootstrap interface as CoAP (Transport "Bootstrap Interface", Tables 1 and 5).
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "coap/exchange/types.hpp"
#include "lwm2m/operation/bootstrap.hpp"

namespace drover::lwm2m::mapping {

// Bootstrap-Server: what arrives from a client, what goes to it.
/// 4.04 outside /bs, 4.05 for another method than POST, 4.00 for a doubled parameter or a `pct` that is no number.
Result<BootstrapRequest> to_bootstrap_request(const coap::Request& request);
coap::Request to_request(const BootstrapOperation& operation);

// Client: what arrives from a Bootstrap-Server, what goes to it. The interface doesn't know alternate paths.
/// 4.00 for a path or level that no operation has, 4.05 for a method.
Result<BootstrapOperation> to_bootstrap_operation(const coap::Request& request);
coap::Request to_request(const BootstrapRequest& request);

/// The answer to a Bootstrap-Discover. It begins with `lwm2m="1.0",`, which isn't RFC 6690; clients of 1.1 say it as a
/// parameter of the link </>. Both are taken. Links that are no object or instance, and values that are no number, are
/// passed over. Errors carry 4.00.
Result<BootstrapListing> parse_listing(std::string_view text);
/// Object links stand where they have a version or no instances.
std::string format_listing(const BootstrapListing& listing);

}  // namespace drover::lwm2m::mapping
