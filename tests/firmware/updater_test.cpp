// SPDX-License-Identifier: Apache-2.0
// The Firmware Update object with its storage, its fetching program and its commands, on a real loop.
#include "firmware/updater.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include "client/test_device.hpp"
#include "firmware/test_folder.hpp"
#include "tests/firmware/file_servers.hpp"

namespace drover::testing {
namespace {

using client::testing::path;
using client::testing::TestDevice;
using firmware::Updater;
using firmware::UpdaterSettings;
using firmware::testing::run_until;
using firmware::testing::TestFolder;
using lwm2m::Status;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// What a program is from its start to its end.
struct Program {
  io::EventLoop& loop;
  TestDevice device;
  Updater updater;

  Program(io::EventLoop& on, const UpdaterSettings& settings) : loop(on), updater(on, settings, [] {}) {
    client::FirmwareObject& object = updater.object();
    device.tree.define(*client::testing::definitions().find(5), &object, client::FirmwareObject::supported());
    object.attach(device.tree);
    device.add("/5/0");
    device.set("/3/0/3", std::string("1.0"));
    const auto resumed = updater.resume(io::now());
    resume_error = resumed ? "" : resumed.error().reason;
  }
  Status push(const Bytes& image) {
    return device.tree.write_block({io::now(), client::testing::kServer}, path("/5/0/0"), 0, image, true).status;
  }
  Status pull(const std::string& uri) { return device.write("/5/0/1", lwm2m::format::kText, to_bytes(uri)).status; }
  /// "state/result"
  std::string state() { return device.text("/5/0/3") + "/" + device.text("/5/0/5"); }
  bool reaches(const std::string& wanted) {
    return run_until(loop, [&] { return state() == wanted; });
  }
  std::string resume_error;
};

struct Firmware : ::testing::Test {
  io::EventLoop loop;
  TestFolder folder;
  UpdaterSettings settings;
  std::optional<Program> program;

