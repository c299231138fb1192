// SPDX-License-Identifier: Apache-2.0
// Enabler test cases of Firmware Update by pull: the program that fetches runs as it does for a device, and gets the
// image from a server on this machine. Everything else is as in the other cases.
#include "firmware/test_folder.hpp"
#include "firmware/updater.hpp"
#include "tests/conformance/configurations.hpp"
#include "tests/firmware/file_servers.hpp"

#ifndef DROVER_FETCH  // given by the build
#define DROVER_FETCH ""
#endif

namespace drover::conformance {
namespace {

using drover::testing::CoapFiles;
using drover::testing::HttpFiles;
using firmware::testing::run_until;
using firmware::testing::TestFolder;

/// C.8 with pull. The site's time stands still while the device's programs run.
class PullingSite {
 public:
  explicit PullingSite(const std::string& check = "echo version=2.0", std::uint64_t size_max = 1 << 20)
      : updater_(loop_, settings(check, size_max), [this] { changed(); }), site(configuration()) {
    started_ = true;
    site.start();
  }

  /// Until /5/0/3 is as given. False when that doesn't come to be.
  bool run_until_state(std::int64_t state) {
    return run_until(loop_, [&] { return site.get("/5/0/3") == Value(state); });
  }
  void expect_state(std::int64_t state, std::int64_t result) {
    const Exchange read = site.server().read("/5/0", format::kTlv);
    EXPECT_EQ(read.value("/5/0/3"), Value(state));
    EXPECT_EQ(read.value("/5/0/5"), Value(result));
  }
  Exchange write_uri(const std::string& uri) { return site.server().write("/5/0/1", uri); }
  [[nodiscard]] Bytes installed() const { return to_bytes(folder_.read("installed")); }
  io::EventLoop& loop() { return loop_; }

 private:
  [[nodiscard]] firmware::UpdaterSettings settings(const std::string& check, std::uint64_t size_max) const {
    firmware::UpdaterSettings settings;
    settings.folder = folder_.file("firmware");
    settings.command_folder = folder_.path;
    settings.size_max = size_max;
    settings.fetch_program = DROVER_FETCH;
    settings.check = check;
    settings.install = "cp \"$DROVER_FIRMWARE_FILE\" installed";
    return settings;
  }
  Configuration configuration() {
    return with(c3(), [this](Site& device) {
      device.define(5, client::FirmwareObject::supported(), &updater_.object());
      updater_.object().attach(device.client().tree());
      device.add(5, 0);
    });
  }
  void changed() {
    if (!started_) return;
    site.client().settle(site.now());
    site.deliver();
  }

  TestFolder folder_;
  io::EventLoop loop_;
  firmware::Updater updater_;
  bool started_ = false;

 public:
  Site site;
};

TEST(Ets, Case756_WriteOfThePackageUri) {
  HttpFiles files;
  PullingSite device;
  const Exchange reset = device.write_uri("");
  EXPECT_EQ(reset.request, "CON PUT /5/0/1 ct=0");
  EXPECT_EQ(reset.response, "ACK 2.04");
  device.expect_state(0, 0);
  const Exchange write = device.write_uri(files.uri());
  EXPECT_EQ(write.request, "CON PUT /5/0/1 ct=0 '" + files.uri() + "'");
  EXPECT_EQ(write.response, "ACK 2.04");
  ASSERT_TRUE(device.run_until_state(2));
  device.expect_state(2, 0);
  EXPECT_EQ(device.site.server().read("/5/0/1").value(), Value(files.uri()));
}

/// The steps of case 771.
void expect_update(PullingSite& device, const std::string& uri, const Bytes& image) {
  Server& server = device.site.server();
  EXPECT_EQ(server.read("/5/0/9").value(), Value(std::int64_t{2})) << "push and pull";
  EXPECT_EQ(device.write_uri("").response, "ACK 2.04");
  EXPECT_EQ(device.write_uri(uri).response, "ACK 2.04");
  device.expect_state(1, 0);
  ASSERT_TRUE(device.run_until_state(2));
  device.expect_state(2, 0);
  const Exchange update = server.execute("/5/0/2");
  EXPECT_EQ(update.request, "CON POST /5/0/2");
  EXPECT_EQ(update.response, "ACK 2.04");
  device.expect_state(3, 0);
  ASSERT_TRUE(device.run_until_state(0));
  device.expect_state(0, 1);
  EXPECT_EQ(server.read("/3/0/3").value(), Value(std::string("2.0")));
  EXPECT_EQ(device.installed(), image);
}

TEST(Ets, Case771_UpdateByPullOverHttp) {
  HttpFiles files;
  PullingSite device;
  expect_update(device, files.uri(), files.image());
}

TEST(Ets, Case771_UpdateByPullOverCoap) {
  PullingSite device;
  CoapFiles files(device.loop());
  expect_update(device, files.uri(), files.image);
}

/// Downloading ends in Idle with that result.
void expect_result(PullingSite& device, const std::string& uri, std::int64_t result) {
  device.expect_state(0, 0);
  EXPECT_EQ(device.write_uri(uri).response, "ACK 2.04");
  device.expect_state(1, 0);
  ASSERT_TRUE(device.run_until_state(0));
  device.expect_state(0, result);
  EXPECT_TRUE(device.site.server().execute("/5/0/2").is(Status::MethodNotAllowed)) << "there is nothing to install";
}

TEST(Ets, Case773_StorageTooSmallForAPull) {
  HttpFiles files;
  PullingSite device("", 299'999);
  expect_result(device, files.uri(), 2);
}

TEST(Ets, Case776_DamagedImageByPull) {
  HttpFiles files;
  PullingSite device("exit 1");
  expect_result(device, files.uri(), 5);
}

TEST(Ets, Case777_UnknownKindOfPackageByPull) {
  HttpFiles files;
  PullingSite device("exit 6");
  expect_result(device, files.uri(), 6);
}

TEST(Ets, Case778_UriThatLeadsNowhere) {
  HttpFiles files;
  PullingSite device;
  expect_result(device, files.uri("/nothing"), 7);
}

TEST(Ets, Case778_ServerThatIsNotThere) {
  const std::string uri = HttpFiles().uri();  // it has ended by now
  PullingSite device;
  expect_result(device, uri, 7);
}

}  // namespace
}  // namespace drover::conformance
