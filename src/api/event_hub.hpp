// SPDX-License-Identifier: Apache-2.0
// The last events, and the streams that follow them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/http.hpp"
#include "bootstrap/desk.hpp"
#include "lwm2m/model/registry.hpp"
#include "server/fleet.hpp"

namespace drover::api {

/// An event of one of the sources, with its number in the order of all.
struct NumberedEvent {
  std::uint64_t number = 0;  ///< ascending by one from 1
  std::size_t size = 0;      ///< roughly what it occupies
  std::variant<server::Event, bootstrap::DeskEvent> what;

  [[nodiscard]] std::string_view kind() const;  ///< "registered", "bootstrap-ended", ...
  [[nodiscard]] const std::string& endpoint() const;
};

/// Which events a stream shows.
struct EventFilter {
  std::string endpoint;            ///< "" for all
  std::vector<std::string> kinds;  ///< empty for all
  [[nodiscard]] bool passes(const NumberedEvent& event) const;
};

/// All kinds, as a filter has them.
const std::vector<std::string>& event_kinds();

/// Keeps the last events in a ring that is bounded in number and bytes. There is no queue a client: each stream
/// remembers how far it has read, and one that falls out of the ring gets a `gap` event. Several sources push into one
/// order, so events are numbered here. Thread-safe; outlives its streams.
class EventHub : public std::enable_shared_from_this<EventHub> {
 public:
  struct Limits {
    std::size_t events_max = 16384;    ///< 5 s of a million devices that update each 300 s; a small fleet's day
    std::size_t bytes_max = 32 << 20;  ///< as counted by NumberedEvent::size: some 2 kB an event when full
  };
  /// `run` tells one run of the server from another in the ids, so that an id from before a restart is recognised.
  EventHub(const Limits& limits, const lwm2m::model::Registry& registry, UnixSeconds run);

  /// Copies the event; cheap enough for a shard's thread: it is made JSON by those who read.
  void push(const server::Event& event);
  void push(const bootstrap::DeskEvent& event);

  /// A stream that starts behind `last_event_id`, or with the next event.
  std::unique_ptr<http::StreamSource> open(EventFilter filter, std::optional<std::string_view> last_event_id);

  /// Id of the newest event, "" before the first.
  [[nodiscard]] std::string newest() const;
  [[nodiscard]] std::size_t retained() const;

 private:
  friend class EventStream;
  struct Batch {
    std::uint64_t lost_through = 0;  ///< the newest event that is no longer kept
    std::vector<std::shared_ptr<const NumberedEvent>> events;
  };
  void keep(NumberedEvent event);
  /// Up to `count` events behind `number`.
  Batch after(std::uint64_t number, std::size_t count) const;
  [[nodiscard]] std::string id_of(std::uint64_t number) const;

  const Limits limits_;
  const lwm2m::model::Registry& registry_;
  const UnixSeconds run_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const NumberedEvent>> ring_;
  std::size_t bytes_ = 0;
  std::uint64_t newest_ = 0;
  std::uint64_t lost_through_ = 0;
};

}  // namespace drover::api
