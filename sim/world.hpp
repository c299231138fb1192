// SPDX-License-Identifier: Apache-2.0
// Many devices, some servers, faults from a seed; then everything heals and has to converge.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lwm2m/model/registry.hpp"
#include "sim/checkers.hpp"
#include "sim/network.hpp"
#include "security/dtls/test_peers.hpp"
#include "sim/node.hpp"
#include "sim/provisioning.hpp"

namespace drover::sim {

/// What is wrong on purpose, to see that somebody complains.
enum class Flaw : std::uint8_t {
  None,
  OpenBootstrap,  ///< the Bootstrap-Server does without DTLS
  LateDisk,       ///< devices send before they save
  StolenKeys,     ///< thieves have the keys of those whom they call themselves
  NoWayBack,      ///< the Bootstrap-Server is away at the end, and keys of a device are gone
};

struct WorldSettings {
  std::uint64_t seed = 1;
  std::size_t devices = 50;
  std::size_t shards = 3;
  std::size_t servers = 1;  ///< each device registers with all of them
  Duration length = std::chrono::hours(24);
  Duration fault_every = std::chrono::minutes(4);  ///< somewhere in the world, on average
  Duration operation_every = std::chrono::minutes(1);
  Duration change_every = std::chrono::seconds(40);  ///< of some device's temperature
  /// DTLS with a pre-shared key for each device; servers are restarted with a handover, killed, and their clocks jump.
  bool secure = false;
  Duration restart_every = std::chrono::minutes(50);  ///< of some server, when secure
  /// When secure: each of every so many devices, on average, does without Connection IDs; 0: none.
  std::uint32_t one_without_id_in = 0;
  /// When secure: devices know a Bootstrap-Server, and one in four its LwM2M Server, too. Servers are away for a while,
  /// keys are removed, plans rotate, devices and the Bootstrap-Server end in the middle, and thieves try. Devices have
  /// disks.
  bool bootstrap = false;
  Duration trouble_every = std::chrono::minutes(8);  ///< with a bootstrap, on average
  Duration theft_every = std::chrono::minutes(70);
  Flaw flaw = Flaw::None;
};

struct WorldReport {
  std::vector<std::string> complaints;
  std::uint64_t datagrams = 0;
  std::uint64_t trace = 0;
  std::uint64_t operations = 0, answered = 0, executed = 0, notifications = 0, registrations = 0, faults = 0;
  std::uint64_t refusals = 0;      ///< operations without the right
  std::uint64_t held_periods = 0;  ///< notifications for which a minimum period was in force
  std::uint64_t restarts = 0, kills = 0;
  std::uint64_t records = 0;     ///< of DTLS that were protected, each under a nonce of its own
  std::uint64_t handshakes = 0;  ///< whose keys the key log tells
  std::uint64_t without_id = 0;  ///< devices without Connection IDs
  std::uint64_t rebindings_without_id = 0;  ///< addresses of theirs that changed behind their back
  // With a Bootstrap-Server.
  std::uint64_t schedule = 0;     ///< as `trace`, without what the keys make of the bytes
  std::uint64_t bootstraps = 0;   ///< that devices finished
  std::uint64_t fallbacks = 0;    ///< of them because no server could be registered with
  std::uint64_t sessions = 0, failed_sessions = 0, unknown_sessions = 0, bootstrap_restarts = 0;
  std::uint64_t interruptions = 0;  ///< troubles in the middle of a session
  std::uint64_t lost_adoptions = 0, kept_adoptions = 0;  ///< power failures before and behind the saving of one
  std::uint64_t looks = 0;          ///< at a device's configuration
  std::uint64_t secrets = 0, texts = 0;  ///< that were looked for, and in how many texts
  std::uint64_t keys_kept_max = 0;       ///< of one device for the servers, at the end
  std::uint64_t thefts = 0, refused_thefts = 0;
};

using security::testing::KnownPeers;
using security::testing::Witness;

class World final : private DeviceWatcher {
 public:
  World(const lwm2m::model::Registry& definitions, const WorldSettings& settings);
  WorldReport run();

