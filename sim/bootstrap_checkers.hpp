// SPDX-License-Identifier: Apache-2.0
// Safety checkers of a world with a Bootstrap-Server: always on, independent of each other.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bootstrap/session.hpp"
#include "client/client.hpp"
#include "server/fleet.hpp"
#include "sim/checkers.hpp"
#include "store/credentials.hpp"

namespace drover::sim {

/// What a device has of its servers: all resources of objects 0 and 1.
using Configuration = std::vector<std::pair<lwm2m::Path, lwm2m::ResourceNode>>;
[[nodiscard]] Configuration configuration_of(const client::Client& client, Instant now);

/// A server account as a bootstrap writes it.
struct OfferedAccount {
  client::ServerId server = 0;
  std::string uri;
  std::string identity;
  Bytes key;
  friend bool operator==(const OfferedAccount&, const OfferedAccount&) = default;
};
/// The accounts with a pre-shared key in a configuration, those of Bootstrap-Servers left out, by Short Server ID.
[[nodiscard]] std::vector<OfferedAccount> accounts_in(const Configuration& configuration);

/// A device has its factory configuration or one that a finished bootstrap gave it, all of it: nothing else ever, over
/// power failures, too (Core §5.2.3.3, §5.2.6).
class ConfigurationIsWhole {
 public:
  explicit ConfigurationIsWhole(Complaints& complaints) : complaints_(complaints) {}
  /// What a session is about to give to the device, and nothing besides.
  void offered(const std::string& endpoint, std::vector<OfferedAccount> accounts);
  /// The device runs, the first time with its factory configuration. `before_saving`: its power had failed with a
  /// bootstrap finished and not on its disk yet.
  void started(Instant at, const std::string& endpoint, const client::Client& client, bool before_saving);
  /// The device says that a bootstrap is finished.
  void finished(Instant at, const std::string& endpoint, const client::Client& client);
  /// At any moment.
  void look(Instant at, const std::string& endpoint, const client::Client& client);
  [[nodiscard]] std::uint64_t looks() const { return looks_; }

 private:
  struct Device {
    Configuration now, before;  ///< the one in use, and what it replaced
    std::vector<std::vector<OfferedAccount>> offers;
  };
  Complaints& complaints_;
  std::map<std::string, Device> devices_;
  std::uint64_t looks_ = 0;
};

/// No key stands in anything that goes over the network, nor in anything that is said of it to people: as it is, in
/// hexadecimal digits or in Base64.
class SecretsStaySecret {
 public:
  explicit SecretsStaySecret(Complaints& complaints) : complaints_(complaints) {}
  void learn(ByteView key);
  void sent(Instant at, ByteView datagram);
  void said(Instant at, const char* where, std::string_view text);
  void said(Instant at, const bootstrap::Event& event);
  void said(Instant at, const bootstrap::SessionView& view);
  void said(Instant at, const server::Event& event);
  [[nodiscard]] std::uint64_t secrets() const { return secrets_; }
  [[nodiscard]] std::uint64_t texts() const { return texts_; }

 private:
  static constexpr std::size_t kPrefix = sizeof(std::uint64_t);
  [[nodiscard]] bool is_told(std::string_view text) const;
  void add(std::string form);

  Complaints& complaints_;
  std::unordered_map<std::uint64_t, std::vector<std::string>> forms_;  ///< by their first bytes
  std::uint64_t secrets_ = 0, texts_ = 0;
};

/// What of the store opens an endpoint is bound to it, and the device's own keys are among it.
class KeysOpenTheirOwn {
 public:
  KeysOpenTheirOwn(Complaints& complaints, const store::Credentials& store) : complaints_(complaints), store_(store) {}
  /// No entry of one of them may be another.
  void bound(Instant at, const std::vector<std::string>& endpoints);
  /// All accounts of that configuration open the server as that endpoint.
  void opens(Instant at, const std::string& endpoint, const Configuration& configuration);

 private:
  Complaints& complaints_;
  const store::Credentials& store_;
};

/// Watches a device that calls itself another and has keys of its own alone: nobody lets it in.
class ThiefIsRefused final : public DeviceWatcher {
 public:
  explicit ThiefIsRefused(Complaints& complaints) : complaints_(complaints) {}
  /// Handshakes, requests and registrations of it that came to nothing.
  [[nodiscard]] std::uint64_t refusals() const { return refusals_; }

  void bootstrap_changed(Instant now, const std::string& endpoint, const client::BootstrapReport& report,
                         const client::Client& client) override;
  void settled(Instant now, const std::string& endpoint, const client::Client& client) override;
  void explained(Instant, const std::string& reason) override { refusals_ += reason.empty() ? 0U : 1U; }
  void reported(Instant, const std::string&, client::ServerId, const coap::Message&, const client::Client&) override {}
  void heard(Instant, const std::string&, client::ServerId, const coap::Message&) override {}
  void served(Instant, const std::string&, const client::Served&, const client::Client&) override {}
  void registration_changed(Instant, const std::string&, client::ServerId) override {}

 private:
  Complaints& complaints_;
  std::uint64_t refusals_ = 0;
};

}  // namespace drover::sim
