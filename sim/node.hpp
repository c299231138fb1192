// SPDX-License-Identifier: Apache-2.0
// A device and a server as hosts of the simulated network.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/client.hpp"
#include "lwm2m/model/registry.hpp"
#include "server/shard.hpp"
#include "sim/network.hpp"

namespace drover::sim {

/// What a device did, kept apart from the device because it outlives restarts.
struct DeviceLog {
  std::map<std::string, int> executed;  ///< by the argument's value
};

/// A client with objects 0, 1, 3 and one 3303; its execute is counted in the log.
class DeviceNode final : public Node, private client::ObjectBehaviour {
 public:
  static constexpr client::ServerId kServer = 1;

  struct Setup {
    std::string endpoint;
    PeerAddress server;
    std::uint32_t lifetime = 300;
    std::uint64_t seed = 0;
  };

  DeviceNode(const lwm2m::model::Registry& definitions, const Setup& setup, DeviceLog& log);

  void start(Instant now);
  void stop(Instant now) { client_.stop(now); }
  /// The interface of the device has another address, and the device knows it.
  void address_changed(Instant now) { client_.address_changed(now); }
  void set_temperature(Instant now, double value);
  [[nodiscard]] double temperature(Instant now) const;
  [[nodiscard]] bool is_registered() const;

  void handle_datagram(Instant now, const Datagram& datagram) override { client_.handle_datagram(now, datagram); }
  void handle_timeout(Instant now) override { client_.handle_timeout(now); }
  std::optional<Transmit> poll_transmit() override { return client_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> deadline() const override;
  void after(Instant now) override;

 private:
  Result<void> execute(const client::Context& context, const lwm2m::Path& path,
                       const client::Arguments& arguments) override;

  SplitMix rng_;
  Setup setup_;
  DeviceLog& log_;
  client::Client client_;
};

/// A server of several shards behind one address; who sends from where decides the shard, as SO_REUSEPORT does.
class ServerNode final : public Node {
 public:
  ServerNode(std::size_t shards, std::uint64_t seed);

  /// Called for every event, with the shard it comes from.
  std::function<void(Instant, const server::Event&)> on_event;
  std::function<void(Instant, const server::OperationDone&)> on_done;

  void operate(Instant now, server::Ticket ticket, const std::string& endpoint, const lwm2m::Downlink& operation);
  [[nodiscard]] std::vector<server::DeviceView> devices() const;

  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_timeout(Instant now) override;
  std::optional<Transmit> poll_transmit() override;
  [[nodiscard]] std::optional<Instant> deadline() const override;
  void after(Instant now) override;

 private:
  SplitMix rng_;
  std::vector<std::unique_ptr<server::Shard>> shards_;
};

}  // namespace drover::sim
