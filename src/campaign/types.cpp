// SPDX-License-Identifier: Apache-2.0
#include "campaign/types.hpp"

namespace drover::campaign {

namespace {

constexpr std::array<const char*, 4> kMethodNames{"push", "coap", "coaps", "http"};
constexpr std::array<const char*, 6> kStateNames{"scheduled", "running", "paused", "stopped", "cancelled", "done"};
constexpr std::array<const char*, kStages> kStageNames{
    "waiting",     "checking", "resetting", "observing", "ready", "transferring",
    "downloading", "starting", "updating",  "verifying", "ended"};
constexpr std::array<const char*, kEndings> kEndingNames{"",         "succeeded", "failed",   "timed-out",
                                                           "vanished", "skipped",   "cancelled"};
constexpr std::array<const char*, 10> kResultNames{
    "no result",           "updated",                 "not enough storage", "out of memory",
    "connection lost",     "integrity check failure", "unsupported package", "invalid URI",
    "update failed",       "unsupported protocol"};

template <class T, std::size_t N>
std::optional<T> parse(const std::array<const char*, N>& names, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i) {
    if (!text.empty() && text == names[i]) return static_cast<T>(i);
  }
  return std::nullopt;
}

}  // namespace

const char* to_string(Method method) {
  return kMethodNames[static_cast<std::size_t>(method)];
}
std::optional<Method> parse_method(std::string_view text) {
  return parse<Method>(kMethodNames, text);
}

const char* to_string(State state) {
  return kStateNames[static_cast<std::size_t>(state)];
}
std::optional<State> parse_state(std::string_view text) {
  return parse<State>(kStateNames, text);
}

const char* to_string(Stage stage) {
  return kStageNames[static_cast<std::size_t>(stage)];
}
std::optional<Stage> parse_stage(std::string_view text) {
  return parse<Stage>(kStageNames, text);
}

const char* to_string(Ending ending) {
  return kEndingNames[static_cast<std::size_t>(ending)];
}
std::optional<Ending> parse_ending(std::string_view text) {
  return parse<Ending>(kEndingNames, text);
}

std::string result_text(std::int64_t result) {
  const bool known = result >= 0 && result < static_cast<std::int64_t>(kResultNames.size());
  return std::string(known ? kResultNames[static_cast<std::size_t>(result)] : "unknown result") + " (" +
         std::to_string(result) + ")";
}

}  // namespace drover::campaign
