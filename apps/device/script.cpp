// SPDX-License-Identifier: Apache-2.0
#include "apps/device/script.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace drover::device {

void Script::start(Instant now) {
  for (State& state : states_) state.next = now + state.entry.every;
}

std::optional<Instant> Script::deadline() const {
  std::optional<Instant> next;
  for (const State& state : states_) {
    if (!next || state.next < *next) next = state.next;
  }
  return next;
}

std::optional<ScriptStep> Script::step(Instant now) {
  for (State& state : states_) {
    if (state.next > now) continue;
    state.next += state.entry.every;
    if (state.next <= now) state.next = now + state.entry.every;  // the machine slept: steps aren't made up for
    return make(state);
  }
  return std::nullopt;
}

ScriptStep Script::make(State& state) {
  const ScriptEntry& entry = state.entry;
  const std::uint64_t count = state.count++;
  if (entry.kind == ScriptEntry::Kind::Values) return {&entry, entry.values[count % entry.values.size()], 0};
  const double width = entry.max - entry.min;
  if (entry.kind == ScriptEntry::Kind::Random) {
    const double share = static_cast<double>(rng_.next() >> 32) / std::numeric_limits<std::uint32_t>::max();
    return {&entry, std::nullopt, entry.min + width * share};
  }
  const auto passed = (entry.every * static_cast<std::int64_t>(count)) % entry.period;
  const double phase = static_cast<double>(passed.count()) / static_cast<double>(entry.period.count());
  const double share = entry.kind == ScriptEntry::Kind::Ramp ? phase : (1 - std::cos(2 * std::numbers::pi * phase)) / 2;
  return {&entry, std::nullopt, entry.min + width * share};
}

}  // namespace drover::device
