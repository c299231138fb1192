// SPDX-License-Identifier: Apache-2.0
// The Firmware Update object as a server sees it (Core E.6); the cases of the enabler test specification by number.
#include "client/objects/firmware_object.hpp"

#include <gtest/gtest.h>

#include "client/test_device.hpp"

namespace drover::client {
namespace {

using std::chrono::seconds;
using testing::kServer;
using testing::path;
using testing::TestDevice;
using namespace lwm2m;  // Path, Outcome, Status, ...

constexpr ServerId kOther = 102;
const Bytes kNull{0};

/// Storage of a given size in memory.
struct FakeSink final : FirmwareSink {
  std::size_t room = 1 << 20;
  FirmwareResult why = FirmwareResult::NoSpace;
  bool fails_to_finish = false;
  Bytes bytes;
  int begun = 0;
  int finished = 0;
  int discarded = 0;

  Stored begin() override {
    ++begun;
    bytes.clear();
    return {};
  }
  Stored append(ByteView more) override {
    if (bytes.size() + more.size() > room) return tl::unexpected(why);
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  }
  Stored finish() override {
    if (fails_to_finish) return tl::unexpected(why);
    ++finished;
    return {};
  }
  void discard() override { ++discarded; }
};

struct Firmware : TestDevice {
  FakeSink sink;
  FirmwareObject object;
  std::optional<FirmwareAction> last;

  explicit Firmware(std::vector<std::int64_t> protocols = {0, 2, 3})
      : object(sink, {std::move(protocols), seconds(247)}) {
    tree.define(*testing::definitions().find(5), &object, FirmwareObject::supported());
    object.attach(tree);
    add("/5/0");
    set("/3/0/3", std::string("1.0"));
    while (tree.poll_change()) {
    }
  }

