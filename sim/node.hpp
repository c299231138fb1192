// SPDX-License-Identifier: Apache-2.0
// A device and a server as hosts of the simulated network.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/client.hpp"
#include "coap/message/message.hpp"
#include "lwm2m/model/registry.hpp"
#include "security/dtls/provider.hpp"
#include "server/shard.hpp"
#include "sim/device_disk.hpp"
#include "sim/fleet_disk.hpp"
#include "sim/network.hpp"

namespace drover::sim {

/// What a device did, kept apart from the device because it outlives restarts.
struct DeviceLog {
  std::map<std::string, int> executed;  ///< by the argument's value
};

/// What checkers see of a device, at the moment it happens.
class DeviceWatcher {
 public:
  virtual ~DeviceWatcher() = default;
  /// A message of an observation left for a server: its first answer, or a notification. Not a repetition.
  virtual void reported(Instant now, const std::string& endpoint, client::ServerId server, const coap::Message& message,
                        const client::Client& client) = 0;
  virtual void heard(Instant now, const std::string& endpoint, client::ServerId server,
                     const coap::Message& message) = 0;
  virtual void served(Instant now, const std::string& endpoint, const client::Served& served,
                      const client::Client& client) = 0;
  /// A registration with that server begins or ends: its observations may be gone.
  virtual void registration_changed(Instant now, const std::string& endpoint, client::ServerId server) = 0;
  virtual void bootstrap_changed(Instant, const std::string& /*endpoint*/, const client::BootstrapReport&,
                                 const client::Client&) {}
  /// After anything that happened to the device.
  virtual void settled(Instant, const std::string& /*endpoint*/, const client::Client&) {}
  /// Words for people, why something isn't as wanted.
  virtual void explained(Instant, const std::string& /*reason*/) {}
  /// Its power has failed by itself (DeviceNode::fail_at).
  virtual void power_failed(Instant, const std::string& /*endpoint*/) {}
};

/// A client with objects 0, 1, 3 and one 3303; its execute is counted in the log. With several servers also object 2:
/// the first server owns /3/0 and /3303/0, the others may read them, and each owns its /1/x.
class DeviceNode final : public Node, private client::ObjectBehaviour {
 public:
  struct Setup {
    std::string endpoint;
    std::vector<PeerAddress> servers;  ///< Short Server ID 1 and up
    std::uint32_t lifetime = 300;
    std::uint64_t seed = 0;
    /// DTLS with this key to all servers; NoSec without.
    std::optional<security::PskCredential> credential{};
    security::dtls::Parameters dtls{};
    /// A Bootstrap-Server that it knows from its factory. Of the servers it knows nothing then, unless it has a
    /// credential.
    struct Bootstrap {
      PeerAddress server;
      std::optional<security::PskCredential> credential;  ///< nothing: NoSec
      std::uint32_t hold_off = 0;                         ///< seconds
    };
    std::optional<Bootstrap> bootstrap{};
    client::RegistrationLimits registration_limits{};
    client::BootstrapLimits bootstrap_limits{};
    DeviceDisk* disk = nullptr;  ///< outlives the node; nothing: it forgets everything
    Duration wall_offset{};      ///< of its wall clock, which starts at 0 with the instants
  };
  /// When its power fails by itself.
  enum class Failure : std::uint8_t {
    Never,
    BeforeSaving,         ///< something that mustn't wait isn't on the disk yet
    BeforeSavingAdopted,  ///< that is a bootstrap's configuration
    BehindSavingAdopted,  ///< it is on the disk, and the answer to the Finish isn't sent
  };
  /// The Access Control instances.
  static constexpr lwm2m::InstanceId kDeviceAccess = 0;
  static constexpr lwm2m::InstanceId kTemperatureAccess = 1;

  DeviceNode(const lwm2m::model::Registry& definitions, const Setup& setup, DeviceLog& log,
             DeviceWatcher* watcher = nullptr);