 private:
  struct Device {
    std::string endpoint;
    Network::Host host = 0;
    std::unique_ptr<DeviceNode> node;  ///< null while it is switched off
    DeviceNode::Setup setup;
    std::unique_ptr<DeviceDisk> disk{};  ///< with a Bootstrap-Server
    bool adoption_lost = false;          ///< its power failed before a finished bootstrap was saved
  };

  void add_device(std::size_t index);
  void switch_on(Device& device, Instant now);
  void switch_off(Device& device, Instant now, Duration off);
  PeerAddress fresh_address();
  static PeerAddress address_of_server(std::size_t index) {
    return PeerAddress::v4(0x0A000001 + static_cast<std::uint32_t>(index), 5683);
  }

  // What happens by itself; each schedules its next time while the world isn't healed.
  void every(Duration mean, void (World::*action)(Instant));
  void fault(Instant now);
  void operation(Instant now);
  void change(Instant now);
  void restart(Instant now);
  void heal(Instant now);

  void ask(Instant now, std::size_t server, const std::string& endpoint, const lwm2m::Downlink& operation,
           std::string argument = {});
  /// As an application does: without an answer it asks again while the device is registered.
  void observe(Instant now, std::size_t server, const std::string& endpoint);
  void write_attributes(Instant now, std::size_t server, const std::string& endpoint);
  void change_rights(Instant now, const std::string& endpoint);
  void on_event(Instant now, std::size_t server, const server::Event& event);
  void on_done(Instant now, std::size_t server, const server::OperationDone& done);
  void expect_convergence(Instant now);
  void expect_convergence(Instant now, std::size_t server);

  // world_bootstrap.cpp
  void make_provisioning();
  void equip(Device& device);
  void trouble(Instant now);
  void interrupt(Instant now, Device& device);
  void theft(Instant now);
  void end_thefts();
  void send_away(Instant now, Network::Host host, Duration away);
  Duration some_time(Duration max);
  void look_at_keys(Instant now);
  void report_provisioning(Instant now);
  void bootstrap_changed(Instant now, const std::string& endpoint, const client::BootstrapReport& report,
                         const client::Client& client) override;
  void settled(Instant now, const std::string& endpoint, const client::Client& client) override;
  void explained(Instant now, const std::string& reason) override;
  void power_failed(Instant now, const std::string& endpoint) override;

  // DeviceWatcher
  void reported(Instant now, const std::string& endpoint, client::ServerId server, const coap::Message& message,
                const client::Client& client) override;
  void heard(Instant now, const std::string& endpoint, client::ServerId server, const coap::Message& message) override;
  void served(Instant now, const std::string& endpoint, const client::Served& served,
              const client::Client& client) override;
  void registration_changed(Instant now, const std::string& endpoint, client::ServerId server) override;
  Device& device_of(const std::string& endpoint);
  Device& some_device() { return devices_[network_.rng().below(static_cast<std::uint32_t>(devices_.size()))]; }

  const lwm2m::model::Registry& definitions_;
  WorldSettings settings_;
  Network network_;
  struct Server {
    std::unique_ptr<ServerNode> node;
    Network::Host host = 0;
    std::map<std::string, double> last_seen;  ///< temperature by notification
    std::unique_ptr<RegistrationsMakeSense> registrations_make_sense;
  };
  Witness nonces_;
  KnownPeers known_;
  std::vector<Server> servers_;
  std::vector<Device> devices_;
  std::map<std::string, DeviceLog> logs_;
  bool healed_ = false;
  std::uint32_t addresses_ = 0;
  std::uint64_t tickets_ = 0;

  struct Asked {
    std::size_t server = 0;
    std::string endpoint;
    std::string argument;
    bool observe = false;
    bool durable = false;
  };
  std::map<std::uint64_t, Asked> asked_;

  Complaints complaints_;
  OperationsEndOnce operations_end_once_{complaints_};
  ExecuteAtMostOnce execute_at_most_once_{complaints_};
  AccessIsChecked access_is_checked_{complaints_};
  PeriodsAreKept periods_are_kept_{complaints_, access_is_checked_};
  std::unique_ptr<Provisioning> provisioning_;
  ThiefIsRefused thief_is_refused_{complaints_};
  Device thief_;
  DeviceLog thief_log_;
  WorldReport report_;
};

}  // namespace drover::sim