  Status block(std::size_t offset, const Bytes& bytes, bool last_one, ServerId id = kServer) {
    return tree.write_block(server(id), path("/5/0/0"), offset, bytes, last_one).status;
  }
  Status push(const Bytes& image) { return block(0, image, true); }
  Status write_uri(const std::string& uri) { return write("/5/0/1", lwm2m::format::kText, to_bytes(uri)).status; }
  /// "state/result"
  std::string state() { return text("/5/0/3") + "/" + text("/5/0/5"); }
  /// The next action's kind; nothing when there is none.
  std::optional<FirmwareAction::Kind> action() {
    auto next = object.poll();
    if (next) last = std::move(next);
    return next ? std::optional(last->kind) : std::nullopt;
  }
  void finish_check(const FirmwareFinding& finding = {FirmwareResult::Initial, "app", "2.0"}) {
    EXPECT_EQ(action(), FirmwareAction::Kind::Check);
    object.checked(now, last->attempt, finding);
  }
  std::string changes() {
    std::string all;
    while (const auto change = tree.poll_change()) all += change->path.to_string() + " ";
    return all;
  }
};

using Kind = FirmwareAction::Kind;

TEST(Ets751, QueryOfAFreshObject) {
  Firmware device;
  EXPECT_EQ(device.state(), "0/0");
  EXPECT_EQ(device.text("/5/0/1"), "");
  EXPECT_EQ(device.text("/5/0/9"), "2");
  EXPECT_EQ(device.tree.get(device.own(), path("/5/0/8/0")), Value(std::int64_t{0}));
  EXPECT_EQ(device.tree.get(device.own(), path("/5/0/8/1")), Value(std::int64_t{2}));
  EXPECT_EQ(device.tree.get(device.own(), path("/5/0/8/2")), Value(std::int64_t{3}));
  EXPECT_FALSE(device.tree.has(path("/5/0/8/3")));
  EXPECT_EQ(device.read("/5/0/0").status, Status::MethodNotAllowed);
}

TEST(CoreAppendixE_6, ADeviceThatCannotFetchSaysSo) {
  Firmware device{std::vector<std::int64_t>{}};
  EXPECT_EQ(device.text("/5/0/9"), "1");
  EXPECT_FALSE(device.tree.has(path("/5/0/8")));
  EXPECT_EQ(device.write_uri("coap://192.0.2.1/fw"), Status::Changed);
  EXPECT_EQ(device.state(), "0/9");
}

TEST(Ets755, WritePackage) {
  Firmware device;
  EXPECT_EQ(device.push(kNull), Status::Changed);
  EXPECT_EQ(device.state(), "0/0");
  EXPECT_EQ(device.push(Bytes(300, 7)), Status::Changed);
  EXPECT_EQ(device.sink.bytes, Bytes(300, 7));
  EXPECT_EQ(device.sink.finished, 1);
  device.finish_check();
  EXPECT_EQ(device.state(), "2/0");
  EXPECT_EQ(device.text("/5/0/6"), "app");
  EXPECT_EQ(device.text("/5/0/7"), "2.0");
}

TEST(Ets756, WritePackageUri) {
  Firmware device;
  EXPECT_EQ(device.write_uri(""), Status::Changed);
  EXPECT_EQ(device.state(), "0/0");
  EXPECT_EQ(device.write_uri("coap://192.0.2.1/fw"), Status::Changed);
  EXPECT_EQ(device.state(), "1/0");
  EXPECT_EQ(device.text("/5/0/1"), "coap://192.0.2.1/fw");
  ASSERT_EQ(device.action(), Kind::Fetch);
  EXPECT_EQ(device.last->uri, "coap://192.0.2.1/fw");
  EXPECT_FALSE(device.last->resume);
  device.object.fetched(device.now, device.last->attempt, FirmwareResult::Initial);
  EXPECT_EQ(device.state(), "1/0");
  device.finish_check();
  EXPECT_EQ(device.state(), "2/0");
}

TEST(Ets760, ObserversHearOfEachState) {
  Firmware device;
  EXPECT_EQ(device.push(Bytes(10, 1)), Status::Changed);
  EXPECT_NE(device.changes().find("/5/0/3"), std::string::npos);
  device.finish_check();
  EXPECT_NE(device.changes().find("/5/0/3"), std::string::npos);
  EXPECT_EQ(device.execute("/5/0/2"), Status::Changed);
  EXPECT_NE(device.changes().find("/5/0/3"), std::string::npos);
  device.action();
  device.object.installed(device.now, device.last->attempt, false, "");
  const std::string last = device.changes();
  EXPECT_NE(last.find("/5/0/3"), std::string::npos);
  EXPECT_NE(last.find("/5/0/5"), std::string::npos);
}

TEST(Ets770, UpdateByPush) {
  Firmware device;
  EXPECT_EQ(device.push(kNull), Status::Changed);
  EXPECT_EQ(device.block(0, Bytes(1024, 1), false), Status::Changed);
  EXPECT_EQ(device.state(), "1/0");
  EXPECT_EQ(device.execute("/5/0/2"), Status::MethodNotAllowed);
  EXPECT_EQ(device.block(1024, Bytes(100, 2), true), Status::Changed);
  device.finish_check();
  EXPECT_EQ(device.state(), "2/0");
  EXPECT_EQ(device.execute("/5/0/2"), Status::Changed);
  EXPECT_EQ(device.state(), "3/0");
  ASSERT_EQ(device.action(), Kind::Install);
  device.object.installed(device.now, device.last->attempt, true, "2.0");
  EXPECT_EQ(device.state(), "0/1");
  EXPECT_EQ(device.text("/3/0/3"), "2.0");
  EXPECT_EQ(device.sink.discarded, 1);
}

TEST(CoreAppendixE_6, AFailedUpdateIsDownloadedAgainAndTheVersionStays) {
  Firmware device;
  device.push(Bytes(10, 1));
  device.finish_check();
  device.execute("/5/0/2");
  ASSERT_EQ(device.action(), Kind::Install);
  device.object.installed(device.now, device.last->attempt, false, "2.0");
  EXPECT_EQ(device.state(), "2/8");
  EXPECT_EQ(device.text("/3/0/3"), "1.0");
  EXPECT_EQ(device.sink.discarded, 0);
  EXPECT_EQ(device.execute("/5/0/2"), Status::Changed);
  EXPECT_EQ(device.state(), "3/0");
}

TEST(Ets773, AFullStorageIsResult2AndARefusedBlock) {
  Firmware device;
  device.sink.room = 1500;
  EXPECT_EQ(device.block(0, Bytes(1024, 1), false), Status::Changed);
  EXPECT_EQ(device.block(1024, Bytes(1024, 1), false), Status::EntityTooLarge);
  EXPECT_EQ(device.state(), "0/2");
  EXPECT_EQ(device.sink.discarded, 1);
  EXPECT_EQ(device.block(2048, Bytes(1024, 1), false), Status::EntityIncomplete);
  device.sink.room = 5000;
  EXPECT_EQ(device.push(Bytes(1024, 1)), Status::Changed);
  EXPECT_EQ(device.state(), "1/0");
}

TEST(Ets773, AStorageThatIsFullAtTheLastMomentIsResult2) {
  Firmware device;
  device.sink.fails_to_finish = true;
  EXPECT_EQ(device.push(Bytes(10, 1)), Status::EntityTooLarge);
  EXPECT_EQ(device.state(), "0/2");
}

TEST(Ets774, NoMemoryIsResult3) {
  Firmware device;
  device.sink.room = 10;
  device.sink.why = FirmwareResult::OutOfMemory;
  EXPECT_EQ(device.push(Bytes(11, 1)), Status::InternalError);
  EXPECT_EQ(device.state(), "0/3");
}

TEST(Ets776, ADamagedImageIsResult5) {
  Firmware device;
  EXPECT_EQ(device.push(Bytes(10, 1)), Status::Changed);
  EXPECT_EQ(device.state(), "1/0");
  device.finish_check({FirmwareResult::IntegrityFailure, "", ""});
  EXPECT_EQ(device.state(), "0/5");
  EXPECT_EQ(device.sink.discarded, 1);
}

TEST(Ets777, AnUnknownPackageTypeIsResult6) {
  Firmware device;
  device.push(Bytes(10, 1));
  device.finish_check({FirmwareResult::UnsupportedPackage, "", ""});
  EXPECT_EQ(device.state(), "0/6");
}

TEST(Ets778, AUriThatLeadsNowhereIsResult7ThoughTheWriteSucceeds) {
  Firmware device;
  EXPECT_EQ(device.write_uri("http://mylovelyfwserver/"), Status::Changed);
  EXPECT_EQ(device.state(), "1/0");
  ASSERT_EQ(device.action(), Kind::Fetch);
  device.object.fetched(device.now, device.last->attempt, FirmwareResult::InvalidUri);
  EXPECT_EQ(device.state(), "0/7");
  for (const char* uri : {"no uri", "coap:", "coap://", "http://ho st/", "http://host/%zz"}) {
    EXPECT_EQ(device.write_uri(uri), Status::Changed) << uri;
    EXPECT_EQ(device.state(), "0/7") << uri;
    EXPECT_EQ(device.text("/5/0/1"), uri);
  }
}

TEST(CoreAppendixE_6, ASchemeThatIsNotSupportedIsResult9) {
  Firmware device;
  for (const char* uri : {"coaps://192.0.2.1/fw", "ftp://192.0.2.1/fw", "coap+tcp://192.0.2.1/fw", "file:///etc/fw"}) {
    EXPECT_EQ(device.write_uri(uri), Status::Changed) << uri;
    EXPECT_EQ(device.state(), "0/9") << uri;
    EXPECT_EQ(device.write_uri(""), Status::Changed);
    EXPECT_EQ(device.state(), "0/0");
  }
}

TEST(CoreAppendixE_6, APackageUriHasAtMost255Bytes) {
  Firmware device;
  const std::string longest = "http://host/" + std::string(255 - 12, 'a');
  EXPECT_EQ(device.write_uri(longest + "a"), Status::BadRequest);
  EXPECT_EQ(device.state(), "0/0");
  EXPECT_EQ(device.write_uri(longest), Status::Changed);
  EXPECT_EQ(device.state(), "1/0");
}

TEST(CoreAppendixE_6_1, ANewImageIsRefusedUntilTheMachineIsReset) {
  Firmware device;
  device.write_uri("coap://192.0.2.1/fw");
  EXPECT_EQ(device.write_uri("coap://192.0.2.1/other"), Status::MethodNotAllowed);
  EXPECT_EQ(device.push(Bytes(10, 1)), Status::MethodNotAllowed);
  EXPECT_EQ(device.text("/5/0/1"), "coap://192.0.2.1/fw");
  EXPECT_EQ(device.write_uri(""), Status::Changed);
  EXPECT_EQ(device.state(), "0/0");
  ASSERT_EQ(device.action(), Kind::Fetch);
  EXPECT_EQ(device.action(), Kind::Stop);
  EXPECT_EQ(device.push(Bytes(10, 1)), Status::Changed);
}

TEST(CoreAppendixE_6_1, NothingIsTakenWhileUpdating) {
  Firmware device;
  device.push(Bytes(10, 1));
  device.finish_check();
  device.execute("/5/0/2");
  EXPECT_EQ(device.push(kNull), Status::MethodNotAllowed);
  EXPECT_EQ(device.push({}), Status::MethodNotAllowed);
  EXPECT_EQ(device.push(Bytes(10, 1)), Status::MethodNotAllowed);
  EXPECT_EQ(device.write_uri(""), Status::MethodNotAllowed);
  EXPECT_EQ(device.write_uri("coap://192.0.2.1/fw"), Status::MethodNotAllowed);
  EXPECT_EQ(device.execute("/5/0/2"), Status::MethodNotAllowed);
  EXPECT_EQ(device.perform(lwm2m::Delete{path("/5/0")}).status, Status::MethodNotAllowed);
  EXPECT_EQ(device.state(), "3/0");
}

TEST(CoreAppendixE_6, AnEmptyPackageResetsLikeNull) {
  Firmware device;
  device.push(Bytes(10, 1));
  device.finish_check();
  EXPECT_EQ(device.push({}), Status::Changed);
  EXPECT_EQ(device.state(), "0/0");
  EXPECT_EQ(device.sink.discarded, 1);
  EXPECT_EQ(device.text("/5/0/6"), "");
}

TEST(FirmwarePush, AServerThatVanishesIsResult4AfterTheLifetimeOfTheBody) {
  Firmware device;
  device.now += seconds(10);
  device.block(0, Bytes(1024, 1), false);
  device.now += seconds(100);
  device.block(1024, Bytes(1024, 1), false);
  ASSERT_TRUE(device.object.deadline());
  EXPECT_EQ(device.object.deadline()->at, device.now + seconds(247));
  device.now += seconds(246);
  device.object.handle_timeout(device.now);
  EXPECT_EQ(device.state(), "1/0");
  device.now += seconds(1);
  device.object.handle_timeout(device.now);
  EXPECT_EQ(device.state(), "0/4");
  EXPECT_FALSE(device.object.deadline());
  EXPECT_EQ(device.sink.discarded, 1);
  EXPECT_EQ(device.block(2048, Bytes(1024, 1), true), Status::EntityIncomplete);
  EXPECT_EQ(device.push(Bytes(10, 1)), Status::Changed);
}

TEST(FirmwarePush, TheSameServerMayBeginAnewAndAnotherOneMayNot) {
  Firmware device;
  device.block(0, Bytes(1024, 1), false);
  EXPECT_EQ(device.block(0, Bytes(1024, 9), false, kOther), Status::MethodNotAllowed);
  EXPECT_EQ(device.block(1024, Bytes(1024, 9), false, kOther), Status::EntityIncomplete);
  EXPECT_EQ(device.block(0, Bytes(1024, 2), false), Status::Changed);
  EXPECT_EQ(device.block(1024, Bytes(5, 2), true), Status::Changed);
  EXPECT_EQ(device.sink.bytes, Bytes(1029, 2));
}

TEST(FirmwarePush, AGapOrARepetitionIsRefused) {
  Firmware device;
  device.block(0, Bytes(1024, 1), false);
  EXPECT_EQ(device.block(2048, Bytes(1024, 1), false), Status::EntityIncomplete);
  EXPECT_EQ(device.block(1024, Bytes(1024, 1), false), Status::Changed);
  EXPECT_EQ(device.block(1024, Bytes(1024, 1), false), Status::EntityIncomplete);
}

TEST(FirmwarePush, AWriteInTlvIsOneToo) {
  Firmware device;
  // Replace of the instance: Package 01 02 03, Package URI "" (Core §6.4.3).
  EXPECT_EQ(device.write("/5/0", lwm2m::format::kTlv, testing::from_hex("C3 00 01 02 03  C0 01")).status,
            Status::Changed);
  EXPECT_EQ(device.sink.bytes, (Bytes{1, 2, 3}));
  EXPECT_EQ(device.state(), "1/0");
  device.finish_check();
  EXPECT_EQ(device.state(), "2/0");
  EXPECT_EQ(device.tree.get(device.own(), path("/5/0/0")), Value(Opaque{}));
}

TEST(FirmwarePush, NullBesideAUriIsAPull) {
  Firmware device;
  EXPECT_EQ(device.write("/5/0", lwm2m::format::kTlv, testing::from_hex("C0 00  C8 01 08 636F61703A2F2F68")).status,
            Status::Changed);
  EXPECT_EQ(device.state(), "1/0");
  EXPECT_EQ(device.text("/5/0/1"), "coap://h");
  EXPECT_EQ(device.action(), Kind::Fetch);
}

TEST(CoreAppendixF, AServerMayCreateTheInstance) {
  Firmware device;
  ASSERT_EQ(device.perform(lwm2m::Delete{path("/5/0")}).status, Status::Deleted);
  EXPECT_EQ(device.read("/5/0/3").status, Status::NotFound);
  // One instance with Package "" and Package URI "".
  const auto created =
      device.perform(lwm2m::Create{path("/5"), lwm2m::format::kTlv, testing::from_hex("04 00 C0 00 C0 01")});
  ASSERT_EQ(created.status, Status::Created) << as_text(created.payload);
  EXPECT_EQ(device.state(), "0/0");
  EXPECT_EQ(device.text("/5/0/9"), "2");
  EXPECT_EQ(device.push(Bytes(10, 1)), Status::Changed);
  device.finish_check();
  EXPECT_EQ(device.state(), "2/0");
}

TEST(CoreAppendixF, ACreateMayBringTheUri) {
  Firmware device;
  device.perform(lwm2m::Delete{path("/5/0")});
  const auto created = device.perform(
      lwm2m::Create{path("/5"), lwm2m::format::kTlv, testing::from_hex("08 00 0D C0 00 C8 01 08 636F61703A2F2F68")});
  ASSERT_EQ(created.status, Status::Created) << as_text(created.payload);
  EXPECT_EQ(device.state(), "1/0");
  EXPECT_EQ(device.action(), Kind::Fetch);
}

TEST(FirmwareObject, ADeletedInstanceEndsWhatItWasDoing) {
  Firmware device;
  device.write_uri("coap://192.0.2.1/fw");
  EXPECT_EQ(device.action(), Kind::Fetch);
  EXPECT_EQ(device.perform(lwm2m::Delete{path("/5/0")}).status, Status::Deleted);
  EXPECT_EQ(device.object.record(), FirmwareRecord{});
  device.add("/5/0");
  EXPECT_EQ(device.state(), "0/0");
  EXPECT_EQ(device.action(), Kind::Stop);
}

TEST(FirmwareObject, GoesOnInAnotherTree) {
  Firmware device;
  device.write_uri("coap://192.0.2.1/fw");
  device.action();
  TestDevice fresh;
  fresh.tree.define(*testing::definitions().find(5), &device.object, FirmwareObject::supported());
  device.object.attach(fresh.tree);
  fresh.add("/5/0");
  EXPECT_EQ(fresh.text("/5/0/3"), "1");
  device.object.fetched(device.now, device.last->attempt, FirmwareResult::ConnectionLost);
  EXPECT_EQ(fresh.text("/5/0/3"), "0");
  EXPECT_EQ(fresh.text("/5/0/5"), "4");
}

TEST(FirmwareObject, WhatARestoredTreeSaysDoesNotCount) {
  Firmware device;
  device.set("/5/0/3", std::int64_t{3});
  device.set("/5/0/8/3", std::int64_t{1});
  EXPECT_EQ(device.state(), "0/0");
  EXPECT_FALSE(device.tree.has(path("/5/0/8/3")));
}

TEST(FirmwareObject, ARestoredFetchGoesOn) {
  Firmware device;
  device.object.restore(device.now, {FirmwarePhase::Fetching, FirmwareResult::Initial, "coap://192.0.2.1/fw", "", ""});
  EXPECT_EQ(device.state(), "1/0");
  ASSERT_EQ(device.action(), Kind::Fetch);
  EXPECT_TRUE(device.last->resume);
}

TEST(FirmwareObject, AnUnknownNewVersionLeavesTheOldOneStanding) {
  Firmware device;
  device.push(Bytes(10, 1));
  device.finish_check({FirmwareResult::Initial, "", ""});
  device.execute("/5/0/2");
  device.action();
  device.object.installed(device.now, device.last->attempt, true, "");
  EXPECT_EQ(device.state(), "0/1");
  EXPECT_EQ(device.text("/3/0/3"), "1.0");
}

}  // namespace
}  // namespace drover::client