  void start(Instant now);
  void stop(Instant now) { client_.stop(now); }
  /// An orderly end: what is on the disk is all there is, associations included.
  void release(Instant now);
  void fail_at(Failure failure) { failure_ = failure; }
  [[nodiscard]] Failure failure() const { return failure_; }
  /// A bootstrap was finished that the disk doesn't have.
  [[nodiscard]] bool is_adopted_unsaved() const { return adopted_unsaved_; }
  /// As its own program asks for it.
  void bootstrap(Instant now);
  /// The interface of the device has another address, and the device knows it.
  void address_changed(Instant now) { client_.address_changed(now); }
  void set_temperature(Instant now, double value);
  [[nodiscard]] double temperature(Instant now) const;
  /// With all of its servers.
  [[nodiscard]] bool is_registered() const;
  /// Gives every server the right to read the temperature, as a bootstrap would.
  void open_access(Instant now);
  [[nodiscard]] const client::Client& client() const { return client_; }

  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_timeout(Instant now) override;
  std::optional<Transmit> poll_transmit() override;
  [[nodiscard]] std::optional<Instant> deadline() const override;
  void after(Instant now) override;

 private:
  void make_accounts(Instant now);
  void resume(Instant now, const DeviceDisk::Content& content);
  void save();
  [[nodiscard]] UnixSeconds unix_now() const;
  Result<void> execute(const client::Context& context, const lwm2m::Path& path,
                       const client::Arguments& arguments) override;
  void provision_access(Instant now);
  void set(Instant now, const lwm2m::Path& path, lwm2m::Value value);
  [[nodiscard]] std::optional<client::ServerId> server_at(const PeerAddress& address) const;

  SplitMix rng_;
  Setup setup_;
  security::dtls::DtlsProvider provider_;
  DeviceLog& log_;
  DeviceWatcher* watcher_;
  Instant now_{};
  Failure failure_ = Failure::Never;
  bool dead_ = false;
  bool adopted_unsaved_ = false;
  /// Message ids of reports and when they went out first, to know repetitions.
  std::map<std::pair<client::ServerId, std::uint16_t>, Instant> reports_;
  client::Client client_;
};

/// A server of several shards behind one address; who sends from where decides the shard, as SO_REUSEPORT does.
class ServerNode final : public Node {
 public:
  struct Setup {
    std::size_t shards = 1;
    std::uint64_t seed = 0;
    /// Everything that arrives is DTLS; NoSec without.
    const security::CredentialSource* credentials = nullptr;
    security::dtls::Parameters dtls{};
  };
  explicit ServerNode(const Setup& setup);

  /// Another process takes its place and goes on with what is on the disk; its wall clock is `jump` ahead of the old
  /// one's. A graceful end says goodbye first. Operations that aren't durable are never answered.
  void restart(Instant now, bool graceful, Duration jump);
  [[nodiscard]] Duration wall_offset() const { return wall_offset_; }

  /// Called for every event, with the shard it comes from.
  std::function<void(Instant, const server::Event&)> on_event;
  std::function<void(Instant, const server::OperationDone&)> on_done;
  std::function<void(Instant, const server::OperationStatus&)> on_progress;

  void operate(Instant now, server::Ticket ticket, const std::string& endpoint, const lwm2m::Downlink& operation,
               const server::OperationSettings& settings = {});
  [[nodiscard]] std::vector<server::DeviceView> devices() const;

  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_timeout(Instant now) override;
  std::optional<Transmit> poll_transmit() override;
  [[nodiscard]] std::optional<Instant> deadline() const override;
  void after(Instant now) override;

 private:
  void make_shards();

  Setup setup_;
  SplitMix rng_;
  Duration wall_offset_{};
  FleetDisk disk_;
  std::vector<std::unique_ptr<security::Acceptor>> acceptors_;
  std::vector<std::unique_ptr<server::Shard>> shards_;
};

}  // namespace drover::sim
