// SPDX-License-Identifier: Apache-2.0
// When a client's state reaches the disk.
#include "storage/keeper.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "client/test_device.hpp"
#include "storage/test_folder.hpp"
#include "storage/value_codec.hpp"

namespace drover::storage {
namespace {

using client::testing::definitions;
using client::testing::path;
using lwm2m::Path;
using lwm2m::Value;
using std::chrono::seconds;

constexpr UnixSeconds kUnix = 1'700'000'000;

class Keeping : public ::testing::Test {
 protected:
  Keeping() {
    client::ClientSettings settings;
    settings.endpoint = "x";
    device.emplace(settings, rng);
    for (const int id : {0, 1, 3, 3303}) device->define(*definitions().find(static_cast<lwm2m::ObjectId>(id)));
    EXPECT_TRUE(device->add_account(now, 1, "coap://192.0.2.1", 600));
    EXPECT_TRUE(device->tree().add({now, std::nullopt}, 3303, 0));
    auto opened = StateFile::open(folder.file());
    EXPECT_TRUE(opened);
    keeper.emplace(std::move(opened->file), std::vector<Path>{Path(3303, 0, 5701)});
    keeper->begin(now, kUnix, *device, 56830, Baseline{});
    settle();
  }
  /// As the runtime does it: settled, hooked, and only then sent.
  void settle() {
    device->settle(now);
    keeper->before_transmit(now, kUnix);
    while (device->poll_transmit()) {
    }
  }
  void set(std::string_view where, Value value) {
    EXPECT_TRUE(device->tree().set({now, std::nullopt}, path(where), std::move(value)));
    settle();
  }
  void server_writes(std::string_view where, const std::string& text) {
    const auto outcome = device->tree().perform(
        {now, client::ServerId{1}}, lwm2m::Write{path(where), lwm2m::Write::Mode::Replace, 0, to_bytes(text)});
    EXPECT_EQ(outcome.status, lwm2m::Status::Changed) << as_text(outcome.payload);
    settle();
  }
  /// What the next start would find if the process ended now: a copy of the files, as a kill leaves them.
  std::string stored(std::string_view where) {
    const std::string copy = folder.file("copy");
    for (const char* suffix : {"", "-wal"}) {
      std::filesystem::remove(copy + suffix);
      if (!std::filesystem::exists(folder.file() + suffix)) continue;
      std::filesystem::copy_file(folder.file() + suffix, copy + suffix);
    }
    const auto opened = StateFile::open(copy);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().reason);
    const auto found = opened->content.instances.find(path(where).prefix(2));
    if (found == opened->content.instances.end()) return "no instance";
    for (const auto& node : found->second) {
      if (node.id != path(where).resource()) continue;
      std::string text;
      for (const auto& entry : node.instances) {
        const Bytes bytes = encode_value(entry.value);
        text += (text.empty() ? "" : ",") + std::string(as_text(bytes));
      }
      return text;
    }
    return "nothing";
  }

  const testing::Folder folder;
  Instant now{};
  SplitMix rng{3};
  std::optional<client::Client> device;
  std::optional<Keeper> keeper;
};

TEST_F(Keeping, BeginsWithAllThereIs) {
  EXPECT_EQ(stored("/1/0/1"), "600");
  EXPECT_EQ(stored("/0/0/0"), "coap://192.0.2.1");
  EXPECT_EQ(stored("/3303/0/5700"), "0");
  EXPECT_EQ(stored("/1/0/8"), "nothing") << "an executable resource has no value";
}

TEST_F(Keeping, AServersWriteIsOnDiskBeforeItsAnswerLeaves) {
  server_writes("/1/0/1", "900");
  EXPECT_EQ(stored("/1/0/1"), "900");
  EXPECT_FALSE(keeper->deadline());
}

TEST_F(Keeping, ASampleOfTheDevicesOwnWaits) {
  set("/3303/0/5700", 20.5);
  EXPECT_EQ(stored("/3303/0/5700"), "0");
  ASSERT_EQ(keeper->deadline(), now + Keeper::kLazy);
  now += seconds(30);
  set("/3303/0/5700", 21.5);
  ASSERT_EQ(keeper->deadline(), Instant{} + Keeper::kLazy) << "counted from the first";
  now = *keeper->deadline();
  keeper->handle_timeout(now, kUnix);
  EXPECT_EQ(stored("/3303/0/5700"), "21.5");
  EXPECT_FALSE(keeper->deadline());
}

TEST_F(Keeping, WhatWaitsIsWrittenWithWhatDoesNot) {
  set("/3303/0/5700", 20.5);
  server_writes("/1/0/1", "900");
  EXPECT_EQ(stored("/3303/0/5700"), "20.5");
  EXPECT_FALSE(keeper->deadline());
}

TEST_F(Keeping, AnOrderlyEndWritesTheRest) {
  set("/3303/0/5700", 20.5);
  keeper->save(now, kUnix);
  EXPECT_EQ(stored("/3303/0/5700"), "20.5");
}

TEST_F(Keeping, InstancesAndResourcesComeAndGo) {
  const client::Context own{now, std::nullopt};
  EXPECT_TRUE(device->tree().add(own, 3303, 5));
  EXPECT_TRUE(device->tree().set(own, Path(3303, 5, 5603), 1.5));
  keeper->save(now, kUnix);
  settle();
  keeper->save(now, kUnix);
  EXPECT_EQ(stored("/3303/5/5603"), "1.5");
  EXPECT_TRUE(device->tree().unset(own, Path(3303, 5, 5603)));
  settle();
  keeper->save(now, kUnix);
  EXPECT_EQ(stored("/3303/5/5603"), "nothing");
  EXPECT_EQ(stored("/3303/5/5700"), "0");
  EXPECT_TRUE(device->tree().remove(own, 3303, 5));
  EXPECT_TRUE(device->tree().add(own, 3303, 5));
  EXPECT_TRUE(device->tree().remove(own, 3303, 5));
  settle();
  keeper->save(now, kUnix);
  EXPECT_EQ(stored("/3303/5/5700"), "no instance");
}

TEST_F(Keeping, WhatIsKeptElsewhereIsntStored) {
  set("/3303/0/5701", std::string("Cel"));
  set("/3303/0/5601", 4.0);
  keeper->save(now, kUnix);
  EXPECT_EQ(stored("/3303/0/5701"), "nothing");
  EXPECT_EQ(stored("/3303/0/5601"), "4");
}

TEST_F(Keeping, ADiskThatFailsIsTriedAgainAndTheDeviceGoesOn) {
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const rlimit small{1, old_limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  server_writes("/1/0/1", "900");
  const bool failing = keeper->failing();
  const auto retry = keeper->deadline();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_TRUE(failing);
  EXPECT_EQ(stored("/1/0/1"), "600");
  ASSERT_EQ(retry, now + Keeper::kLazy);
  now = *retry;
  keeper->handle_timeout(now, kUnix);
  EXPECT_FALSE(keeper->failing());
  EXPECT_EQ(stored("/1/0/1"), "900");
}

TEST_F(Keeping, AFactoryResetLeavesAnEmptyFile) {
  keeper->erase();
  server_writes("/1/0/1", "900");
  EXPECT_EQ(stored("/1/0/1"), "no instance");
}

}  // namespace
}  // namespace drover::storage
