// SPDX-License-Identifier: Apache-2.0
// What is done with a device when it registers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "jobs/selection.hpp"
#include "server/fleet.hpp"

namespace drover::jobs {

inline constexpr std::size_t kRulesMax = 100;
inline constexpr std::size_t kRuleNameMax = 64;  ///< bytes
inline constexpr std::size_t kRuleStepsMax = 32;
inline constexpr std::size_t kRuleStepSizeMax = 16'384;  ///< bytes of a step's form
inline constexpr std::size_t kRuleOutcomesMax = 1'000'000;  ///< devices of a rule that are remembered; the oldest go
inline constexpr std::size_t kRuleDetailMax = 200;          ///< bytes

enum class RuleWhen : std::uint8_t {
  Registration,  ///< upon each new one
  Once,          ///< for each device until it has succeeded
};
const char* to_string(RuleWhen when);  ///< "registration", "once"

struct Rule {
  std::string name;
  bool enabled = true;
  Selection condition;  ///< without seen_after and seen_before
  bool ask = false;     ///< values that the condition needs and nobody knows are read from the device first
  RuleWhen when = RuleWhen::Registration;
  bool stop_on_failure = false;
  std::vector<std::string> steps;  ///< as Forms reads them, in order
};

enum class RuleDeviceState : std::uint8_t { Running, Done, Failed };
inline constexpr std::size_t kRuleDeviceStates = 3;
const char* to_string(RuleDeviceState state);
std::optional<RuleDeviceState> parse_rule_device_state(std::string_view text);

struct RuleView {
  Rule rule;
  bool configured = false;  ///< by the configuration file: it can't be changed here
  UnixSeconds changed_at = 0;
  std::array<std::uint64_t, kRuleDeviceStates> devices{};  ///< by their state
};

/// The last time that a rule was applied to a device.
struct RuleDevice {
  std::string endpoint;
  std::string registration;  ///< for which
  RuleDeviceState state = RuleDeviceState::Running;
  std::size_t step = 0;              ///< steps that are over
  server::OperationId operation{};   ///< of the step that is under way; 0: none
  std::size_t failed = 0;            ///< steps
  std::string detail{};              ///< of the first that failed
  UnixSeconds changed_at = 0;
};

struct RuleDeviceQuery {
  std::optional<RuleDeviceState> state{};
  std::string after;
  std::size_t limit = 100;
};
struct RuleDevicePage {
  std::vector<RuleDevice> devices;  ///< ascending by endpoint
  std::string next;                 ///< "": this was the last
};

}  // namespace drover::jobs
