// SPDX-License-Identifier: Apache-2.0
// How a call asks for an operation, and how it learns what becomes of it. For api/ alone.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "api/call.hpp"

namespace drover::api {

/// Query parameters that every operation takes.
inline constexpr std::array<std::string_view, 7> kOperationParameters{
    "timeout", "wait", "expires", "via", "redeliver", "trigger", "priority"};
bool is_operation_parameter(std::string_view name);
/// The longest time that an operation may be given. A leap year.
inline constexpr std::chrono::seconds kOperationExpiresMax = std::chrono::hours(24 * 366);

/// The query's `timeout`, or its default; nothing, and the call is refused, when it is wrong.
std::optional<std::chrono::seconds> timeout_of(const Call& call);
/// 504 after such a wait.
http::Response waited_too_long(std::chrono::seconds wait);

/// "low", "normal", "high".
std::optional<server::Priority> parse_priority(std::string_view text);

/// What the query of a call says about its operation.
struct OperationRequest {
  server::OperationSettings settings;
  std::chrono::seconds timeout{};  ///< until the call is answered in any case
  bool wait = false;               ///< for the result even of what is queued
  bool async = false;              ///< not even for the result of what is sent at once
};

/// Nothing, and the call is refused, when a parameter is wrong.
std::optional<OperationRequest> operation_request(const Call& call);

using Progress = std::function<bool(const server::OperationStatus&)>;

/// 202 with the operation's `Location` and how it stands.
http::Response accepted(const server::OperationStatus& status);

/// For Fleet::operate() and cancel(): at the operation's end calls `finish` on the HTTP thread. The call is answered
/// with `accept` as soon as the operation is queued, unless it waits; once the timeout is over the same when it had
/// been queued, else 504. What is kept for the call, with `finish`, lives no longer than the call: a queued operation
/// costs the API nothing.
Progress follow_operation(const std::shared_ptr<Call>& call, const OperationRequest& request,
                          std::function<void(const server::OperationResult&)> finish,
                          std::function<http::Response(const server::OperationStatus&)> accept = accepted);

}  // namespace drover::api
