// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "transport/datagram.hpp"

namespace drover::io {

/// Addresses of a name or literal, in the system's order of preference (getaddrinfo(3)); blocks. Errors name the host.
Result<std::vector<transport::PeerAddress>> resolve(const std::string& host, std::uint16_t port);

}  // namespace drover::io
