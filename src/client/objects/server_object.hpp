// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "client/behaviour.hpp"
#include "client/binding.hpp"
#include "client/objects/security_object.hpp"

namespace drover::client {

/// Behaviour of the LwM2M Server object (Core E.2). What it asks for is polled by the client, which owns the
/// registrations.
class ServerObject final : public ObjectBehaviour {
 public:
  static constexpr lwm2m::ObjectId kObject = 1;
  static constexpr lwm2m::ResourceId kShortServerId = 0;
  static constexpr lwm2m::ResourceId kLifetime = 1;
  static constexpr lwm2m::ResourceId kDefaultPMin = 2;
  static constexpr lwm2m::ResourceId kDefaultPMax = 3;
  static constexpr lwm2m::ResourceId kDisable = 4;
  static constexpr lwm2m::ResourceId kDisableTimeout = 5;
  static constexpr lwm2m::ResourceId kNotificationStoring = 6;
  static constexpr lwm2m::ResourceId kBinding = 7;
  static constexpr lwm2m::ResourceId kUpdateTrigger = 8;
  static constexpr lwm2m::ResourceId kBootstrapTrigger = 9;
  static constexpr std::uint32_t kDisableTimeoutDefault = 86400;  ///< seconds; Core E.2, resource 5

  struct Action {
    enum class Kind : std::uint8_t { Update, Disable, Bootstrap };
    Kind kind;
    lwm2m::InstanceId instance;
  };
  std::optional<Action> poll();
  /// Whether there is a Bootstrap-Server that kBootstrapTrigger can ask; without one it is 4.05.
  void set_bootstrap(bool possible) { bootstrap_ = possible; }
  /// What kBinding may be in an account that has all that it needs.
  void set_transports(const Transports& transports) { transports_ = transports; }
  /// What it may be in each instance, whose account may know no number of the server: there a server can't ask for SMS.
  void set_transports(std::map<lwm2m::InstanceId, Transports> transports) { of_instances_ = std::move(transports); }

  /// 4.00 for a reserved Short Server ID, a lifetime outside 1 to 2^32-1, a negative period, and a binding this client
  /// doesn't have.
  Result<void> check_write(const Context& context, lwm2m::InstanceId instance,
                           const lwm2m::ResourceNode& node) override;
  Result<void> execute(const Context& context, const lwm2m::Path& path, const Arguments& arguments) override;
  /// 4.05: a server can't give a new account its Short Server ID, which is read-only; bootstrap can.
  Result<void> check_create(const Context& context, const lwm2m::InstanceNode& node) override;

 private:
  [[nodiscard]] Result<void> check_binding(const Context& context, lwm2m::InstanceId instance,
                                           const std::string& binding) const;

  std::deque<Action> actions_;
  bool bootstrap_ = false;
  Transports transports_;
  std::map<lwm2m::InstanceId, Transports> of_instances_;
};

}  // namespace drover::client
