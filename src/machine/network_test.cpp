// SPDX-License-Identifier: Apache-2.0
#include "machine/network.hpp"

#include <algorithm>

#include "machine/test_root.hpp"

namespace drover::machine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FakeRoot;

constexpr std::int64_t kCellular = 7;

const Interface kLoopback{"lo", true, true, {"127.0.0.1", "::1"}};
const Interface kWired{"eth0", false, true, {"192.0.2.5", "2001:db8::5", "fe80::1"}};
const Interface kRadio{"wlan0", false, true, {"198.51.100.7"}};
const Interface kModem{"wwan0", false, true, {"203.0.113.9"}};

struct Gateway : FakeRoot {
  Gateway() {
    file("sys/class/net/eth0/type", "1\n");
    file("sys/class/net/wlan0/type", "1\n");
    file("sys/class/net/wlan0/uevent", "DEVTYPE=wlan\nINTERFACE=wlan0\n");
    file("sys/class/net/wwan0/type", "519\n");
    file("sys/class/net/tun0/type", "65534\n");
    file("proc/net/route",
         "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
         "wlan0\t00000000\t016433C6\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
         "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
         "eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n");
    file("proc/net/ipv6_route",
         "20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 "
         "00000100 00000001 00000000 00000001     eth0\n"
         "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000099 "
         "00000400 00000001 00000000 00000003     eth0\n");
    file("proc/net/wireless",
         "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"
         " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"
         " wlan0: 0000   54.  -56.  -256        0      0      0      0      0        0\n");
  }
};

TEST(MachineNetwork, DefaultRoutesByMetric) {
  const Gateway gateway;
  EXPECT_EQ(read_default_routes(gateway.root()),
            (std::vector<DefaultRoute>{
                {"eth0", "192.0.2.1", 100}, {"wlan0", "198.51.100.1", 600}, {"eth0", "fe80::99", 1024}}));
}

TEST(MachineNetwork, WrongLinesOfRoutesAreLeftOut) {
  const FakeRoot fake;
  EXPECT_TRUE(read_default_routes(fake.root()).empty());
  fake.file("proc/net/route",
            "Iface\neth0\t00000000\tzz\t0003\t0\t0\t0\t00000000\n"
            "eth1\t00000000\t010200C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n"
            "eth2\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n");
  fake.file("proc/net/ipv6_route",
            "00000000000000000000000000000000 00 0 00 fe80 00000400 00000001 00000000 00000003 eth0\nx\n");
  EXPECT_TRUE(read_default_routes(fake.root()).empty()) << "not hex; not up; without a router; half an address";
}

TEST(MachineNetwork, RadioFromProc) {
  const Gateway gateway;
  EXPECT_EQ(read_radio(gateway.root(), "wlan0"), (Radio{54, -56}));
  EXPECT_FALSE(read_radio(gateway.root(), "eth0"));
  gateway.file("proc/net/wireless", " wlan0: 0000   54   200.  0.\n");
  EXPECT_EQ(read_radio(gateway.root(), "wlan0"), (Radio{54, -56})) << "a driver without the sign";
  gateway.file("proc/net/wireless", " wlan0: 0000\n");
  EXPECT_FALSE(read_radio(gateway.root(), "wlan0"));
}

TEST(MachineNetwork, BearersOfE5) {
  const Gateway gateway;
  const auto bearer = [&](const std::string& name) { return bearer_of(gateway.root(), name, kCellular); };
  EXPECT_EQ(bearer("eth0"), 41);
  EXPECT_EQ(bearer("wlan0"), 21);
  EXPECT_EQ(bearer("wwan0"), kCellular);
  EXPECT_EQ(bearer("rmnet_data0"), kCellular);
  EXPECT_EQ(bearer("tun0"), std::nullopt);
  gateway.file("sys/class/net/wpan0/type", "804\n");
  EXPECT_EQ(bearer("wpan0"), 23);
  gateway.file("sys/class/net/bnep0/uevent", "DEVTYPE=bluetooth\n");
  EXPECT_EQ(bearer("bnep0"), 22);
  gateway.file("sys/class/net/ppp0/type", "512\n");
  EXPECT_EQ(bearer("ppp0"), 42);
}

TEST(MachineNetwork, TheInterfaceTowardsTheServerIsInUse) {
  const Gateway gateway;
  const Connectivity wired = describe(gateway.root(), {kLoopback, kWired, kRadio}, "192.0.2.5", kCellular);
  EXPECT_EQ(wired.interface, "eth0");
  EXPECT_EQ(wired.bearer, 41);
  EXPECT_EQ(wired.available, (std::vector<std::int64_t>{41, 21}));
  EXPECT_EQ(wired.addresses, (std::vector<std::string>{"192.0.2.5", "2001:db8::5", "fe80::1", "198.51.100.7"}));
  EXPECT_EQ(wired.routers, (std::vector<std::string>{"192.0.2.1", "fe80::99", "198.51.100.1"}));
  EXPECT_FALSE(wired.radio);

  const Connectivity wireless = describe(gateway.root(), {kLoopback, kWired, kRadio}, "198.51.100.7", kCellular);
  EXPECT_EQ(wireless.bearer, 21);
  EXPECT_EQ(wireless.available, (std::vector<std::int64_t>{21, 41}));
  EXPECT_EQ(wireless.addresses.front(), "198.51.100.7");
  EXPECT_EQ(wireless.routers.front(), "198.51.100.1");
  EXPECT_EQ(wireless.radio, (Radio{54, -56}));
}

