// SPDX-License-Identifier: Apache-2.0
// Events as they are written down.
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "server/fleet.hpp"

namespace drover::server {

/// Without Event::id. A few hundred bytes for a registration, where its JSON has a thousand.
Bytes pack(const Event& event);
/// Nothing for what pack() of this version didn't give.
std::optional<Event> unpack_event(ByteView packed);

}  // namespace drover::server
