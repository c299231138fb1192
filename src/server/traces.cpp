// SPDX-License-Identifier: Apache-2.0
#include "server/traces.hpp"

#include <chrono>
#include <utility>

namespace drover::server {

namespace {
/// How long what was traced can still be read.
constexpr Duration kReadable = std::chrono::hours(1);
}  // namespace

bool Traces::start(const std::string& endpoint, Instant until) {
  if (!has(endpoint) && traces_.size() >= kDevicesMax) return false;
  traces_[endpoint].until = until;
  return true;
}

bool Traces::stop(std::string_view endpoint) {
  const auto found = traces_.find(endpoint);
  if (found == traces_.end()) return false;
  traces_.erase(found);
  return true;
}

void Traces::note(std::string_view endpoint, TracedMessage message) {
  const auto found = traces_.find(endpoint);
  if (found == traces_.end()) return;
  Trace& trace = found->second;
  message.number = ++trace.last;
  trace.bytes += message.bytes.size();
  trace.messages.push_back(std::move(message));
  while (trace.messages.size() > kMessagesMax || trace.bytes > kBytesMax) {
    trace.bytes -= trace.messages.front().bytes.size();
    trace.messages.pop_front();
  }
}

std::optional<TraceView> Traces::view(std::string_view endpoint, std::uint64_t after, std::size_t limit) const {
  const auto found = traces_.find(endpoint);
  if (found == traces_.end()) return std::nullopt;
  const Trace& trace = found->second;
  TraceView view;
  view.lost_through = trace.messages.empty() ? trace.last : trace.messages.front().number - 1;
  for (const TracedMessage& message : trace.messages) {
    if (message.number <= after) continue;
    if (view.messages.size() == limit) break;
    view.messages.push_back(message);
  }
  return view;
}

std::optional<Instant> Traces::until(std::string_view endpoint) const {
  const auto found = traces_.find(endpoint);
  if (found == traces_.end()) return std::nullopt;
  return found->second.until;
}

void Traces::forget_old(Instant now) {
  std::erase_if(traces_, [now](const auto& one) { return one.second.until + kReadable <= now; });
}

}  // namespace drover::server