TEST(MachineNetwork, OtherwiseThatOfTheFirstDefaultRouteAndThenTheFirstThatRuns) {
  const Gateway gateway;
  const std::vector<Interface> all = {kLoopback, kModem, kRadio, kWired};
  EXPECT_EQ(describe(gateway.root(), all, std::nullopt, kCellular).interface, "eth0");
  EXPECT_EQ(describe(gateway.root(), all, "127.0.0.1", kCellular).interface, "eth0") << "the server is on this machine";
  EXPECT_EQ(describe(gateway.root(), {kLoopback, kModem}, "192.0.2.77", kCellular).bearer, kCellular);
}

TEST(MachineNetwork, InterfacesThatDoNotRunAreNotAvailable) {
  const Gateway gateway;
  Interface down = kRadio;
  down.running = false;
  const Connectivity seen = describe(gateway.root(), {kLoopback, kWired, down}, "198.51.100.7", kCellular);
  EXPECT_EQ(seen.interface, "eth0");
  EXPECT_EQ(seen.available, (std::vector<std::int64_t>{41}));
  EXPECT_EQ(std::count(seen.addresses.begin(), seen.addresses.end(), "198.51.100.7"), 0);
}

TEST(MachineNetwork, NothingButTheLoopbackIsAWireWithItsAddress) {
  const FakeRoot fake;
  const Connectivity alone = describe(fake.root(), {kLoopback}, std::nullopt, kCellular);
  EXPECT_EQ(alone.bearer, 41);
  EXPECT_EQ(alone.available, (std::vector<std::int64_t>{41}));
  EXPECT_EQ(alone.addresses, (std::vector<std::string>{"127.0.0.1", "::1"}));
  EXPECT_TRUE(alone.routers.empty());
  EXPECT_TRUE(describe(fake.root(), {}, std::nullopt, kCellular).addresses.empty());
}

TEST(MachineNetwork, AddressesAreBounded) {
  const FakeRoot fake;
  Interface many = kWired;
  many.addresses.clear();
  for (int i = 0; i < 200; ++i) many.addresses.push_back("2001:db8::" + std::to_string(i));
  EXPECT_EQ(describe(fake.root(), {many}, std::nullopt, kCellular).addresses.size(), kAddressesMax);
}

TEST(MachineNetwork, TheLoadIsThatOfTheBusierDirectionBetweenTwoLooks) {
  const Gateway gateway;
  EXPECT_FALSE(read_traffic(gateway.root(), "eth0")) << "no speed known";
  gateway.file("sys/class/net/eth0/speed", "-1\n");
  gateway.file("sys/class/net/eth0/statistics/rx_bytes", "5000000\n");
  gateway.file("sys/class/net/eth0/statistics/tx_bytes", "1000000\n");
  EXPECT_FALSE(read_traffic(gateway.root(), "eth0")) << "nor with a virtual one";
  gateway.file("sys/class/net/eth0/speed", "100\n");
  const auto traffic = read_traffic(gateway.root(), "eth0");
  ASSERT_TRUE(traffic);
  EXPECT_EQ(traffic->speed, 100'000'000U);

  LinkMeter meter;
  const Instant start{seconds(1000)};
  EXPECT_EQ(meter.look(start, "eth0", traffic), std::nullopt) << "one look says nothing";
  Traffic later = *traffic;
  later.received += 25'000'000;  // 200 Mbit in 4 s on 100 Mbit/s
  later.sent += 5'000'000;
  EXPECT_EQ(meter.look(start + milliseconds(999), "eth0", later), std::nullopt) << "too short a span";
  EXPECT_EQ(meter.look(start + seconds(4), "eth0", later), 50);
  EXPECT_EQ(meter.look(start + seconds(4) + milliseconds(500), "eth0", later), 50) << "kept";
  EXPECT_EQ(meter.look(start + seconds(8), "eth0", later), 0);
  EXPECT_EQ(meter.look(start + seconds(12), "eth0", Traffic{0, 0, later.speed}), 0) << "counters that began anew";
  later.sent += 1'000'000'000;
  EXPECT_EQ(meter.look(start + seconds(13), "eth0", later), 100);
  EXPECT_EQ(meter.look(start + seconds(20), "wlan0", later), std::nullopt) << "another interface";
}

TEST(MachineNetwork, TheKernelListsTheLoopback) {
  const auto interfaces = list_interfaces();
  const auto found = std::find_if(interfaces.begin(), interfaces.end(), [](const auto& i) { return i.loopback; });
  ASSERT_NE(found, interfaces.end());
  EXPECT_EQ(std::count(found->addresses.begin(), found->addresses.end(), "127.0.0.1"), 1);
}

TEST(MachineNetwork, HostsAreWrittenAsTheKernelsAre) {
  EXPECT_EQ(host_of(*transport::PeerAddress::parse("192.0.2.5:9")), "192.0.2.5");
  EXPECT_EQ(host_of(*transport::PeerAddress::parse("[2001:db8:0:0::5]:9")), "2001:db8::5");
}

}  // namespace
}  // namespace drover::machine
