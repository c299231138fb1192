// SPDX-License-Identifier: Apache-2.0
// The machine's network in the terms of the Connectivity Monitoring object (Core E.5).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "machine/root.hpp"
#include "transport/datagram.hpp"

namespace drover::machine {

/// One network interface as the kernel lists it.
struct Interface {
  std::string name;
  bool loopback = false;
  bool running = false;                ///< up, and with a carrier
  std::vector<std::string> addresses;  ///< "192.0.2.5", "2001:db8::5", "fe80::1"; without zone
  friend bool operator==(const Interface&, const Interface&) = default;
};

/// The host of an address in the form of Interface::addresses.
std::string host_of(const transport::PeerAddress& address);

/// All interfaces of this machine in the kernel's order; empty when it doesn't tell.
std::vector<Interface> list_interfaces();

/// A router on the way to everywhere.
struct DefaultRoute {
  std::string interface;
  std::string router;
  std::int64_t metric = 0;
  friend bool operator==(const DefaultRoute&, const DefaultRoute&) = default;
};
/// Of /proc/net/route and /proc/net/ipv6_route, IPv4 first, each by metric.
std::vector<DefaultRoute> read_default_routes(const Root& root);

struct Radio {
  std::int64_t quality = 0;  ///< the driver's own scale, most count to 70
  std::int64_t level = 0;    ///< dBm
  friend bool operator==(const Radio&, const Radio&) = default;
};
/// Of /proc/net/wireless; nothing for an interface that isn't listed there.
std::optional<Radio> read_radio(const Root& root, const std::string& interface);

/// Below it a WLAN loses packets (/3/0/11, code 4), in dBm.
inline constexpr std::int64_t kWeakSignal = -85;

/// Value of /4/0/0 for an interface: by the kernel's device type, link type and name; 41 (Ethernet) for what has
/// Ethernet's form, nothing for a tunnel. The kernel doesn't tell which kind of network a modem is in: `cellular`.
std::optional<std::int64_t> bearer_of(const Root& root, const std::string& interface, std::int64_t cellular);

/// What went over an interface since it is up, and what it could carry.
struct Traffic {
  std::uint64_t received = 0;  ///< bytes
  std::uint64_t sent = 0;      ///< bytes
  std::uint64_t speed = 0;     ///< bits per second in each direction
};
/// Nothing where the kernel knows no speed, as for a WLAN.
std::optional<Traffic> read_traffic(const Root& root, const std::string& interface);

/// The average load between two looks.
class LinkMeter {
 public:
  /// Shorter spans say more about a packet than about the link.
  static constexpr Duration kSpanMin = std::chrono::seconds(1);

  /// In percent of the busier direction; nothing at the first look at an interface.
  std::optional<std::int64_t> look(Instant now, const std::string& interface, const std::optional<Traffic>& traffic);

 private:
  std::string interface_;
  std::optional<Traffic> before_;
  Instant at_;
  std::optional<std::int64_t> percent_;
};

/// Of one resource there are not more instances, however many addresses a machine has.
inline constexpr std::size_t kAddressesMax = 32;

struct Connectivity {
  std::string interface;  ///< the one in use; "" when there is none
  std::int64_t bearer = 0;
  std::vector<std::int64_t> available;
  std::vector<std::string> addresses;  ///< of the interface in use first
  std::vector<std::string> routers;    ///< likewise
  std::optional<Radio> radio;
};

/// The interface in use is the one that has `own`, the own address towards the server; where that is a loopback address
/// or unknown, the one of the first default route, or the first that runs. With none of them the bearer is Ethernet and
/// the address the loopback's.
Connectivity describe(const Root& root, const std::vector<Interface>& interfaces, const std::optional<std::string>& own,
                      std::int64_t cellular);

}  // namespace drover::machine
