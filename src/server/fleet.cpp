// SPDX-License-Identifier: Apache-2.0
#include "server/fleet.hpp"

#include <algorithm>

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
    case NoAnswer::QueueFull: return "queue full";
    case NoAnswer::Expired: return "expired";
    case NoAnswer::Cancelled: return "cancelled";
    case NoAnswer::Unreachable: return "no way to the device";
  }
  return "?";
}

const char* to_string(Way way) {
  switch (way) {
    case Way::Automatic: return "automatic";
    case Way::Udp: return "udp";
    case Way::Sms: return "sms";
  }
  return "?";
}

const char* to_string(Priority priority) {
  switch (priority) {
    case Priority::Low: return "low";
    case Priority::Normal: return "normal";
    case Priority::High: return "high";
  }
  return "?";
}

const char* to_string(OperationState state) {
  switch (state) {
    case OperationState::Queued: return "queued";
    case OperationState::Sent: return "sent";
    case OperationState::Done: return "done";
    case OperationState::Failed: return "failed";
    case OperationState::Expired: return "expired";
    case OperationState::Cancelled: return "cancelled";
  }
  return "?";
}

bool is_over(OperationState state) {
  return state != OperationState::Queued && state != OperationState::Sent;
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
    case EventKind::Operation: return "operation";
    case EventKind::Learned: return "learned";
  }
  return "?";
}

bool fits(const OperationQuery& query, const std::string& endpoint, const std::string& asked_by, OperationState state) {
  if (!query.endpoint.empty() && query.endpoint != endpoint) return false;
  if (!query.states.empty() && std::find(query.states.begin(), query.states.end(), state) == query.states.end()) {
    return false;
  }
  if (query.asked_by.empty()) return true;
  if (!std::string_view(asked_by).starts_with(query.asked_by)) return false;
  return asked_by.size() == query.asked_by.size() || asked_by[query.asked_by.size()] == ',';
}

}  // namespace drover::server
