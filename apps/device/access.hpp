// SPDX-License-Identifier: Apache-2.0
// `[access]`: who may do what on a device with several servers, where the configuration doesn't say it in object 2.
#pragma once

#include <cstdint>
#include <optional>

#include "apps/device/section.hpp"
#include "base/result.hpp"
#include "client/access_control.hpp"
#include "client/object_tree.hpp"

namespace drover::device {

struct AccessConfig {
  std::optional<std::uint16_t> owner;  ///< Short Server ID; nothing: of the first account
  client::Rights others = client::rights::kRead;
  bool create = true;    ///< the owner may create instances
  std::size_t line = 0;  ///< of `owner`; 0: not from the file
};

/// `owner`, `others` ("RWED" or a part of it, "" for none) and `create`.
void read_access(Section section, AccessConfig& config);

/// Guards what nobody guards yet (client::provision()), where there are several accounts and object 2 is defined. An
/// error for an owner that has no account.
Result<void> apply_access(client::ObjectTree& tree, const client::Context& context, const AccessConfig& config);

}  // namespace drover::device
