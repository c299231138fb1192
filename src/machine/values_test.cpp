// SPDX-License-Identifier: Apache-2.0
#include "machine/values.hpp"

#include <sstream>

#include "lwm2m/mapping/mapping.hpp"
#include "lwm2m/model/ddf.hpp"
#include "lwm2m/model/registry.hpp"
#include "machine/test_root.hpp"

namespace drover::machine {
namespace {

using lwm2m::Path;
using std::chrono::seconds;
using testing::FakeRoot;

const lwm2m::model::Registry& definitions() {
  static const lwm2m::model::Registry registry = [] {
    lwm2m::model::Registry loaded;
    for (const char* name : {"0", "1", "3", "4", "6"}) {
      std::ifstream stream(std::string(DROVER_SOURCE_DIR "/objects/1.0/") + name + ".xml");
      std::ostringstream text;
      text << stream.rdbuf();
      auto parsed = lwm2m::model::parse_ddf(text.str(), name).value();
      for (auto& definition : parsed) EXPECT_TRUE(loaded.add(std::move(definition)));
    }
    return loaded;
  }();
  return registry;
}

client::ClientSettings settings() {
  client::ClientSettings settings;
  settings.endpoint = "machine";
  return settings;
}

/// A client on a made-up machine.
class Scene {
 public:
  explicit Scene(Choice choice = {{3, 4}, seconds(30), 6}) : client(settings(), rng_), values(choice, sources()) {
    for (const auto object : {lwm2m::ObjectId{3}, lwm2m::ObjectId{4}, lwm2m::ObjectId{6}}) {
      client.define(*definitions().find(object));
      EXPECT_TRUE(client.tree().add(own(), object, 0));
    }
    fake.file("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 500000 kB\n");
    fake.file("etc/timezone", "Europe/Berlin\n");
    fake.file("sys/class/net/eth0/type", "1\n");
    fake.file("proc/net/route", "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
  }
  [[nodiscard]] client::Context own() const { return {now, std::nullopt}; }
  /// As a server sees it; "" for what isn't there.
  std::string read(std::string_view path) {
    const auto outcome = client.tree().perform({now, 1}, lwm2m::Read{Path::parse(path).value(), lwm2m::format::kText});
    return outcome.status == lwm2m::Status::Content ? std::string(as_text(outcome.payload)) : "";
  }
  /// "0=a 2=b", without a look.
  std::string list(std::string_view path) {
    const Path wanted = Path::parse(path).value();
    std::string text;
    for (const auto& node : client.tree().values(own(), wanted.object(), wanted.instance())) {
      if (node.id != wanted.resource()) continue;
      for (const auto& entry : node.instances) {
        const auto* number = std::get_if<std::int64_t>(&entry.value);
        text += (text.empty() ? "" : " ") + std::to_string(entry.id) + "=" +
                (number != nullptr ? std::to_string(*number) : std::get<std::string>(entry.value));
      }
    }
    return text;
  }
  void observe(std::string_view path) {
    // The tree of these tests has no server; the notifier only wants to know who.
    auto& notifier = const_cast<client::Notifier&>(client.notifier());
    client::Observation observation;
    observation.id = coap::ResponderId{7};
    observation.server = 1;
    observation.path = Path::parse(path).value();
    EXPECT_TRUE(notifier.observe(now, observation));
  }
  void forget() { const_cast<client::Notifier&>(client.notifier()).cancel(coap::ResponderId{7}); }
  std::size_t changes() {
    std::size_t count = 0;
    while (client.tree().poll_change()) ++count;
    return count;
  }

  FakeRoot fake;
  Instant now{seconds(1000)};
  Space storage{4096, 1024};
  std::string own_address = "192.0.2.5";
  std::vector<Interface> interfaces = {{"eth0", false, true, {"192.0.2.5"}}};
  std::int64_t offset = 3600;
  int looks = 0;

 private:
  Sources sources() {
    Sources sources;
    sources.root = fake.root();
    sources.interfaces = [this] { return interfaces; };
    sources.own_address = [this] { return own_address; };
    sources.storage = [this] {
      ++looks;
      return storage;
    };
    sources.utc_offset = [this] { return offset; };
    return sources;
  }
  SplitMix rng_{1};

 public:
  client::Client client;
  Values values;
};

TEST(MachineValues, FillsDeviceAndConnectivity) {
  Scene scene;
  scene.values.attach(scene.client, scene.now, true);
  EXPECT_EQ(scene.read("/3/0/10"), "1024");
  EXPECT_EQ(scene.read("/3/0/21"), "4096");
  EXPECT_EQ(scene.read("/3/0/14"), "+01:00");
  EXPECT_EQ(scene.read("/3/0/15"), "Europe/Berlin");
  EXPECT_EQ(scene.read("/4/0/0"), "41");
  EXPECT_EQ(scene.list("/4/0/4"), "0=192.0.2.5");
  EXPECT_EQ(scene.list("/4/0/5"), "0=192.0.2.1");
  EXPECT_EQ(scene.read("/3/0/9"), "") << "no battery, no level";
  EXPECT_EQ(scene.read("/3/0/20"), "");
  EXPECT_EQ(scene.read("/4/0/3"), "") << "no radio, no quality";
}

TEST(MachineValues, AReadIsFreshButAMomentIsOneLook) {
  Scene scene;
  scene.values.attach(scene.client, scene.now, true);
  EXPECT_EQ(scene.looks, 1);
  scene.storage.free = 900;
  EXPECT_EQ(scene.read("/3/0/10"), "1024");
  scene.now += seconds(1);
  EXPECT_EQ(scene.read("/3/0/10"), "900");
  EXPECT_EQ(scene.read("/4/0/0"), "41");
  EXPECT_EQ(scene.looks, 2);
}

TEST(MachineValues, NothingHappensWhileNobodyObserves) {
  Scene scene;
  scene.values.attach(scene.client, scene.now, true);
  EXPECT_FALSE(scene.values.deadline());
  for (const char* path : {"/3", "/3/0", "/3/0/10", "/4", "/4/0", "/4/0/6"}) {
    scene.observe(path);
    ASSERT_TRUE(scene.values.deadline()) << path;
    EXPECT_EQ(*scene.values.deadline(), scene.now + seconds(30)) << path;
    scene.forget();
    EXPECT_FALSE(scene.values.deadline()) << path;
  }
  scene.observe("/6/0");
  EXPECT_FALSE(scene.values.deadline()) << "positions come by themselves";
}

TEST(MachineValues, WhatIsReadForANotificationIsNotAChangeOfItsOwn) {
  Scene scene;
  scene.values.attach(scene.client, scene.now, true);
  scene.observe("/3/0");
  scene.changes();
  scene.now += seconds(20);
  scene.storage.free = 900;
  scene.read("/3/0/10");
  EXPECT_EQ(scene.changes(), 0U);
  scene.now += seconds(10);
  scene.values.refresh(scene.now);
  EXPECT_EQ(scene.changes(), 1U);
  EXPECT_EQ(scene.read("/3/0/10"), "900");
}

TEST(MachineValues, WhatSomebodyElseSetsStands) {
  Scene scene;
  for (const char* path : {"/3/0/10", "/3/0/9", "/4/0/4/0", "/3/0/11/0"}) scene.values.keep(Path::parse(path).value());
  EXPECT_TRUE(scene.client.tree().set(scene.own(), Path(3, 0, 10), std::int64_t{7}));
  EXPECT_TRUE(scene.client.tree().set(scene.own(), Path(3, 0, 9), std::int64_t{50}));
  scene.fake.file("sys/class/power_supply/BAT0/type", "Battery\n");
  scene.fake.file("sys/class/power_supply/BAT0/capacity", "3\n");
  scene.storage.free = 0;
  scene.values.attach(scene.client, scene.now, true);
  EXPECT_EQ(scene.read("/3/0/10"), "7");
  EXPECT_EQ(scene.read("/3/0/9"), "50");
  EXPECT_EQ(scene.list("/3/0/6"), "") << "power belongs together";
  EXPECT_EQ(scene.list("/4/0/4"), "0=0.0.0.0");
  EXPECT_EQ(scene.list("/3/0/11"), "0=0");
  EXPECT_EQ(scene.read("/3/0/21"), "4096") << "the rest is the machine's";
}

TEST(MachineValues, AServersTimezoneStands) {
  Scene scene;
  scene.values.attach(scene.client, scene.now, true);
  EXPECT_TRUE(scene.client.tree().set({scene.now, 1}, Path(3, 0, 14), std::string("+05:30")));
  scene.offset = 7200;
  scene.values.look_again(scene.now);
  EXPECT_EQ(scene.read("/3/0/14"), "+05:30");
  scene.values.attach(scene.client, scene.now, false);
  EXPECT_EQ(scene.read("/3/0/14"), "+05:30") << "also after a reboot in place";
  scene.values.attach(scene.client, scene.now, true);
  EXPECT_EQ(scene.read("/3/0/14"), "+02:00") << "and not after a factory reset";
}

TEST(MachineValues, TheOffsetFollowsSummerTime) {
  Scene scene;
  scene.values.attach(scene.client, scene.now, true);
  scene.offset = 7200;
  scene.values.look_again(scene.now);
  EXPECT_EQ(scene.read("/3/0/14"), "+02:00");
}

TEST(MachineValues, ErrorsAreWhatTheMachineShows) {
  Scene scene;
  scene.values.attach(scene.client, scene.now, true);
  EXPECT_EQ(scene.list("/3/0/11"), "0=0");
  scene.storage.free = 39;
  scene.values.look_again(scene.now);
  EXPECT_EQ(scene.list("/3/0/11"), "0=5") << "storage";
  scene.storage.free = 1024;
  scene.fake.file("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 9999 kB\n");
  scene.values.look_again(scene.now);
  EXPECT_EQ(scene.list("/3/0/11"), "0=5") << "memory";
  scene.fake.file("sys/class/power_supply/AC/type", "Mains\n");
  scene.fake.file("sys/class/power_supply/AC/online", "0\n");
  scene.fake.file("sys/class/power_supply/BAT0/type", "Battery\n");
  scene.fake.file("sys/class/power_supply/BAT0/capacity", "3\n");
  scene.fake.file("sys/class/power_supply/BAT0/status", "Discharging\n");
  scene.fake.file("sys/class/net/eth0/wireless/x", "");
  scene.fake.file("proc/net/wireless", " eth0: 0000   20.  -90.  -256\n");
  scene.values.look_again(scene.now);
  EXPECT_EQ(scene.list("/3/0/11"), "0=5 1=1 2=2 3=4");
  EXPECT_EQ(scene.read("/3/0/20"), "4");
  EXPECT_EQ(scene.read("/4/0/2"), "-90");
  EXPECT_EQ(scene.read("/4/0/3"), "20");
  // A reset tells what is still so.
  scene.fake.file("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 500000 kB\n");
  scene.fake.file("sys/class/power_supply/AC/online", "1\n");
  EXPECT_EQ(scene.client.tree().perform({scene.now, 1}, lwm2m::Execute{Path(3, 0, 12), {}}).status,
            lwm2m::Status::Changed);
  EXPECT_EQ(scene.list("/3/0/11"), "0=1 1=4");
}

TEST(MachineValues, PowerSourcesKeepTheirInstanceIds) {
  Scene scene;
  scene.fake.file("sys/class/power_supply/AC/type", "Mains\n");
  scene.fake.file("sys/class/power_supply/AC/online", "1\n");
  scene.fake.file("sys/class/power_supply/BAT0/type", "Battery\n");
  scene.fake.file("sys/class/power_supply/BAT0/voltage_now", "12000000\n");
  scene.values.attach(scene.client, scene.now, true);
  EXPECT_EQ(scene.list("/3/0/6"), "0=6 1=1");
  EXPECT_EQ(scene.list("/3/0/7"), "1=12000");
  EXPECT_EQ(scene.list("/3/0/8"), "");
  scene.fake.file("sys/class/power_supply/AC/online", "0\n");
  scene.values.look_again(scene.now);
  EXPECT_EQ(scene.list("/3/0/6"), "1=1");
  scene.fake.remove("sys/class/power_supply");
  scene.values.look_again(scene.now);
  EXPECT_EQ(scene.list("/3/0/6"), "");
}

TEST(MachineValues, AddressesComeAndGo) {
  Scene scene;
  scene.interfaces.front().addresses = {"192.0.2.5", "2001:db8::5"};
  scene.values.attach(scene.client, scene.now, true);
  EXPECT_EQ(scene.list("/4/0/4"), "0=192.0.2.5 1=2001:db8::5");
  scene.interfaces.front().addresses = {"192.0.2.6"};
  scene.fake.remove("proc/net/route");
  scene.values.look_again(scene.now);
  EXPECT_EQ(scene.list("/4/0/4"), "0=192.0.2.6");
  EXPECT_EQ(scene.list("/4/0/5"), "");
  scene.interfaces.clear();
  scene.values.look_again(scene.now);
  EXPECT_EQ(scene.list("/4/0/4"), "0=192.0.2.6") << "mandatory: the last that was known";
  EXPECT_EQ(scene.list("/4/0/1"), "0=41");
}

TEST(MachineValues, OnlyTheChosenObjects) {
  Scene scene({{4}, seconds(30), 6});
  scene.values.attach(scene.client, scene.now, true);
  EXPECT_EQ(scene.read("/3/0/10"), "");
  EXPECT_EQ(scene.list("/4/0/4"), "0=192.0.2.5");
  scene.observe("/3/0");
  EXPECT_FALSE(scene.values.deadline());
}

TEST(MachineValues, AFixFillsTheLocation) {
  Scene scene;
  scene.values.attach(scene.client, scene.now, true);
  client::Fix fix;
  fix.latitude = -43.5723;
  fix.longitude = 153.2176;
  fix.speed = 10;
  fix.bearing = 90;
  fix.radius = 12.5;
  fix.time = 1367491215;
  scene.values.put(scene.now, fix);
  EXPECT_EQ(scene.read("/6/0/0"), "-43.5723");
  EXPECT_EQ(scene.read("/6/0/5"), "1367491215");
  EXPECT_EQ(scene.client.tree().get(scene.own(), Path(6, 0, 4)), lwm2m::Value(lwm2m::Opaque{{0x00, 0x5A, 0x00, 0x24}}));
  fix.bearing.reset();
  fix.radius.reset();
  scene.values.keep(Path(6, 0, 1));
  fix.longitude = 0;
  scene.values.put(scene.now, fix);
  EXPECT_FALSE(scene.client.tree().has(Path(6, 0, 4)));
  EXPECT_FALSE(scene.client.tree().has(Path(6, 0, 3)));
  EXPECT_EQ(scene.read("/6/0/1"), "153.2176") << "given by somebody else from now on";
  scene.values.positioning_works(scene.now, false);
  EXPECT_EQ(scene.list("/3/0/11"), "0=3");
  scene.values.positioning_works(scene.now, true);
  EXPECT_EQ(scene.list("/3/0/11"), "0=0");
}

}  // namespace
}  // namespace drover::machine
