// SPDX-License-Identifier: Apache-2.0
// The Device object (Core E.4) and the encoding of the Location object (Core E.7), without a network.
#include <gtest/gtest.h>

#include "client/objects/location_object.hpp"
#include "client/test_device.hpp"

namespace drover::client {
namespace {

using testing::kServer;
using testing::path;
using testing::TestDevice;
using Trouble = DeviceObject::Trouble;
using std::chrono::seconds;

/// "0=5 1=2": the error codes by resource instance.
std::string errors(const TestDevice& device) {
  std::string text;
  for (const auto& node : device.tree.values(device.own(), 3, 0)) {
    if (node.id != DeviceObject::kErrorCode) continue;
    for (const auto& entry : node.instances) {
      text += (text.empty() ? "" : " ") + std::to_string(entry.id) + "=" +
              std::to_string(std::get<std::int64_t>(entry.value));
    }
  }
  return text;
}

TEST(CoreAppendixE4, ErrorCodesComeAndGoAsInstances) {
  TestDevice device;
  EXPECT_EQ(errors(device), "0=0") << "one instance, no error";
  device.device_object.report(device.own(), Trouble::OutOfMemory, true);
  EXPECT_EQ(errors(device), "0=5") << "the first takes the place of the 0";
  device.device_object.report(device.own(), Trouble::LowBattery, true);
  device.device_object.report(device.own(), Trouble::GpsFailure, true);
  EXPECT_EQ(errors(device), "0=5 1=1 2=3");
  device.device_object.report(device.own(), Trouble::LowBattery, true);
  EXPECT_EQ(errors(device), "0=5 1=1 2=3") << "once";
  device.device_object.report(device.own(), Trouble::LowBattery, false);
  EXPECT_EQ(errors(device), "0=5 2=3") << "its instance is deleted";
  device.device_object.report(device.own(), Trouble::WeakSignal, true);
  EXPECT_EQ(errors(device), "0=5 1=4 2=3") << "in the first free place";
  device.device_object.report(device.own(), Trouble::OutOfMemory, false);
  device.device_object.report(device.own(), Trouble::WeakSignal, false);
  EXPECT_EQ(errors(device), "2=3");
  device.device_object.report(device.own(), Trouble::GpsFailure, false);
  EXPECT_EQ(errors(device), "0=0") << "the original state";
}

TEST(CoreAppendixE4, AnErrorChangeIsToldToObserversOnce) {
  TestDevice device;
  device.device_object.report(device.own(), Trouble::OutOfMemory, true);
  const auto change = device.tree.poll_change();
  ASSERT_TRUE(change);
  EXPECT_EQ(change->path, path("/3/0/11"));
  device.device_object.report(device.own(), Trouble::OutOfMemory, true);
  EXPECT_FALSE(device.tree.poll_change());
}

TEST(CoreAppendixE4, ResetErrorCodeKeepsWhatIsStillWrong) {
  TestDevice device;
  device.set("/3/0/11/3", std::int64_t{8});  // of the device's own program
  device.device_object.report(device.own(), Trouble::LowBattery, true);
  device.device_object.report(device.own(), Trouble::OutOfMemory, true);
  device.device_object.report(device.own(), Trouble::OutOfMemory, false);
  EXPECT_EQ(device.execute("/3/0/12"), lwm2m::Status::Changed);
  EXPECT_EQ(errors(device), "0=1");
}

TEST(CoreAppendixE4, ResetErrorCodeLooksAtTheMachineAgain) {
  struct Machine : ValueSource {
    explicit Machine(TestDevice& of) : device(of) {}
    void look(Instant) override {}
    void look_again(Instant) override {
      device.device_object.report(device.own(), Trouble::LowBattery, false);
      device.device_object.report(device.own(), Trouble::ExternalPowerOff, true);
    }
    TestDevice& device;
  };
  TestDevice device;
  Machine machine(device);
  device.device_object.mirror(&machine);
  device.device_object.report(device.own(), Trouble::LowBattery, true);
  EXPECT_EQ(device.execute("/3/0/12"), lwm2m::Status::Changed);
  EXPECT_EQ(errors(device), "0=2");
}

TEST(CoreAppendixE4, TheTimeRunsOnFromWhatAServerSet) {
  TestDevice device;
  device.set("/3/0/13", lwm2m::Time{5});
  device.now += seconds(10);
  EXPECT_EQ(device.text("/3/0/13"), "5") << "no clock yet";
  EXPECT_EQ(device.write("/3/0/13", lwm2m::format::kText, to_bytes("1367491215")).status, lwm2m::Status::Changed);
  device.now += seconds(90);
  EXPECT_EQ(device.text("/3/0/13"), "1367491305");
  device.device_object.set_clock(device.now, 1700000000);
  EXPECT_EQ(device.text("/3/0/13"), "1700000000");
  EXPECT_EQ(device.write("/3/0/13", lwm2m::format::kText, to_bytes("60")).status, lwm2m::Status::Changed);
  device.now += seconds(3);
  EXPECT_EQ(device.text("/3/0/13"), "63");
}

TEST(CoreAppendixE4, WrittenTimesOffsetsAndZonesAreChecked) {
  TestDevice device;
  device.set("/3/0/13", lwm2m::Time{0});
  device.set("/3/0/14", std::string("+00:00"));
  device.set("/3/0/15", std::string("Etc/UTC"));
  const auto status = [&](std::string_view where, std::string_view text) {
    return device.write(where, lwm2m::format::kText, to_bytes(text)).status;
  };
  for (const char* good : {"Z", "UTC", "UTC+2", "+2", "-03", "+0530", "+05:30", "UTC+14:00"}) {
    EXPECT_EQ(status("/3/0/14", good), lwm2m::Status::Changed) << good;
    EXPECT_EQ(device.text("/3/0/14"), good);
  }
  for (const char* bad :
       {"", "2", "+", "+15", "+24:00", "+02:60", "+02:5", "+020", "+02:00:00", "CET", "+1a", "UTC 2"}) {
    EXPECT_EQ(status("/3/0/14", bad), lwm2m::Status::BadRequest) << bad;
  }
  for (const char* good : {"Europe/Berlin", "UTC", "Etc/GMT+1", "America/Argentina/ComodRivadavia", "EST5EDT"}) {
    EXPECT_EQ(status("/3/0/15", good), lwm2m::Status::Changed) << good;
  }
  for (const char* bad :
       {"", "/etc/passwd", "../x", "Europe//Berlin", "Europe/", "Europe/Ber lin", "+01:00", "Europe/M\xC3\xBC"}) {
    EXPECT_EQ(status("/3/0/15", bad), lwm2m::Status::BadRequest) << bad;
  }
  EXPECT_EQ(status("/3/0/15", std::string(65, 'a')), lwm2m::Status::BadRequest);
  for (const char* bad : {"-1", "253402300800", "9223372036854775807"}) {
    EXPECT_EQ(status("/3/0/13", bad), lwm2m::Status::BadRequest) << bad;
  }
  EXPECT_EQ(status("/3/0/13", "253402300799"), lwm2m::Status::Changed);
}

TEST(CoreAppendixE4, RebootAndFactoryResetAreWishesOfTheClient) {
  TestDevice device;
  EXPECT_EQ(device.execute("/3/0/4"), lwm2m::Status::Changed);
  auto wish = device.device_object.poll();
  EXPECT_TRUE(wish.reboot);
  EXPECT_FALSE(wish.factory_reset);
  EXPECT_EQ(device.execute("/3/0/5"), lwm2m::Status::Changed);
  wish = device.device_object.poll();
  EXPECT_FALSE(wish.reboot);
  EXPECT_TRUE(wish.factory_reset);
  EXPECT_FALSE(device.device_object.poll().factory_reset);
}

// 3GPP TS 23.032 §8.12: type 0 and three spare bits in front of nine bits of bearing, then sixteen of speed.
TEST(CoreAppendixE7, VelocityIsThatOf3gppTs23032) {
  EXPECT_EQ(horizontal_velocity(0, 0).bytes, (Bytes{0x00, 0x00, 0x00, 0x00}));
  EXPECT_EQ(horizontal_velocity(27.7778, 90).bytes, (Bytes{0x00, 0x5A, 0x00, 0x64})) << "100 km/h to the east";
  EXPECT_EQ(horizontal_velocity(10, 359.9).bytes, (Bytes{0x01, 0x67, 0x00, 0x24})) << "N <= b < N+1: 359";
  EXPECT_EQ(horizontal_velocity(0.138, 256).bytes, (Bytes{0x01, 0x00, 0x00, 0x00})) << "below half a km/h";
  EXPECT_EQ(horizontal_velocity(0.139, 360).bytes, (Bytes{0x00, 0x00, 0x00, 0x01}));
  EXPECT_EQ(horizontal_velocity(1e9, -90).bytes, (Bytes{0x01, 0x0E, 0xFF, 0xFF})) << "the largest, and 270";
}

TEST(CoreAppendixE7, WhatAFixDoesNotTellHasNoValue) {
  Fix fix;
  fix.latitude = -43.5723;
  fix.longitude = 153.21760;
  fix.time = 1367491215;
  fix.speed = 3;
  for (const auto& [id, value] : resources_of(fix)) {
    const bool told =
        id == location::kLatitude || id == location::kLongitude || id == location::kTimestamp || id == location::kSpeed;
    EXPECT_EQ(value.has_value(), told) << id << ": a velocity needs a bearing, too";
  }
  fix.bearing = 12;
  fix.altitude = 5;
  fix.radius = 20;
  for (const auto& [id, value] : resources_of(fix)) EXPECT_TRUE(value) << id;
}

}  // namespace
}  // namespace drover::client