  Firmware() {
    settings.folder = folder.file("fw");
    settings.command_folder = folder.path;
    settings.fetch_program = DROVER_FETCH;
    settings.fetch_patience = seconds(1);
    settings.command_timeout = seconds(10);
  }
  void start() {
    program.reset();
    program.emplace(loop, settings);
  }
  [[nodiscard]] bool image_is(const Bytes& image) const { return folder.read("fw/image") == as_text(image); }
  void expect_pull(const std::string& uri, const std::string& state) {
    start();
    ASSERT_EQ(program->pull(uri), Status::Changed);
    EXPECT_TRUE(program->reaches(state)) << uri << ": " << program->state();
  }
};

using FirmwarePull = Firmware;
using FirmwareCheck = Firmware;
using FirmwareInstall = Firmware;
using FirmwareRestart = Firmware;

TEST_F(FirmwarePull, SuccessOverHttp) {
  HttpFiles files;
  expect_pull(files.uri(), "2/0");
  EXPECT_TRUE(image_is(files.image()));
}

TEST_F(FirmwarePull, SuccessOverCoap) {
  CoapFiles files(loop);
  expect_pull(files.uri(), "2/0");
  EXPECT_TRUE(image_is(files.image));
}

TEST_F(FirmwarePull, FaultsEndInTheirResult) {
  HttpFiles http;
  CoapFiles coap(loop);
  expect_pull(http.uri("/missing"), "0/7");
  expect_pull(coap.uri("/missing"), "0/7");
  expect_pull("http://mylovelyfwserver.invalid/", "0/7");
  expect_pull("coap://mylovelyfwserver.invalid/", "0/7");
  expect_pull("ftp://127.0.0.1/fw", "0/9");
  coap.answers = 5;
  expect_pull(coap.uri(), "0/4");
  settings.size_max = 10'000;
  expect_pull(http.uri(), "0/2");
  coap.answers = SIZE_MAX;
  expect_pull(coap.uri(), "0/2");
  EXPECT_FALSE(folder.has("fw/image"));
  EXPECT_FALSE(folder.has("fw/fetched.part"));
}

TEST_F(FirmwarePull, ATruncatedImageIsResumed) {
  HttpFiles files({.cut_after = 100'000, .cuts = 1});
  expect_pull(files.uri(), "2/0");
  EXPECT_TRUE(image_is(files.image()));
  EXPECT_EQ(files.ranges().size(), 2U);
}

TEST_F(FirmwarePull, AResetEndsTheChild) {
  CoapFiles files(loop);
  files.answers = 3;
  settings.fetch_patience = seconds(60);
  start();
  ASSERT_EQ(program->pull(files.uri()), Status::Changed);
  ASSERT_TRUE(run_until(loop, [&] { return files.asked.size() > 3; }));
  ASSERT_EQ(program->pull(""), Status::Changed);
  EXPECT_EQ(program->state(), "0/0");
  files.answers = SIZE_MAX;
  ASSERT_EQ(program->pull(files.uri()), Status::Changed);
  EXPECT_TRUE(program->reaches("2/0"));
  EXPECT_TRUE(image_is(files.image));
}

TEST_F(FirmwarePull, WithoutTheProgramTheDeviceCanOnlyBePushed) {
  settings.fetch_program = folder.file("no-such-program");
  start();
  EXPECT_EQ(program->device.text("/5/0/9"), "1");
  EXPECT_EQ(program->pull("coap://127.0.0.1/fw"), Status::Changed);
  EXPECT_EQ(program->state(), "0/9");
}

TEST_F(FirmwarePull, AProgramThatDiesIs4AndOneThatRunsOutOfMemoryIs3) {
  settings.fetch_program = folder.file("fetch");
  const auto with = [&](const std::string& script, const std::string& state) {
    folder.write("fetch", "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(folder.file("fetch"), std::filesystem::perms::owner_all);
    expect_pull("coap://127.0.0.1/fw", state);
  };
  with("kill -SEGV $$", "0/4");
  with("kill -KILL $$", "0/3");
  with("exit 3", "0/3");
  with("exit 0", "0/2");  // it says that the file is there, and it isn't
}

TEST_F(FirmwareCheck, GivesNameAndVersion) {
  settings.check = "echo name=thermometer; echo version=2.1; cmp \"$DROVER_FIRMWARE_FILE\" \"$PWD/expected\"";
  folder.write("expected", "image");
  start();
  ASSERT_EQ(program->push(to_bytes("image")), Status::Changed);
  EXPECT_EQ(program->state(), "1/0");
  ASSERT_TRUE(program->reaches("2/0"));
  EXPECT_EQ(program->device.text("/5/0/6"), "thermometer");
  EXPECT_EQ(program->device.text("/5/0/7"), "2.1");
}

TEST_F(FirmwareCheck, ExitCodesAreResults) {
  const auto with = [&](const std::string& script, const std::string& state) {
    settings.check = script;
    start();
    ASSERT_EQ(program->push(to_bytes("image")), Status::Changed);
    EXPECT_TRUE(program->reaches(state)) << script << ": " << program->state();
    EXPECT_FALSE(folder.has("fw/image"));
  };
  with("exit 5", "0/5");
  with("exit 6", "0/6");
  with("exit 1", "0/5");
  with("no-such-command", "0/5");
  settings.command_timeout = milliseconds(100);
  with("sleep 1000", "0/5");
}

TEST_F(FirmwareCheck, AResetEndsIt) {
  settings.check = "touch begun; sleep 1000";
  start();
  ASSERT_EQ(program->push(to_bytes("image")), Status::Changed);
  ASSERT_TRUE(run_until(loop, [&] { return folder.has("begun"); }));
  ASSERT_EQ(program->push({}), Status::Changed);
  EXPECT_EQ(program->state(), "0/0");
  settings.check.clear();
  EXPECT_TRUE(run_until(loop, [&] { return !folder.has("fw/image"); }));
}

TEST_F(FirmwareInstall, AFullStorageRefusesThePush) {
  settings.size_max = 10;
  start();
  EXPECT_EQ(program->push(Bytes(11, 1)), Status::EntityTooLarge);
  EXPECT_EQ(program->state(), "0/2");
  EXPECT_FALSE(folder.has("fw/pushed.part"));
}

TEST_F(FirmwareInstall, SuccessShowsTheNewVersion) {
  settings.check = "echo version=2.0";
  settings.install = "cp \"$DROVER_FIRMWARE_FILE\" installed; echo \"$DROVER_FIRMWARE_VERSION\" >version";
  start();
  program->push(to_bytes("image"));
  ASSERT_TRUE(program->reaches("2/0"));
  ASSERT_EQ(program->device.execute("/5/0/2"), Status::Changed);
  EXPECT_EQ(program->state(), "3/0");
  ASSERT_TRUE(program->reaches("0/1"));
  EXPECT_EQ(folder.read("installed"), "image");
  EXPECT_EQ(folder.read("version"), "2.0\n");
  EXPECT_EQ(program->device.text("/3/0/3"), "2.0");
  EXPECT_EQ(program->updater.installed_version(), "2.0");
  EXPECT_TRUE(run_until(loop, [&] { return !folder.has("fw/image"); }));
  start();
  EXPECT_EQ(program->state(), "0/1");
  EXPECT_EQ(program->updater.installed_version(), "2.0");
}

TEST_F(FirmwareInstall, FailureRollsBackAndMayBeTriedAgain) {
  settings.install = "test -e ready";
  settings.rollback = "echo rolled >>rolled";
  start();
  program->push(to_bytes("image"));
  ASSERT_TRUE(program->reaches("2/0"));
  program->device.execute("/5/0/2");
  ASSERT_TRUE(program->reaches("2/8"));
  EXPECT_EQ(folder.read("rolled"), "rolled\n");
  EXPECT_EQ(program->device.text("/3/0/3"), "1.0");
  folder.write("ready", "");
  program->device.execute("/5/0/2");
  ASSERT_TRUE(program->reaches("0/1"));
  EXPECT_EQ(folder.read("rolled"), "rolled\n");
}

TEST_F(FirmwareInstall, WithoutACommandItFails) {
  settings.rollback = "touch rolled";
  start();
  program->push(to_bytes("image"));
  ASSERT_TRUE(program->reaches("2/0"));
  ASSERT_EQ(program->device.execute("/5/0/2"), Status::Changed);
  ASSERT_TRUE(program->reaches("2/8"));
  EXPECT_FALSE(folder.has("rolled"));  // nothing was done that could be taken back
}

TEST_F(FirmwareRestart, AFetchGoesOnWhereItWas) {
  CoapFiles files(loop);
  files.image = test_image(80'000);
  files.pace = milliseconds(30);  // some two and a half seconds
  settings.fetch_patience = seconds(60);
  start();
  ASSERT_EQ(program->pull(files.uri()), Status::Changed);
  const auto offset = [&] {
    const auto saved = firmware::load_saved_update(folder.file("fw/update.state"));
    return saved && *saved ? (*saved)->offset : 0;
  };
  ASSERT_TRUE(run_until(loop, [&] { return offset() > 0; }));
  program.reset();
  files.asked.clear();
  start();
  EXPECT_EQ(program->state(), "1/0");
  ASSERT_TRUE(program->reaches("2/0"));
  EXPECT_TRUE(image_is(files.image));
  ASSERT_FALSE(files.asked.empty());
  EXPECT_GT(files.asked.front(), 0U);
  EXPECT_LT(files.asked.size(), files.image.size() / 1024);
}

TEST_F(FirmwareRestart, APushIsLost) {
  start();
  program->device.tree.write_block({io::now(), client::testing::kServer}, path("/5/0/0"), 0, Bytes(1024, 1), false);
  ASSERT_TRUE(run_until(loop, [&] { return folder.read("fw/update.state").find("pushing") != std::string::npos; }));
  start();
  EXPECT_EQ(program->state(), "0/4");
  EXPECT_FALSE(folder.has("fw/pushed.part"));
}

TEST_F(FirmwareRestart, DownloadedStaysWhileTheImageIsThere) {
  start();
  program->push(to_bytes("image"));
  ASSERT_TRUE(program->reaches("2/0"));
  ASSERT_TRUE(run_until(loop, [&] { return folder.read("fw/update.state").find("downloaded") != std::string::npos; }));
  start();
  EXPECT_EQ(program->state(), "2/0");
  std::filesystem::remove(folder.file("fw/image"));
  start();
  EXPECT_EQ(program->state(), "0/5");
}

TEST_F(FirmwareRestart, ADamagedRecordIsSaidToBeAndIdle) {
  std::filesystem::create_directory(folder.file("fw"));
  folder.write("fw/update.state", "rubbish");
  start();
  EXPECT_NE(program->resume_error.find("damaged"), std::string::npos);
  EXPECT_EQ(program->state(), "0/0");
}

/// Up to where the installation has begun; the program ends with it, and the installation goes on.
void begin_installing(Firmware& test, const std::string& end) {
  test.settings.install = "touch begun; while [ ! -e go ]; do sleep 0.01; done; " + end;
  test.settings.check = "echo version=2.0";
  test.start();
  test.program->push(to_bytes("image"));
  ASSERT_TRUE(test.program->reaches("2/0"));
  test.program->device.execute("/5/0/2");
  ASSERT_TRUE(run_until(test.loop, [&] { return test.folder.has("begun"); }));
  test.program.reset();
  test.folder.write("go", "");
  ASSERT_TRUE(run_until(test.loop, [&] { return test.folder.has("fw/install.exit"); }));
}

TEST_F(FirmwareRestart, WhileUpdatingTheRecordedExitDecides) {
  begin_installing(*this, "exit 0");
  start();
  ASSERT_TRUE(program->reaches("0/1"));
  EXPECT_EQ(program->device.text("/3/0/3"), "2.0");
}

TEST_F(FirmwareRestart, WhileUpdatingARecordedFailureRollsBack) {
  settings.rollback = "touch rolled";
  begin_installing(*this, "exit 1");
  start();
  EXPECT_EQ(program->state(), "3/0");
  ASSERT_TRUE(program->reaches("2/8"));
  EXPECT_TRUE(folder.has("rolled"));
}

TEST_F(FirmwareRestart, WhileUpdatingTheConfirmCommandDecides) {
  settings.rollback = "touch rolled";
  settings.confirm = "echo version=2.0.1; test -e good";
  begin_installing(*this, "exit 0");
  start();
  ASSERT_TRUE(program->reaches("2/8"));
  EXPECT_TRUE(folder.has("rolled"));
  std::filesystem::remove(folder.file("begun"));
  std::filesystem::remove(folder.file("go"));
  ASSERT_EQ(program->push({}), Status::Changed);
  folder.write("good", "");
  begin_installing(*this, "exit 0");
  start();
  ASSERT_TRUE(program->reaches("0/1"));
  EXPECT_EQ(program->device.text("/3/0/3"), "2.0.1");
}

TEST_F(FirmwareRestart, WhileUpdatingWithoutAnyRecordItFailed) {
  begin_installing(*this, "exit 0");
  std::filesystem::remove(folder.file("fw/install.exit"));
  start();
  ASSERT_TRUE(program->reaches("2/8"));
}

}  // namespace
}  // namespace drover::testing
