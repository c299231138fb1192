// SPDX-License-Identifier: Apache-2.0
// The part of a world that hands out keys: store, Bootstrap-Server and plans, with what must hold of them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/bootstrap_checkers.hpp"
#include "sim/bootstrap_node.hpp"
#include "sim/network.hpp"
#include "store/credential_table.hpp"
#include "store/credentials.hpp"

namespace drover::sim {

class Provisioning {
 public:
  struct Setup {
    std::uint64_t seed = 0;
    std::vector<PeerAddress> servers;  ///< Short Server ID 1 and up
    security::dtls::Watcher* watcher = nullptr;
    bool nosec = false;  ///< a flaw
  };
  Provisioning(const lwm2m::model::Registry& definitions, Network& network, Complaints& complaints, const Setup& setup);

  [[nodiscard]] store::Credentials& store() { return *store_; }
  [[nodiscard]] Network::Host host() const { return host_; }

  /// A credential of that purpose for a device, as an administrator or a factory makes it.
  security::PskCredential enrol(store::Purpose purpose, const std::string& endpoint);
  /// Removes all that opens the LwM2M Server as that endpoint.
  void revoke(Instant now, const std::string& endpoint);
  /// Whether it lets the endpoint in at the Bootstrap-Server.
  void admit(const std::string& endpoint, bool admitted);
  /// Devices get new keys from now on, or keep what they have; all, or those that the pattern names.
  void change_plan(bool rotate);
  void restart(Instant now, Duration jump);

  void finished(Instant now, const std::string& endpoint, const client::Client& client);
  /// No key of one of them opens another; once in a while.
  void look(Instant now, const std::vector<std::string>& endpoints);
  /// Its keys are in the store.
  void at_end(Instant now, const std::string& endpoint, const client::Client& client);

  ConfigurationIsWhole configuration_is_whole;
  SecretsStaySecret secrets_stay_secret;
  std::uint64_t sessions = 0, finished_sessions = 0, failed_sessions = 0, unknown_sessions = 0, restarts = 0;

 private:
  void on_event(Instant now, const bootstrap::Event& event);
  void on_keys(const bootstrap::KeysWanted& wanted, const std::vector<security::ClientCredential>& keys);
  [[nodiscard]] std::string plan(const std::string& name, const std::string& endpoints, bool rotate) const;
  [[nodiscard]] std::string access() const;

  Network& network_;
  Setup setup_;
  std::shared_ptr<store::MemoryCredentialTable::Disk> disk_ = std::make_shared<store::MemoryCredentialTable::Disk>();
  std::unique_ptr<store::Credentials> store_;
  std::unique_ptr<KeysOpenTheirOwn> keys_open_their_own_;
  std::unique_ptr<BootstrapServerNode> node_;
  Network::Host host_ = 0;
  std::map<std::string, Instant> revoked_;
  std::uint64_t enrolled_ = 0;
};

}  // namespace drover::sim
