// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.hpp"

namespace drover::swarm {

/// How devices differ from each other on the wire.
enum class Source : std::uint8_t {
  Ports,      ///< one socket, hence one port, each: any server address, as many as descriptors and ports allow
  Addresses,  ///< 127.1.0.1 and up on one socket: a million and more, a server on 127.0.0.0/8 only
};

/// What the command line says. Checked by parse_options().
struct Options {
  /// 127.1.0.1 to 127.255.255.254.
  static constexpr std::uint32_t kAddressesMax = 0x7FFFFFFE - 0x7F010000;
  /// Notifications are non-confirmable, and one in 24 hours would have to be confirmable (RFC 7641 §4.5).
  static constexpr std::uint32_t kDurationMax = 24 * 3600 - 1;
  static constexpr std::uint32_t kSensorsMax = 100;
  static constexpr std::size_t kEndpointMax = 255 - 3;  ///< bytes of a name: a Uri-Query has 255, "ep=" takes three

  std::string server = "127.0.0.1";
  std::uint32_t count = 100;
  std::uint32_t first = 1;                   ///< number of the first device: several swarms can share a server
  std::string prefix = "urn:dev:os:swarm-";  ///< endpoint names are this and the device's number
  Source source = Source::Ports;
  double rate = 0;                  ///< exchanges begun per second while registering; 0: as fast as `window` allows
  std::uint32_t window = 256;       ///< exchanges of ours that may wait for their answers at once
  std::uint32_t lifetime = 86400;   ///< seconds
  std::uint32_t update_every = 0;   ///< seconds; 0: at three quarters of the lifetime
  std::uint64_t again = 0;          ///< Registers after the first ones, devices in turn; each replaces a registration
  std::uint64_t updates = 0;        ///< Updates after the registrations, devices in turn
  double update_rate = 0;           ///< of those; 0: as fast as `window` allows
  std::uint32_t notify_every = 10;  ///< seconds between the notifications of an observation
  std::uint32_t duration = 0;       ///< seconds to answer and notify after that; 0: until Ctrl-C unless `updates`
  std::uint32_t sensors = 8;        ///< instances of object 3303, besides /1/0 and /3/0
  bool deregister = false;
  bool json = false;
  bool step = false;              ///< waits for a line on standard input before each phase
  std::string psk_secret_file;    ///< what all keys are made from; "": no DTLS
  std::string write_credentials;  ///< file for the credentials of all devices; then that is all
  bool resume = false;            ///< a device that was restarted resumes its DTLS session

  [[nodiscard]] bool is_secure() const { return !psk_secret_file.empty(); }
  [[nodiscard]] std::string endpoint(std::uint32_t device) const {
    return prefix + std::to_string(std::uint64_t{first} + device);
  }
};

}  // namespace drover::swarm
