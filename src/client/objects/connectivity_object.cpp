// SPDX-License-Identifier: Apache-2.0
#include "client/objects/connectivity_object.hpp"

#include "client/object_tree.hpp"

namespace drover::client {

void ConnectivityObject::created(const Context& context, lwm2m::InstanceId instance) {
  const lwm2m::Path path(kObject, instance);
  (void)tree_.set(context, path.child(kBearer), kEthernet);
  (void)tree_.set(context, path.child(kAvailableBearers), kEthernet);
  (void)tree_.set(context, path.child(kSignalStrength), std::int64_t{0});
  (void)tree_.set(context, path.child(kAddresses), std::string("0.0.0.0"));  // "this host", RFC 1122 §3.2.1.3
}

}  // namespace drover::client
