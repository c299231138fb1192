// SPDX-License-Identifier: Apache-2.0
#include "server/fleet.hpp"

namespace drover::server {

const char* to_string(NoAnswer why) {
  switch (why) {
    case NoAnswer::NotRegistered: return "not registered";
    case NoAnswer::Timeout: return "timeout";
    case NoAnswer::Reset: return "reset";
    case NoAnswer::Malformed: return "malformed answer";
    case NoAnswer::TooLarge: return "answer too large";
    case NoAnswer::Refused: return "refused by this server";
    case NoAnswer::Gone: return "registration ended";
  }
  return "?";
}

const char* to_string(EventKind kind) {
  switch (kind) {
    case EventKind::Registered: return "registered";
    case EventKind::Updated: return "updated";
    case EventKind::Expired: return "expired";
    case EventKind::Deregistered: return "deregistered";
    case EventKind::Notification: return "notification";
    case EventKind::ObservationEnded: return "observation-ended";
    case EventKind::Refused: return "refused";
  }
  return "?";
}

}  // namespace drover::server
