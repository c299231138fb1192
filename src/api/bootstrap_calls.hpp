// SPDX-License-Identifier: Apache-2.0
// What the bootstrap routes share. For api/ alone.
#pragma once

#include "api/call.hpp"

namespace drover::api {

/// nullptr, and the answer is given, when the server has no Bootstrap-Server.
bootstrap::Desk* desk_of(const Call& call);
/// desk_of() for what the desk answers by itself: 503 when it doesn't.
bootstrap::Desk* quick_desk_of(const Call& call);

Problem to_problem(const bootstrap::DeskRefusal& refusal);

}  // namespace drover::api
