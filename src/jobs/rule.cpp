// SPDX-License-Identifier: Apache-2.0
#include "jobs/rule.hpp"

namespace drover::jobs {

const char* to_string(RuleWhen when) {
  return when == RuleWhen::Once ? "once" : "registration";
}

const char* to_string(RuleDeviceState state) {
  switch (state) {
    case RuleDeviceState::Running: return "running";
    case RuleDeviceState::Done: return "done";
    case RuleDeviceState::Failed: return "failed";
  }
  return "";
}

std::optional<RuleDeviceState> parse_rule_device_state(std::string_view text) {
  for (std::size_t i = 0; i < kRuleDeviceStates; ++i) {
    const auto state = static_cast<RuleDeviceState>(i);
    if (text == to_string(state)) return state;
  }
  return std::nullopt;
}

}  // namespace drover::jobs
