// SPDX-License-Identifier: Apache-2.0
// Whether what a Bootstrap-Server has written can be the device's configuration (Core §5.2.2, §5.2.6).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "client/object_tree.hpp"
#include "client/security_values.hpp"
#include "client/uri.hpp"

namespace drover::client {

struct ConsistencyRules {
  std::optional<lwm2m::InstanceId> bootstrap;  ///< the Bootstrap-Server account that there was before
  bool access_control = false;                 ///< the device has object 2
  /// An error where this device can't talk to a server with these values.
  std::function<Result<void>(const ServerUri& uri, const SecurityValues& values)> usable;
  /// The same for its short messages (resources 6 to 9) with the account's binding; none: the device has no SMS.
  std::function<Result<void>(lwm2m::InstanceId security, const std::string& binding)> by_sms = {};
  bool bootstrap_suffices = false;  ///< a Bootstrap-Server account alone is a configuration, too
};

/// Makes the last step of a bootstrap: a Bootstrap-Server account that another one replaces is purged (§5.2.3.3). Then
/// 4.06 with what is wrong, the draft as it was, unless
/// - there is at least one Server account, or what ConsistencyRules::bootstrap_suffices says, and at most one Bootstrap-Server account;
/// - each Security and each Server instance has its own Short Server ID, and both are pairs by it;
/// - each account's URI and keys can be used, a Bootstrap-Server's, too, and what its binding needs of SMS is there;
/// - several servers have object 2 to share the device by, and its owners are among them, or nobody.
Result<void> conclude(ObjectTree::Draft& draft, const ConsistencyRules& rules);

}  // namespace drover::client
