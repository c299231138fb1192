// SPDX-License-Identifier: Apache-2.0
// What a device has in memory that lasts through a reboot.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "base/result.hpp"
#include "client/client.hpp"
#include "lwm2m/data/node.hpp"

namespace drover::device {

/// The current values of all instances of all known objects.
using Snapshot = std::map<lwm2m::ObjectId, std::vector<lwm2m::InstanceNode>>;

Snapshot take_snapshot(const client::ObjectTree& tree);
/// Makes an instance's resources those of `wanted`; what `untouched` is true of stays as it is. Gives what couldn't be
/// done.
std::vector<Error> put_resources(client::ObjectTree& tree, const lwm2m::Path& instance,
                                 const std::vector<lwm2m::ResourceNode>& wanted,
                                 const std::function<bool(const lwm2m::Path&)>& untouched);
/// Into a client whose objects are defined and have no instances. Gives what couldn't be put back.
std::vector<Error> put_snapshot(const Snapshot& snapshot, client::Client& client);

}  // namespace drover::device
