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

namespace drover::sim {

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
  };

  void add_device(std::size_t index);
  void switch_on(Device& device, Instant now);
  PeerAddress fresh_address();

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

  // DeviceWatcher
  void reported(Instant now, const std::string& endpoint, client::ServerId server, const coap::Message& message,
                const client::Client& client) override;
  void heard(Instant now, const std::string& endpoint, client::ServerId server, const coap::Message& message) override;
  void served(Instant now, const std::string& endpoint, const client::Served& served,
              const client::Client& client) override;
  void registration_changed(Instant now, const std::string& endpoint, client::ServerId server) override;
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
  };
  std::map<std::uint64_t, Asked> asked_;

  Complaints complaints_;
  OperationsEndOnce operations_end_once_{complaints_};
  ExecuteAtMostOnce execute_at_most_once_{complaints_};
  AccessIsChecked access_is_checked_{complaints_};
  PeriodsAreKept periods_are_kept_{complaints_, access_is_checked_};
  WorldReport report_;
};

}  // namespace drover::sim
