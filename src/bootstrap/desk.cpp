// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/desk.hpp"

namespace drover::bootstrap {

const char* kind_of(const DeskEvent& event) {
  struct Kind {
    const char* operator()(const KeysWanted&) const { return "bootstrap-keys"; }
    const char* operator()(const SessionStarted&) const { return "bootstrap-started"; }
    const char* operator()(const SessionProgress&) const { return "bootstrap-progress"; }
    const char* operator()(const SessionEnded&) const { return "bootstrap-ended"; }
    const char* operator()(const Refused&) const { return "bootstrap-refused"; }
  };
  return std::visit(Kind{}, event.event);
}

const std::string& endpoint_of(const DeskEvent& event) {
  return std::visit([](const auto& one) -> const std::string& { return one.endpoint; }, event.event);
}

}  // namespace drover::bootstrap
