// SPDX-License-Identifier: Apache-2.0
// What a device is after its program ended without a word and was started again.
#include "apps/device/state.hpp"

#include <gtest/gtest.h>

#include "apps/device/config.hpp"
#include "apps/device/device.hpp"
#include "io/clock.hpp"
#include "io/udp_socket.hpp"
#include "lwm2m/content/content.hpp"
#include "storage/test_folder.hpp"
#include "storage/value_codec.hpp"

namespace drover::device {
namespace {

using lwm2m::Path;

class Restarted : public ::testing::Test {
 protected:
  Restarted() {
    config.endpoint = "x";
    config.bind = "127.0.0.1:0";
    config.servers.push_back({"coap://127.0.0.1:9", 101, std::nullopt, 0, std::nullopt});  // discard: nobody answers
    config.machine.objects.clear();
    config.state.file = folder.file();
    configure("/3303/0/5700", "20");
    configure("/3303/0/5701", "Cel");
  }
  void configure(const std::string& path, const std::string& text) {
    std::erase_if(config.values, [&](const ValueEntry& entry) { return entry.path.to_string() == path; });
    config.values.push_back({Path::parse(path).value(), text, 0});
  }
  /// A device object that goes is like a process that is killed: what isn't on disk is lost.
  void start() {
    device.reset();
    auto made = Device::make(config);
    ASSERT_TRUE(made) << (made ? "" : made.error().reason);
    device = std::move(*made);
    auto started = device->start();
    ASSERT_TRUE(started) << (started ? "" : started.error().reason);
  }
  client::ObjectTree& tree() { return device->runtime().client().tree(); }
  [[nodiscard]] static client::Context context(client::ServerId server = 101) { return {io::now(), server}; }
  lwm2m::Status perform(const lwm2m::Downlink& operation, client::ServerId server = 101) {
    const auto outcome = tree().perform(context(server), operation);
    device->runtime().flush();
    return outcome.status;
  }
  void write(const std::string& path, const std::string& text) {
    EXPECT_EQ(perform(lwm2m::Write{Path::parse(path).value(), lwm2m::Write::Mode::Replace, 0, to_bytes(text)}),
              lwm2m::Status::Changed)
        << path;
  }
  void set(const std::string& path, const std::string& text) {
    const auto done = device->set(Path::parse(path).value(), text);
    EXPECT_TRUE(done) << (done ? "" : done.error().reason);
    device->runtime().flush();
  }
  /// What a Bootstrap-Server says up to its Finish.
  void bootstrap(const std::vector<lwm2m::BootstrapOperation>& commands) {
    const client::Context own{io::now(), std::nullopt};
    client::ObjectTree::Draft draft = tree().draft();
    for (const auto& command : commands) {
      EXPECT_TRUE(lwm2m::is_success(tree().perform(own, draft, command, lwm2m::InstanceId{0}, "1.0").status));
    }
    tree().adopt(own, std::move(draft));
    device->runtime().flush();
    device->state()->save();
  }
  static lwm2m::BootstrapWrite account_part(const std::string& path, const std::string& elements) {
    const std::string json = R"({"bn":")" + path + R"(/","e":[)" + elements + "]}";
    return {Path::parse(path).value(), lwm2m::format::kJson, to_bytes(json)};
  }
  /// Server 101 goes, 102 comes.
  void bootstrap_another_server() {
    bootstrap({lwm2m::BootstrapDelete{Path()},
               account_part("/0/2", R"({"n":"0","sv":"coap://127.0.0.1:7"},{"n":"2","v":3},{"n":"10","v":102})"),
               account_part("/1/0", R"({"n":"0","v":102},{"n":"1","v":300},{"n":"7","sv":"U"})")});
  }
  std::vector<client::ServerId> servers() {
    std::vector<client::ServerId> ids;
    for (const auto& account : device->runtime().client().accounts()) ids.push_back(account.server);
    return ids;
  }
  std::string text(const std::string& where) {
    const Path path = Path::parse(where).value();
    const auto value = tree().get({io::now(), std::nullopt}, path);
    if (!value) return "nothing";
    return std::string(as_text(storage::encode_value(*value)));
  }

  const storage::testing::Folder folder;
  Config config;
  std::unique_ptr<Device> device;
};

TEST_F(Restarted, WhatAServerWroteIsThere) {
  start();
  write("/1/0/1", "900");
  write("/3/0/15", "Europe/Berlin");
  start();
  EXPECT_EQ(text("/1/0/1"), "900");
  EXPECT_EQ(text("/3/0/15"), "Europe/Berlin");
  EXPECT_EQ(text("/3303/0/5700"), "20");
}

TEST_F(Restarted, TheConfigurationWinsWhereItIsAnotherThanBefore) {
  start();
  write("/3/0/15", "Europe/Berlin");
  set("/3303/0/5700", "33");
  set("/3303/0/5701", "F");
  device->state()->save();
  configure("/3303/0/5700", "25");
  start();
  EXPECT_EQ(text("/3303/0/5700"), "25") << "edited";
  EXPECT_EQ(text("/3303/0/5701"), "F") << "not edited";
  EXPECT_EQ(text("/3/0/15"), "Europe/Berlin") << "not in there";
  set("/3303/0/5700", "34");
  device->state()->save();
  start();
  EXPECT_EQ(text("/3303/0/5700"), "34") << "edited once, not at each start";
}

TEST_F(Restarted, InstancesThatServersMadeAndDeletedStaySo) {
  configure("/3303/1/5700", "1");
  start();
  EXPECT_EQ(perform(lwm2m::Delete{Path(3303, 1)}), lwm2m::Status::Deleted);
  EXPECT_EQ(perform(lwm2m::Create{Path(3303), lwm2m::format::kTlv, {}}), lwm2m::Status::Created);
  EXPECT_EQ(perform(lwm2m::Create{Path(3303), lwm2m::format::kTlv, {}}), lwm2m::Status::Created);
  EXPECT_EQ(perform(lwm2m::Delete{Path(3303, 1)}), lwm2m::Status::Deleted);
  EXPECT_EQ(tree().instances(3303), (std::vector<lwm2m::InstanceId>{0, 2}));
  start();
  EXPECT_EQ(tree().instances(3303), (std::vector<lwm2m::InstanceId>{0, 2}));
  configure("/3303/3/5700", "3");
  start();
  EXPECT_EQ(tree().instances(3303), (std::vector<lwm2m::InstanceId>{0, 2, 3})) << "new in the configuration";
}

TEST_F(Restarted, AnotherServerListMeansTheConfiguredAccounts) {
  start();
  write("/1/0/1", "900");
  config.servers.insert(config.servers.begin(), {"coap://127.0.0.1:10", 102, std::nullopt, 0, std::nullopt});
  start();
  EXPECT_EQ(text("/1/0/0"), "102");
  EXPECT_EQ(text("/1/0/1"), "86400") << "the 900 s were the other server's";
  EXPECT_EQ(text("/1/1/0"), "101");
}

TEST_F(Restarted, WhatABootstrapWroteAndDeletedStays) {
  config.bootstrap.uri = "coap://127.0.0.1:8";
  start();
  EXPECT_EQ(text("/0/0/1"), "1") << "the Bootstrap-Server's";
  EXPECT_EQ(servers(), std::vector<client::ServerId>{101});
  bootstrap_another_server();
  for (int starts = 0; starts < 2; ++starts) {
    start();
    EXPECT_EQ(servers(), std::vector<client::ServerId>{102});
    EXPECT_EQ(tree().instances(0), (std::vector<lwm2m::InstanceId>{0, 2}));
    EXPECT_EQ(text("/1/0/1"), "300");
    EXPECT_FALSE(tree().has(Path(3303, 0)));
    EXPECT_EQ(device->runtime().client().bootstrap_account()->uri, "coap://127.0.0.1:8");
  }
  config.lifetime = 60;
  start();
  EXPECT_EQ(text("/1/0/1"), "300") << "the configured lifetime is that of server 101";
}

TEST_F(Restarted, AnotherBootstrapServerMeansTheConfiguredAccounts) {
  config.bootstrap.uri = "coap://127.0.0.1:8";
  config.bootstrap.account_timeout = 3600;
  config.servers.clear();
  start();
  EXPECT_EQ(device->runtime().client().bootstrap_account()->state, client::BootstrapState::Requesting);
  bootstrap_another_server();
  start();
  EXPECT_EQ(servers(), std::vector<client::ServerId>{102});
  EXPECT_EQ(device->runtime().client().bootstrap_account()->state, client::BootstrapState::Off);
  config.bootstrap.uri = "coap://127.0.0.1:6";
  start();
  EXPECT_EQ(servers(), std::vector<client::ServerId>{});
  EXPECT_EQ(device->runtime().client().bootstrap_account()->state, client::BootstrapState::Requesting);
}

TEST_F(Restarted, APurgedBootstrapAccountStaysAway) {
  config.bootstrap.uri = "coap://127.0.0.1:8";
  start();
  ASSERT_TRUE(tree().remove({io::now(), std::nullopt}, 0, 0));
  device->runtime().flush();
  device->state()->save();
  start();
  EXPECT_FALSE(device->runtime().client().bootstrap_account());
  EXPECT_EQ(servers(), std::vector<client::ServerId>{101});
}

TEST_F(Restarted, AFactoryResetBootstrapsAgain) {
  config.bootstrap.uri = "coap://127.0.0.1:8";
  config.servers.clear();
  start();
  bootstrap_another_server();
  start();
  EXPECT_EQ(servers(), std::vector<client::ServerId>{102});
  ASSERT_TRUE(device->reboot());
  EXPECT_EQ(servers(), std::vector<client::ServerId>{102}) << "a reboot keeps them";
  ASSERT_TRUE(device->factory_reset());
  EXPECT_EQ(servers(), std::vector<client::ServerId>{});
  EXPECT_EQ(device->runtime().client().bootstrap_account()->state, client::BootstrapState::Requesting);
  start();
  EXPECT_EQ(servers(), std::vector<client::ServerId>{});
}

TEST_F(Restarted, AttributesAndAClockThatAServerSetLast) {
  start();
  EXPECT_EQ(perform(lwm2m::WriteAttributes{Path(3303, 0, 5700), {"pmin=5", "gt=30"}}), lwm2m::Status::Changed);
  write("/3/0/13", "4000000000");
  // Write-Attributes comes through the CoAP side of the client, which notes it; here the tree was asked.
  device->state()->keeper().begin(io::now(), io::unix_now(), device->runtime().client(), 0, {{Path(3), 0}});
  start();
  const client::Attributes attributes = tree().attributes().assigned(101, Path(3303, 0, 5700));
  EXPECT_EQ(attributes.pmin, 5U);
  EXPECT_EQ(attributes.gt, 30.0);
  EXPECT_NEAR(std::stod(text("/3/0/13")), 4e9, 60);
}

TEST_F(Restarted, CoreAppendixE_6_3_ObjectsWithoutADefinitionGoWithTheirAccessControl) {
  config.objects.push_back(DROVER_SOURCE_DIR "/tests/data");
  config.servers.push_back({"coap://127.0.0.1:10", 102, std::nullopt, 0, std::nullopt});
  configure("/2/7/0", "3303"), configure("/2/7/1", "0"), configure("/2/7/3", "101");
  start();
  ASSERT_TRUE(device->add(65, 0));
  ASSERT_TRUE(device->add(2, 9));
  set("/2/9/0", "65"), set("/2/9/1", "0"), set("/2/9/3", "101");
  device->state()->save();
  start();
  EXPECT_TRUE(tree().has(Path(65, 0)));
  EXPECT_TRUE(tree().has(Path(2, 9)));
  config.objects.clear();
  start();
  EXPECT_FALSE(tree().has(Path(65)));
  EXPECT_FALSE(tree().has(Path(2, 9)));
  EXPECT_TRUE(tree().has(Path(2, 7))) << "guards something else";
  config.objects.push_back(DROVER_SOURCE_DIR "/tests/data");
  start();
  EXPECT_FALSE(tree().has(Path(65, 0))) << "for good";
}

TEST_F(Restarted, GuardsStayWithWhatTheyGuardWhenTheStartNumbersThemAnew) {
  config.servers.push_back({"coap://127.0.0.1:10", 102, std::nullopt, 0, std::nullopt});
  configure("/3303/5/5700", "5");
  start();
  const auto owner = [&](lwm2m::InstanceId instance) {
    const auto guards = tree().access().guards_of({3303, instance});
    EXPECT_EQ(guards.size(), 1U) << instance;
    return guards.empty() ? client::ServerId{0} : tree().access().guard(*guards.begin())->owner;
  };
  const auto rights = [&](lwm2m::InstanceId instance) { return tree().access().rights_of(102, 3303, instance); };
  // Made by a server, whose guard has the id that the next start would give to another one.
  EXPECT_EQ(perform(lwm2m::Create{Path(3303), lwm2m::format::kTlv, {}}), lwm2m::Status::Created);
  EXPECT_EQ(owner(1), 101);
  EXPECT_EQ(rights(1), client::rights::kNone);
  // The owner gives the other server the right to write /3303/5.
  const auto guard = *tree().access().guards_of({3303, 5}).begin();
  EXPECT_TRUE(tree().set({io::now(), std::nullopt}, Path(2, guard, 2, 102), std::int64_t{2}));
  device->runtime().flush();
  device->state()->save();
  EXPECT_EQ(rights(5), client::rights::kWrite);
  configure("/3303/3/5700", "3");  // numbered before /3303/5
  for (int starts = 0; starts < 2; ++starts) {
    start();
    EXPECT_EQ(owner(1), 101);
    EXPECT_EQ(rights(1), client::rights::kNone);
    EXPECT_EQ(rights(3), client::rights::kRead) << "what the device gives to everybody";
    EXPECT_EQ(rights(5), client::rights::kWrite);
    EXPECT_EQ(owner(0), 101);
    EXPECT_EQ(owner(3), 101);
  }
}

TEST_F(Restarted, ARebootKeepsAllAndAFactoryResetNothing) {
  start();
  const std::string configured = text("/3/0/15");
  write("/3/0/15", "Europe/Berlin");
  client::Attributes five_seconds;
  five_seconds.pmin = 5;
  tree().attributes().restore({101, Path(3303, 0, 5700), five_seconds});
  ASSERT_TRUE(device->reboot());
  EXPECT_EQ(text("/3/0/15"), "Europe/Berlin");
  EXPECT_EQ(tree().attributes().assigned(101, Path(3303, 0, 5700)).pmin, 5U);
  start();
  EXPECT_EQ(text("/3/0/15"), "Europe/Berlin");
  EXPECT_EQ(tree().attributes().assigned(101, Path(3303, 0, 5700)).pmin, 5U);
  ASSERT_TRUE(device->factory_reset());
  EXPECT_EQ(text("/3/0/15"), configured);
  EXPECT_FALSE(tree().attributes().assigned(101, Path(3303, 0, 5700)).pmin);
  write("/3/0/15", "Asia/Tokyo");
  start();
  EXPECT_EQ(text("/3/0/15"), "Asia/Tokyo") << "kept up again";
  device->state()->end_for_reset(true);
  start();
  EXPECT_EQ(text("/3/0/15"), configured);
}

TEST_F(Restarted, TheSamePortIsBoundAgain) {
  start();
  const auto port = device->runtime().local().port;
  start();
  EXPECT_EQ(device->runtime().local().port, port);
}

TEST_F(Restarted, WithoutItsPortItRegistersAnew) {
  start();
  auto standing = device->runtime().client().saved_state(io::now(), io::unix_now());
  EXPECT_TRUE(standing.registrations.empty()) << "nobody answers";
  const auto port = device->runtime().local().port;
  client::SavedRegistration registration;
  registration.server = 101;
  registration.host = "127.0.0.1";
  registration.port = 9;
  registration.peer = transport::PeerAddress::v4(0x7F000001, 9);
  registration.location = "5a3f";
  registration.told.endpoint = "x";
  registration.ends = io::unix_now() + 600;
  const auto state_with = [&](bool port_taken) {
    device.reset();
    {
      auto opened = storage::StateFile::open(folder.file());
      ASSERT_TRUE(opened);
      storage::Changes changes;
      changes.registrations = {registration};
      changes.port = port;
      ASSERT_TRUE(opened->file.commit(changes));
    }
    std::optional<io::UdpSocket> taken;
    if (port_taken) {
      auto opened = io::UdpSocket::open(*transport::PeerAddress::parse("127.0.0.1:" + std::to_string(port)), {});
      ASSERT_TRUE(opened);
      taken.emplace(std::move(*opened));
    }
    start();
  };
  state_with(false);
  EXPECT_EQ(device->runtime().client().accounts()[0].state, client::RegistrationState::Updating);
  state_with(true);
  EXPECT_NE(device->runtime().local().port, port);
  EXPECT_EQ(device->runtime().client().accounts()[0].state, client::RegistrationState::Registering);
}

TEST_F(Restarted, ADamagedFileIsPutAsideAndTheConfigurationHolds) {
  start();
  const std::string configured = text("/3/0/15");
  write("/3/0/15", "Europe/Berlin");
  device.reset();
  std::filesystem::resize_file(folder.file(), 4096);
  start();
  EXPECT_EQ(text("/3303/0/5700"), "20");
  EXPECT_EQ(text("/3/0/15"), configured);
  EXPECT_TRUE(std::filesystem::exists(folder.file() + ".aside-1"));
}

TEST_F(Restarted, TwoDevicesCantHaveOneFile) {
  start();
  const auto second = Device::make(config);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, "state file " + folder.file() + ": another process has it open");
}

TEST(StateTable, ItsFileIsRelativeToTheConfiguration) {
  Config config;
  ASSERT_TRUE(parse_config("[state]\nfile = \"device.state\"\n", "/etc/drover/device.toml", config));
  EXPECT_EQ(config.state.file, "/etc/drover/device.state");
  ASSERT_TRUE(parse_config("[state]\nfile = \"/var/lib/drover/1\"\n", "/etc/drover/device.toml", config));
  EXPECT_EQ(config.state.file, "/var/lib/drover/1");
  Config none;
  ASSERT_TRUE(parse_config("", "/etc/drover/device.toml", none));
  EXPECT_EQ(none.state.file, "");
  const auto wrong = parse_config("[state]\nflie = \"x\"\n", "device.toml", none);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().reason.find("device.toml:2: unknown key \"flie\""), std::string::npos)
      << wrong.error().reason;
}

}  // namespace
}  // namespace drover::device
