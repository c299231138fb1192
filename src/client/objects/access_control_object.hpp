// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/access_control.hpp"
#include "client/behaviour.hpp"

namespace drover::client {

/// Behaviour of the Access Control object (Core E.3): what may stand in it. Who may write it is AccessControl's
/// business.
class AccessControlObject final : public ObjectBehaviour {
 public:
  explicit AccessControlObject(const ObjectTree& tree) : tree_(tree) {}

  /// 4.00 for an ACL value with a reserved bit, or with another than Create where a whole object is guarded; for an ACL
  /// entry 65535; for an owner that isn't 65535 or the Short Server ID of an account. The device itself may name
  /// accounts that are still to come.
  Result<void> check_write(const Context& context, lwm2m::InstanceId instance,
                           const lwm2m::ResourceNode& node) override;
  /// 4.05: what an instance guards is read-only, so only a bootstrap can make a useful one.
  Result<void> check_create(const Context& context, const lwm2m::InstanceNode& node) override;
  /// 4.05 while what it guards exists: an instance nobody guards would be open to nobody.
  Result<void> check_delete(const Context& context, lwm2m::InstanceId instance) override;

 private:
  [[nodiscard]] bool is_account(const Context& context, std::int64_t server) const;

  const ObjectTree& tree_;
};

}  // namespace drover::client
