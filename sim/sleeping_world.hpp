// SPDX-License-Identifier: Apache-2.0
// Devices that sleep, and short messages that take minutes: queue mode, triggers and secured packets, with faults from a
// seed; then everything heals and has to converge.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/client.hpp"
#include "lwm2m/model/registry.hpp"
#include "server/shard.hpp"
#include "sim/checkers.hpp"
#include "sim/network.hpp"
#include "sim/sleep_checkers.hpp"
#include "sim/sms_network.hpp"

namespace drover::sim {

struct SleepingWorldSettings {
  std::uint64_t seed = 1;
  std::size_t devices = 1000;
  std::size_t shards = 3;
  Duration length = std::chrono::hours(12);
  Duration operation_every = std::chrono::seconds(2);
  Duration fault_every = std::chrono::minutes(1);  ///< somewhere in the world, on average
  std::uint32_t lifetime = 7200;                   ///< seconds
  SmsLink sms{std::chrono::seconds(3), std::chrono::minutes(3), 50, 50, 30, std::chrono::hours(6), 30};
  Duration awake_error{};  ///< the server takes devices for awake that much too long: a flaw
};

struct SleepingWorldReport {
  std::vector<std::string> complaints;
  std::uint64_t operations = 0, queued = 0, done = 0, failed = 0, expired = 0;
  std::uint64_t requeued = 0, triggers = 0, triggers_failed = 0, fallbacks = 0;
  std::uint64_t sleeps = 0, executed = 0, writes = 0, faults = 0;
  std::uint64_t short_messages = 0, replayed = 0, altered = 0;
  std::uint64_t refused_packets = 0;  ///< replayed, altered or reflected, and noticed
  std::uint64_t taken_packets = 0;
  std::uint64_t trace = 0;
};

/// The devices: half of them with binding UQ, the others UQS, whose short messages are secured packets; one in eight with
/// S, whose registration goes over them, too.
class SleepingWorld {
 public:
  SleepingWorld(const lwm2m::model::Registry& definitions, const SleepingWorldSettings& settings);
  ~SleepingWorld();
  SleepingWorldReport run();

 private:
  class Sleeper;
  class Fleet;

  void every(Duration mean, void (SleepingWorld::*action)(Instant));
  void operation(Instant now);
  void fault(Instant now);
  void heal();
  void expect_convergence(Instant now);
  void sent(Instant now, const Transmit& transmit);
  void ended(Instant now, const server::OperationDone& done);
  void complain_if(bool wrong, const std::string& what);
  PeerAddress fresh();
  Sleeper& some_sleeper();

  const lwm2m::model::Registry& definitions_;
  SleepingWorldSettings settings_;
  Network network_;
  SmsNetwork sms_;
  Complaints complaints_;
  OperationsEndOnce operations_end_once_{complaints_};
  OrderIsKept order_is_kept_{complaints_};
  SleepIsRespected sleep_is_respected_{complaints_};
  PacketsAreTakenOnce packets_are_taken_once_{complaints_};
  std::vector<std::unique_ptr<Sleeper>> sleepers_;
  std::map<PeerAddress, Sleeper*> by_address_;
  std::unique_ptr<Fleet> fleet_;
  std::uint64_t tickets_ = 0;
  std::uint32_t addresses_ = 0;
  bool healed_ = false;
  SleepingWorldReport report_;
};

}  // namespace drover::sim
