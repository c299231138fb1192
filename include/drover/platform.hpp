// SPDX-License-Identifier: Apache-2.0
// What a device has in the place of Linux: clocks, random bits and a network.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace drover {

/// Implemented for a device that isn't Linux, or a simulation. All but wake() is called where Client::process() is, within
/// calls of the Client, and must not call it back. It outlives the Client.
class Platform {
 public:
  virtual ~Platform() = default;

  /// Since any instant; never goes back.
  virtual std::chrono::microseconds monotonic() = 0;
  /// Since 1970 (UTC), for /3/0/13 and the dates in certificates.
  virtual std::chrono::seconds wall_clock() = 0;
  /// Fit for keys: a generator that is guessed gives away every association.
  virtual void random(std::uint8_t* to, std::size_t size) = 0;
  /// A UDP datagram to "192.0.2.1:5684" or "[2001:db8::1]:5684", from one local port; it may be lost.
  virtual void send(const std::string& to, const std::uint8_t* bytes, std::size_t size) = 0;
  /// Addresses of a host as send() takes them; none when there are none now: it is asked again. May wait for a name server.
  virtual std::vector<std::string> resolve(const std::string& host, std::uint16_t port) = 0;
  /// Another thread has something for Client::process(). From any thread.
  virtual void wake() {}
};

}  // namespace drover
