// SPDX-License-Identifier: Apache-2.0
// What a plan would send to a device, without one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "bootstrap/plan.hpp"
#include "lwm2m/model/registry.hpp"

namespace drover::bootstrap {

/// One request as it would go out. Where a key stands, `payload_hex` has as many bytes 2a, and `text` "********".
struct PlannedMessage {
  std::string operation;  ///< "Bootstrap-Write"
  std::string method;     ///< "PUT"
  std::string path;
  std::optional<lwm2m::FormatNumber> format{}, accept{};
  std::string payload_hex;
  std::string text;  ///< a line "/0/1/0 = coaps://..." for each value
  bool optional = false;
};

/// The device is taken for one that has its Bootstrap-Server account at /0/0 and else what the plan expects; serials
/// are 00000000, generated public keys "(generated)". `format` is the device's `pct`. The error is the one with which
/// such a session would end.
Result<std::vector<PlannedMessage>> dry_run(const SharedPlan& plan, std::string_view endpoint,
                                            const lwm2m::model::Registry& definitions,
                                            std::optional<lwm2m::FormatNumber> format = {});

}  // namespace drover::bootstrap
