// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "apps/swarm/associations.hpp"
#include "apps/swarm/devices.hpp"
#include "apps/swarm/keys.hpp"
#include "apps/swarm/options.hpp"
#include "apps/swarm/sockets.hpp"
#include "io/clock.hpp"
#include "security/dtls/provider.hpp"

namespace drover::swarm {

/// Takes a swarm through its phases in real time: register, update, hold, deregister. Prints each phase when it is
/// over.
class Runner {
 public:
  /// `interrupted` is set by a signal handler: the phase ends, and the swarm deregisters if it is to. With `keys` its
  /// devices speak DTLS.
  Runner(const Options& options, std::unique_ptr<Sockets> sockets, std::optional<Keys> keys,
         const volatile std::sig_atomic_t& interrupted);

  /// False when anything went wrong on the way.
  bool run();

 private:
  /// Begins `total` exchanges, devices in turn, `rate` a second (0: no limit) and at most `window` at once; waits for
  /// all.
  void exchange(Exchange kind, const char* name, std::uint64_t total, double rate);
  void hold();
  void drain(Instant now);
  void say_goodbye();
  /// Of handshakes, where there were any.
  void print_handshakes(const char* name, double seconds);
  void wait_for_line();
  void turn(std::optional<Instant> until);
  void print(const PhaseReport& report);

  Options options_;
  const volatile std::sig_atomic_t& interrupted_;
  io::SystemRng rng_;
  std::unique_ptr<Sockets> sockets_;
  std::optional<Keys> keys_;
  security::dtls::DtlsProvider provider_;
  std::optional<Associations> associations_;  ///< with keys
  Devices devices_;
  bool heading_ = true;
  bool clean_ = true;
};

}  // namespace drover::swarm
