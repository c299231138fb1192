// SPDX-License-Identifier: Apache-2.0
// Values that change by themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::device {

struct ScriptEntry {
  enum class Kind : std::uint8_t { Values, Sine, Ramp, Random };
  lwm2m::Path path;
  Duration every{};
  Kind kind = Kind::Values;
  std::vector<std::string> values;  ///< Values: one after the other, again and again
  double min = 0;
  double max = 0;
  Duration period{};  ///< Sine, Ramp: from min to max (and back)
  std::size_t line = 0;
};

/// One step of a script: the next listed text, or a number.
struct ScriptStep {
  const ScriptEntry* entry;
  std::optional<std::string> text;
  double number = 0;
};

/// Sans-IO: wait until deadline(), then call step() until it gives nothing.
class Script {
 public:
  Script(std::vector<ScriptEntry> entries, Rng& rng) : rng_(rng) {
    for (ScriptEntry& entry : entries) states_.push_back({std::move(entry), {}, 0});
  }
  void start(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;
  std::optional<ScriptStep> step(Instant now);

 private:
  struct State {
    ScriptEntry entry;
    Instant next;
    std::uint64_t count;
  };
  ScriptStep make(State& state);

  std::vector<State> states_;
  Rng& rng_;
};

}  // namespace drover::device
