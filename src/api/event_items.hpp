// SPDX-License-Identifier: Apache-2.0
// Events as JSON, and as they are written down.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "bootstrap/desk.hpp"
#include "events/hub.hpp"
#include "lwm2m/model/registry.hpp"
#include "server/fleet.hpp"

namespace drover::api {

/// All kinds, as filters have them.
const std::vector<std::string>& event_kinds();

/// Makes texts of events. Thread-safe; `registry` outlives it and what it made.
class EventItems {
 public:
  /// `hub` gives ids, and outlives it.
  EventItems(const lwm2m::model::Registry& registry, const events::Hub& hub) : registry_(registry), hub_(hub) {}

  /// Copies the event; cheap enough for a shard's thread: it is made JSON by those who read. `packs`: also as bytes.
  /// Nothing for what nobody is to see: a value that was written to what can't be read, such as a password, or that may
  /// be one as its object isn't known here.
  [[nodiscard]] std::optional<events::Draft> draft(server::Event event, bool packs) const;
  [[nodiscard]] events::Draft draft(const bootstrap::DeskEvent& event) const;
  /// The text of what was written down; "{}" for bytes of another version.
  [[nodiscard]] std::string text_of(ByteView packed, std::uint64_t number) const;

 private:
  [[nodiscard]] bool may_show(const server::Event& event) const;
  [[nodiscard]] std::string text_of(const server::Event& event, std::uint64_t number) const;
  [[nodiscard]] std::string text_of_desk(std::string_view kept, std::uint64_t number) const;

  const lwm2m::model::Registry& registry_;
  const events::Hub& hub_;
};

}  // namespace drover::api
