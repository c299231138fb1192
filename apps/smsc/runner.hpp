// SPDX-License-Identifier: Apache-2.0
// Sockets, pseudo terminals and standard input around a Network.
#pragma once

#include "base/result.hpp"
#include "config.hpp"

namespace drover::smsc {

/// Until SIGTERM or SIGINT. Errors: the system is in the way (ports, paths).
Result<void> run(const Config& config);

}  // namespace drover::smsc
