// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "apps/swarm/options.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "transport/datagram.hpp"

namespace drover::swarm {

/// The devices' side of the network: datagrams go from a device to the server and back. One thread.
class Sockets {
 public:
  using Handler = std::function<void(std::uint32_t device, ByteView bytes)>;

  /// Errors say which limit is in the way and what to do.
  static Result<std::unique_ptr<Sockets>> open(const Options& options, const transport::PeerAddress& server);
  virtual ~Sockets() = default;

  /// What the kernel doesn't take is dropped and counted: CoAP repeats.
  virtual void send(std::uint32_t device, Bytes bytes) = 0;
  /// Hands over what send() gathered.
  virtual void flush() = 0;
  /// Waits up to `longest` for datagrams of the server and hands over those that are there. Returns early on a signal.
  virtual void receive(Duration longest, const Handler& handle) = 0;

  [[nodiscard]] std::uint64_t unsent() const { return unsent_; }

 protected:
  std::uint64_t unsent_ = 0;
};

}  // namespace drover::swarm
