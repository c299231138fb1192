// SPDX-License-Identifier: Apache-2.0
// Streams of events (text/event-stream), each with its own place in the feed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.hpp"
#include "events/hub.hpp"

namespace drover::api {

/// Which events a stream shows.
struct EventFilter {
  std::string endpoint;            ///< "" for all
  std::vector<std::string> kinds;  ///< empty for all but events::kLearned
  [[nodiscard]] bool passes(const events::Item& event) const;
};

/// A stream that starts behind `last_event_id`, or with the next event. One that falls behind what is kept gets a `gap`
/// event.
std::unique_ptr<http::StreamSource> open_stream(std::shared_ptr<events::Hub> hub, EventFilter filter,
                                                std::optional<std::string_view> last_event_id);

}  // namespace drover::api
