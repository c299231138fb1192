// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "transport/datagram.hpp"

namespace drover::sdk {

/// The own address that the system would send from to `peer`, without its port; nothing without a route. Sends nothing.
std::optional<transport::PeerAddress> local_address_towards(const transport::PeerAddress& peer);

}  // namespace drover::sdk
