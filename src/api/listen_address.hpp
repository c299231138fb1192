// SPDX-License-Identifier: Apache-2.0
// Where the API may be served.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace drover::api {

struct ListenAddress {
  std::string host;  ///< an IP address without brackets
  std::uint16_t port = 0;
};

/// "127.0.0.1:8080", "[::1]:8080" or "localhost:8080"; port 0 is a free one. Fault::Us, and how to mend it, for any
/// other form and for hosts that aren't loopback: the API has no authentication yet.
Result<ListenAddress> parse_listen_address(const std::string& text);

}  // namespace drover::api
