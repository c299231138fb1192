// SPDX-License-Identifier: Apache-2.0
// What an event says about values, taken apart into single resources.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "events/feed.hpp"
#include "history/value.hpp"

namespace drover::history {

/// A value that an event brings.
struct Reading {
  lwm2m::Path path;  ///< a resource or a resource instance
  Scalar value;
  UnixMilliseconds at = 0;  ///< never behind the event's arrival
  bool timed = false;       ///< the device gave the time
  std::string type{};
};

struct Readings {
  How how = How::Notify;
  std::vector<Reading> values;  ///< ascending by time, in the event's order where it is the same
};

/// Of an event of kind "notification" or events::kLearned, by its JSON (`Event` of docs/openapi.json); nothing for
/// others. Objects 0 and 21 hold keys: what is said about them is left out.
/// A time below 2^28 seconds counts from the arrival (RFC 8428 §4.5.3), one ahead of the arrival counts as the arrival.
Readings readings_of(const events::Item& item);

}  // namespace drover::history
