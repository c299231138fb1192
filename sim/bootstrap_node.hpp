// SPDX-License-Identifier: Apache-2.0
// The Bootstrap-Server as a host of the simulated network, with who makes its keys.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bootstrap/server.hpp"
#include "lwm2m/model/registry.hpp"
#include "provision/key_keeper.hpp"
#include "security/dtls/provider.hpp"
#include "sim/network.hpp"
#include "store/credentials.hpp"

namespace drover::sim {

/// As droverd has it: the keeper waits for its disk on a thread of its own, so that keys come a while after they were
/// asked for, in the order of the questions, and sometimes too late. The store is another's, and outlives restarts.
class BootstrapServerNode final : public Node {
 public:
  struct Setup {
    std::uint64_t seed = 0;
    store::Credentials* credentials = nullptr;
    const lwm2m::model::Registry* definitions = nullptr;
    security::dtls::Parameters dtls{};
    /// A flaw: keys go over the network for everybody to read.
    bool nosec = false;
  };
  explicit BootstrapServerNode(const Setup& setup);

  /// Of the name in it; it stays over restarts.
  void put_plan(const std::string& name, const std::string& json);
  void remove_plan(const std::string& name);
  /// Another process takes its place. What the keeper was about to do is done for some sessions, and nobody is told.
  void restart(Instant now, Duration jump);
  [[nodiscard]] const bootstrap::BootstrapServer& server() const { return *server_; }

  std::function<void(Instant, const bootstrap::Event&)> on_event;
  /// Before the server has them.
  std::function<void(Instant, const bootstrap::KeysWanted&, const std::vector<security::ClientCredential>&)> on_keys;

  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_timeout(Instant now) override;
  std::optional<Transmit> poll_transmit() override;
  [[nodiscard]] std::optional<Instant> deadline() const override;
  void after(Instant now) override;

 private:
  struct Job {
    Instant due;
    std::variant<bootstrap::KeysWanted, bootstrap::SessionEnded> what;
  };
  void make_server();
  void post(Instant now, std::variant<bootstrap::KeysWanted, bootstrap::SessionEnded> what);
  void work(Instant now, const Job& job, bool tell);

  Setup setup_;
  SplitMix rng_;
  Duration wall_offset_{};
  std::map<std::string, bootstrap::SharedPlan> plans_;
  std::unique_ptr<security::Acceptor> acceptor_;
  std::unique_ptr<bootstrap::BootstrapServer> server_;
  std::unique_ptr<provision::KeyKeeper> keeper_;
  std::deque<Job> jobs_;
};

}  // namespace drover::sim
