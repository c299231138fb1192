// SPDX-License-Identifier: Apache-2.0
// What a device has in memory that lasts through a reboot.
#pragma once

#include <map>
#include <vector>

#include "base/result.hpp"
#include "client/client.hpp"
#include "lwm2m/data/node.hpp"

namespace drover::device {

/// The current values of all instances of all known objects.
using Snapshot = std::map<lwm2m::ObjectId, std::vector<lwm2m::InstanceNode>>;

Snapshot take_snapshot(const client::ObjectTree& tree);
/// Into a client whose objects are defined and have no instances. Gives what couldn't be put back.
std::vector<Error> put_snapshot(const Snapshot& snapshot, client::Client& client);

}  // namespace drover::device
