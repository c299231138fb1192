// SPDX-License-Identifier: Apache-2.0
// A shard and the datagrams of many devices, in one process and in virtual time: what the server costs without the
// kernel.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "server/shard.hpp"

namespace drover::bench {

/// Devices with ten object links each, equal for all of them, as most fleets are. Their Updates come in turn, each
/// device's every 300 s, so that the deduplication table holds what EXCHANGE_LIFETIME (247 s) of that load leaves in
/// it.
class FleetLoad {
 public:
  static constexpr Duration kUpdateEvery = std::chrono::seconds(300);

  explicit FleetLoad(std::uint32_t devices, const char* binding = "U");

  /// Makes the shard and registers all devices. What was allocated before isn't the server's.
  void register_all();
  /// The next device's Update: a datagram in, a datagram out. Asserts that it was answered.
  void update();
  /// Makes the Registers of register_again(); before it, so that this isn't measured with it.
  void prepare_registers();
  /// The next device's Register, which replaces its registration: a datagram in, a datagram out. No update() after it.
  void register_again();
  /// Time goes by.
  void pass(Duration time) { now_ += time; }
  /// What the server sends when that device sends its Update: the answer, and what waited for it.
  std::vector<Bytes> wake(std::uint32_t device);
  /// The same for any datagram of the device's.
  std::vector<Bytes> say(std::uint32_t device, ByteView bytes);
  [[nodiscard]] server::Shard& shard() { return *shard_; }
  [[nodiscard]] Instant now() const { return now_; }
  static std::string name(std::uint32_t device);
  [[nodiscard]] std::uint32_t devices() const { return static_cast<std::uint32_t>(updates_.size()); }
  [[nodiscard]] std::uint64_t answered() const { return answered_; }

 private:
  static constexpr std::size_t kDatagramMax = 64;
  struct Datagram {
    std::array<std::uint8_t, kDatagramMax> bytes{};
    std::uint8_t size = 0;
  };

  [[nodiscard]] transport::PeerAddress address(std::uint32_t device) const;
  Bytes exchange(std::uint32_t device, ByteView bytes);
  Bytes register_datagram(std::uint32_t device, std::uint16_t id);
  void advance();
  void remember_update(std::uint32_t device, const Bytes& created);

  SplitMix rng_{1};
  Instant now_{std::chrono::seconds(1)};
  Duration step_;
  lwm2m::Uplink registration_;  ///< all but the endpoint is the same for every device
  std::vector<Datagram> updates_;
  std::vector<Bytes> registers_;
  std::unique_ptr<server::Shard> shard_;
  std::uint32_t next_ = 0;
  std::uint16_t round_ = 0;
  std::uint64_t answered_ = 0;
};

}  // namespace drover::bench
