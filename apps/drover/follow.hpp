// SPDX-License-Identifier: Apache-2.0
// Following the event stream until Ctrl-C.
#pragma once

#include <functional>
#include <string>

#include "apps/drover/api_client.hpp"
#include "apps/drover/commands.hpp"

namespace drover::cli {

struct Following {
  Query query;
  std::string last_event_id;
  /// False ends the following.
  std::function<bool(const StreamEvent&)> found;
};

/// From here on the first Ctrl-C ends the following; a second one has its usual effect.
void catch_interrupt();
/// Until `found` says so or a signal comes; the exit status. The first connection must succeed; later ones are tried
/// again.
int follow(Session& session, Following following);
/// As one line.
void print_event(const Session& session, const StreamEvent& event);
/// The id behind which everything is new; "" when there was no event yet.
std::string newest_event(Session& session);

}  // namespace drover::cli
