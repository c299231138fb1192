// SPDX-License-Identifier: Apache-2.0
// The software card in a virtual reader or modem, until SIGTERM or SIGINT.
#pragma once

#include "apps/card/options.hpp"
#include "base/result.hpp"
#include "smartcard/uicc/uicc.hpp"

namespace drover::card {

/// Errors: nobody listens at the reader's port, it went away, or the system is in the way.
Result<void> serve(const Options& options, smartcard::uicc::CardImage image);

}  // namespace drover::card
