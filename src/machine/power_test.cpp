// SPDX-License-Identifier: Apache-2.0
#include "machine/power.hpp"

#include "machine/test_root.hpp"

namespace drover::machine {
namespace {

using testing::FakeRoot;

const std::string kSupplies = "sys/class/power_supply/";

struct Laptop : FakeRoot {
  Laptop() {
    file(kSupplies + "AC/type", "Mains\n");
    file(kSupplies + "AC/online", "1\n");
    battery("BAT0", "Charging", 80);
    file(kSupplies + "BAT0/voltage_now", "12345678\n");
    file(kSupplies + "BAT0/current_now", "-1500000\n");
    file(kSupplies + "hidpp_battery_0/type", "Battery\n");
    file(kSupplies + "hidpp_battery_0/scope", "Device\n");
    file(kSupplies + "hidpp_battery_0/capacity", "5\n");
  }
  void battery(const std::string& name, std::string_view status, int level) const {
    file(kSupplies + name + "/type", "Battery\n");
    file(kSupplies + name + "/present", "1\n");
    file(kSupplies + name + "/status", status);
    file(kSupplies + name + "/capacity", std::to_string(level) + "\n");
  }
  [[nodiscard]] Power power() const { return read_power(root()); }
};

TEST(MachinePower, NothingIsKnownWithoutSupplies) {
  const FakeRoot fake;
  const Power power = read_power(fake.root());
  EXPECT_TRUE(power.sources.empty());
  EXPECT_FALSE(power.battery_level);
  EXPECT_FALSE(power.battery_status);
  EXPECT_FALSE(power.battery_low);
  EXPECT_FALSE(power.external_off);
}

TEST(MachinePower, ALaptopHasMainsAndABattery) {
  const Laptop laptop;
  const Power power = laptop.power();
  EXPECT_EQ(power.sources, (std::vector<PowerSource>{{0, PowerKind::Mains, std::nullopt, std::nullopt},
                                                     {1, PowerKind::InternalBattery, 12345, -1500}}))
      << "and not the mouse's";
  EXPECT_EQ(power.battery_level, 80);
  EXPECT_EQ(power.battery_status, BatteryStatus::Charging);
  EXPECT_FALSE(power.external_off);
}

TEST(MachinePower, TheBatteryKeepsItsIdWhenThePlugIsPulled) {
  const Laptop laptop;
  laptop.file(kSupplies + "AC/online", "0\n");
  laptop.file(kSupplies + "BAT0/status", "Discharging\n");
  const Power power = laptop.power();
  ASSERT_EQ(power.sources.size(), 1U);
  EXPECT_EQ(power.sources.front().id, 1);
  EXPECT_TRUE(power.external_off);
  EXPECT_EQ(power.battery_status, BatteryStatus::Normal);
  EXPECT_FALSE(power.battery_low);
}

TEST(MachinePower, EveryBatteryStatusOfE4) {
  const Laptop laptop;
  const auto status = [&](std::string_view text, int level) {
    laptop.battery("BAT0", text, level);
    return laptop.power().battery_status;
  };
  EXPECT_EQ(status("Discharging\n", 50), BatteryStatus::Normal);
  EXPECT_EQ(status("Charging\n", 5), BatteryStatus::Charging);
  EXPECT_EQ(status("Full\n", 100), BatteryStatus::ChargeComplete);
  EXPECT_EQ(status("Not charging\n", 80), BatteryStatus::ChargeComplete) << "as full as its limit allows";
  EXPECT_EQ(status("Discharging\n", kBatteryLow), BatteryStatus::LowBattery);
  EXPECT_EQ(status("Discharging\n", kBatteryLow + 1), BatteryStatus::Normal);
  EXPECT_EQ(status("Unknown\n", 50), BatteryStatus::Unknown);
  laptop.file(kSupplies + "BAT0/health", "Overheat\n");
  EXPECT_EQ(status("Charging\n", 50), BatteryStatus::Damaged);
  laptop.file(kSupplies + "BAT0/present", "0\n");
  EXPECT_EQ(laptop.power().battery_status, BatteryStatus::NotInstalled);
  EXPECT_FALSE(laptop.power().battery_level);
}

TEST(MachinePower, LowIsAnErrorOnlyWhileItDoesNotCharge) {
  const Laptop laptop;
  laptop.battery("BAT0", "Discharging\n", 3);
  EXPECT_TRUE(laptop.power().battery_low);
  laptop.battery("BAT0", "Charging\n", 3);
  EXPECT_FALSE(laptop.power().battery_low);
}

TEST(MachinePower, SeveralBatteriesAreOne) {
  const Laptop laptop;
  laptop.battery("BAT1", "Discharging\n", 31);
  EXPECT_EQ(laptop.power().battery_level, 56) << "(80 + 31) / 2, rounded";
  EXPECT_EQ(laptop.power().battery_status, BatteryStatus::Charging);
}

TEST(MachinePower, OtherSupplies) {
  const FakeRoot fake;
  fake.file(kSupplies + "a/type", "USB_C\n");
  fake.file(kSupplies + "a/online", "1\n");
  fake.file(kSupplies + "a/voltage_now", "5000000\n");
  fake.file(kSupplies + "b/type", "UPS\n");
  fake.file(kSupplies + "c/type", "Wireless\n");
  fake.file(kSupplies + "c/online", "0\n");
  EXPECT_EQ(read_power(fake.root()).sources,
            (std::vector<PowerSource>{{0, PowerKind::Usb, 5000, std::nullopt},
                                      {1, PowerKind::ExternalBattery, std::nullopt, std::nullopt}}));
}

}  // namespace
}  // namespace drover::machine
