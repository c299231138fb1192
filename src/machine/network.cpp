// SPDX-License-Identifier: Apache-2.0
#include "machine/network.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "client/objects/connectivity_object.hpp"

namespace drover::machine {

using client::ConnectivityObject;

namespace {

constexpr std::int64_t kArpRawIp = 519;      // ARPHRD_RAWIP and ARPHRD_6LOWPAN of linux/if_arp.h, which can't be
constexpr std::int64_t kArp6Lowpan = 825;    // included beside net/if.h
constexpr std::int64_t kRouteGateway = 0x2;  // RTF_GATEWAY of linux/route.h
constexpr std::int64_t kRouteUp = 0x1;       // RTF_UP

std::optional<std::string> text_of(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(family, address, text.data(), text.size()) == nullptr) return std::nullopt;
  return std::string(text.data());
}

std::optional<std::string> text_of(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) return text_of(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr);
  if (address->sa_family == AF_INET6) {
    return text_of(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
  }
  return std::nullopt;
}

/// /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask ..., addresses as the memory's word in hex.
void add_v4_routes(std::string_view text, std::vector<DefaultRoute>& routes) {
  for (const std::string_view line : lines_of(text)) {
    const auto words = words_of(line);
    if (words.size() < 8 || words[1] != "00000000" || words[7] != "00000000") continue;
    const auto gateway = parse_number(words[2], 16);
    const auto flags = parse_number(words[3], 16);
    const auto metric = parse_number(words[6]);
    if (!gateway || !flags || !metric || (*flags & kRouteGateway) == 0 || (*flags & kRouteUp) == 0) continue;
    const in_addr address{static_cast<in_addr_t>(*gateway)};
    if (auto router = text_of(AF_INET, &address)) {
      routes.push_back({std::string(words[0]), std::move(*router), *metric});
    }
  }
}

std::optional<in6_addr> parse_v6(std::string_view hex) {
  in6_addr address{};
  if (hex.size() != 2 * sizeof address.s6_addr) return std::nullopt;
  for (std::size_t i = 0; i < sizeof address.s6_addr; ++i) {
    const auto byte = parse_number(hex.substr(2 * i, 2), 16);
    if (!byte) return std::nullopt;
    address.s6_addr[i] = static_cast<std::uint8_t>(*byte);
  }
  return address;
}

/// /proc/net/ipv6_route: destination, its prefix length, source, its, next hop, metric, references, uses, flags, name.
void add_v6_routes(std::string_view text, std::vector<DefaultRoute>& routes) {
  for (const std::string_view line : lines_of(text)) {
    const auto words = words_of(line);
    if (words.size() < 10 || words[1] != "00") continue;
    const auto metric = parse_number(words[5], 16);
    const auto flags = parse_number(words[8], 16);
    const auto hop = parse_v6(words[4]);
    if (!metric || !flags || !hop || (*flags & kRouteGateway) == 0 || (*flags & kRouteUp) == 0) continue;
    if (auto router = text_of(AF_INET6, &*hop)) {
      routes.push_back({std::string(words[9]), std::move(*router), *metric});
    }
  }
}

void sort_by_metric(std::vector<DefaultRoute>& routes) {
  std::stable_sort(routes.begin(), routes.end(), [](const auto& a, const auto& b) { return a.metric < b.metric; });
}

/// The value of DEVTYPE in a device's uevent file.
std::string device_type(const Root& root, const std::string& folder) {
  constexpr std::string_view kKey = "DEVTYPE=";
  const std::string text = root.text(folder + "uevent").value_or("");
  for (const std::string_view line : lines_of(text)) {
    if (line.starts_with(kKey)) return std::string(line.substr(kKey.size()));
  }
  return {};
}

bool has_address(const Interface& interface, const std::string& address) {
  return std::find(interface.addresses.begin(), interface.addresses.end(), address) != interface.addresses.end();
}

/// Runs, with an address, and isn't the loopback.
bool is_useful(const Interface& interface) {
  return interface.running && !interface.loopback && !interface.addresses.empty();
}

const Interface* in_use(const std::vector<Interface>& interfaces, const std::vector<DefaultRoute>& routes,
                        const std::optional<std::string>& own) {
  for (const Interface& interface : interfaces) {
    if (own && is_useful(interface) && has_address(interface, *own)) return &interface;
  }
  for (const DefaultRoute& route : routes) {
    for (const Interface& interface : interfaces) {
      if (is_useful(interface) && interface.name == route.interface) return &interface;
    }
  }
  const auto first = std::find_if(interfaces.begin(), interfaces.end(), is_useful);
  return first == interfaces.end() ? nullptr : &*first;
}

void add_new(std::vector<std::string>& list, const std::string& text) {
  if (list.size() < kAddressesMax && std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

}  // namespace

std::string host_of(const transport::PeerAddress& address) {
  if (!address.is_v4()) return text_of(AF_INET6, address.host.data()).value_or("");
  return text_of(AF_INET, address.host.data() + address.host.size() - sizeof(in_addr)).value_or("");
}

std::vector<Interface> list_interfaces() {
  std::vector<Interface> interfaces;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return interfaces;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const auto same = std::find_if(interfaces.begin(), interfaces.end(),
                                   [&](const Interface& interface) { return interface.name == entry->ifa_name; });
    Interface& interface = same == interfaces.end() ? interfaces.emplace_back() : *same;
    interface.name = entry->ifa_name;
    interface.loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
    interface.running = (entry->ifa_flags & IFF_UP) != 0 && (entry->ifa_flags & IFF_RUNNING) != 0;
    if (auto address = text_of(entry->ifa_addr)) interface.addresses.push_back(std::move(*address));
  }
  return interfaces;
}

std::vector<DefaultRoute> read_default_routes(const Root& root) {
  std::vector<DefaultRoute> routes;
  std::vector<DefaultRoute> v6;
  if (const auto text = root.text("proc/net/route")) add_v4_routes(*text, routes);
  if (const auto text = root.text("proc/net/ipv6_route")) add_v6_routes(*text, v6);
  sort_by_metric(routes);
  sort_by_metric(v6);
  routes.insert(routes.end(), v6.begin(), v6.end());
  return routes;
}

std::optional<Radio> read_radio(const Root& root, const std::string& interface) {
  // " wlan0: 0000   54.  -56.  -256        0 ...": status, link, level, noise; a dot marks a fresh value.
  const auto text = root.text("proc/net/wireless");
  if (!text) return std::nullopt;
  const auto whole = [](std::string_view word) {
    if (word.ends_with('.')) word.remove_suffix(1);
    return parse_number(word);
  };
  for (const std::string_view line : lines_of(*text)) {
    const auto words = words_of(line);
    if (words.size() < 4 || words[0] != interface + ":") continue;
    const auto quality = whole(words[2]);
    const auto level = whole(words[3]);
    if (!quality || !level) return std::nullopt;
    // Some drivers give the byte without its sign.
    return Radio{*quality, *level > 0 ? *level - 256 : *level};
  }
  return std::nullopt;
}

std::optional<std::int64_t> bearer_of(const Root& root, const std::string& interface, std::int64_t cellular) {
  const std::string folder = "sys/class/net/" + interface + "/";
  const std::string type = device_type(root, folder);
  if (type == "wlan" || root.exists(folder + "wireless") || root.exists(folder + "phy80211")) {
    return ConnectivityObject::kWlan;
  }
  const std::string_view name = interface;
  if (type == "wwan" || name.starts_with("wwan") || name.starts_with("rmnet")) return cellular;
  if (type == "bluetooth" || name.starts_with("bnep")) return ConnectivityObject::kBluetooth;
  switch (root.number(folder + "type").value_or(ARPHRD_ETHER)) {
    case ARPHRD_ETHER: return ConnectivityObject::kEthernet;
    case ARPHRD_IEEE802154:
    case kArp6Lowpan: return ConnectivityObject::kIeee802154;
    case kArpRawIp: return cellular;
    case ARPHRD_PPP: return ConnectivityObject::kDsl;
    default: return std::nullopt;
  }
}

std::optional<Traffic> read_traffic(const Root& root, const std::string& interface) {
  constexpr std::uint64_t kMegabit = 1'000'000;
  const std::string folder = "sys/class/net/" + interface + "/";
  const auto speed = root.number(folder + "speed");
  const auto received = root.number(folder + "statistics/rx_bytes");
  const auto sent = root.number(folder + "statistics/tx_bytes");
  if (!speed || *speed <= 0 || !received || !sent || *received < 0 || *sent < 0) return std::nullopt;
  return Traffic{static_cast<std::uint64_t>(*received), static_cast<std::uint64_t>(*sent),
                 static_cast<std::uint64_t>(*speed) * kMegabit};
}

std::optional<std::int64_t> LinkMeter::look(Instant now, const std::string& interface,
                                            const std::optional<Traffic>& traffic) {
  if (!before_ || !traffic || interface != interface_) {
    interface_ = interface;
    before_ = traffic;
    at_ = now;
    percent_.reset();
    return percent_;
  }
  if (now - at_ < kSpanMin) return percent_;
  const auto grown = [](std::uint64_t from, std::uint64_t to) { return to > from ? to - from : 0; };
  constexpr double kBits = 8;
  constexpr double kPercent = 100;
  const double bytes =
      static_cast<double>(std::max(grown(before_->received, traffic->received), grown(before_->sent, traffic->sent)));
  const double room = static_cast<double>(traffic->speed) * std::chrono::duration<double>(now - at_).count();
  percent_ = static_cast<std::int64_t>(std::min(kPercent, bytes * kBits * kPercent / room));
  before_ = traffic;
  at_ = now;
  return percent_;
}

Connectivity describe(const Root& root, const std::vector<Interface>& interfaces, const std::optional<std::string>& own,
                      std::int64_t cellular) {
  Connectivity result;
  result.bearer = ConnectivityObject::kEthernet;
  const auto routes = read_default_routes(root);
  const Interface* used = in_use(interfaces, routes, own);
  if (used != nullptr) {
    result.interface = used->name;
    result.bearer = bearer_of(root, used->name, cellular).value_or(ConnectivityObject::kEthernet);
    result.radio = read_radio(root, used->name);
    for (const std::string& address : used->addresses) add_new(result.addresses, address);
    for (const DefaultRoute& route : routes) {
      if (route.interface == used->name) add_new(result.routers, route.router);
    }
  }
  result.available.push_back(result.bearer);
  for (const Interface& interface : interfaces) {
    if (!is_useful(interface)) continue;
    const auto bearer = bearer_of(root, interface.name, cellular);
    const auto& known = result.available;
    if (bearer && std::find(known.begin(), known.end(), *bearer) == known.end()) result.available.push_back(*bearer);
    for (const std::string& address : interface.addresses) add_new(result.addresses, address);
  }
  for (const DefaultRoute& route : routes) add_new(result.routers, route.router);
  for (const Interface& interface : interfaces) {
    if (!result.addresses.empty()) break;
    for (const std::string& address : interface.addresses) add_new(result.addresses, address);
  }
  return result;
}

}  // namespace drover::machine
