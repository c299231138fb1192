// SPDX-License-Identifier: Apache-2.0
// Enabler test cases of Firmware Update (Core E.6) by push. Those by pull need a server to fetch from and are shown by
// the programs that fetch.
#include "tests/conformance/firmware_host.hpp"

namespace drover::conformance {
namespace {

Bytes image_of(std::size_t size) {
  Bytes image(size);
  for (std::size_t i = 0; i < size; ++i) image[i] = static_cast<std::uint8_t>(i * 31 + i / 256);
  return image;
}

const Bytes kNull = {0x00};

void expect_state(Server& server, std::int64_t state, std::int64_t result) {
  const Exchange read = server.read("/5/0", format::kTlv);
  EXPECT_EQ(read.response.substr(0, 17), "ACK 2.05 ct=11542");
  EXPECT_EQ(read.value("/5/0/3"), Value(state));
  EXPECT_EQ(read.value("/5/0/5"), Value(result));
}

TEST(Ets, Case751_QueryOfFirmware) {
  FirmwareHost host;
  Site site(host.configuration());
  site.start();
  const Exchange read = site.server().read("/5/0", format::kTlv);
  EXPECT_EQ(read.request, "CON GET /5/0 accept=11542");
  expect_state(site.server(), 0, 0);
  EXPECT_EQ(read.value("/5/0/9"), Value(std::int64_t{1})) << "push; 8 then names no protocol";
}

TEST(Ets, Case755_WriteOfThePackage) {
  FirmwareHost host;
  Site site(host.configuration());
  site.start();
  Server& server = site.server();
  const Exchange reset = server.write("/5/0/0", format::kOpaque, kNull);
  EXPECT_EQ(reset.request, "CON PUT /5/0/0 ct=42 #00");
  EXPECT_EQ(reset.response, "ACK 2.04");
  expect_state(server, 0, 0);
  const Bytes image = image_of(5000);
  EXPECT_TRUE(server.write("/5/0/0", format::kOpaque, image).is(Status::Changed));
  EXPECT_EQ(host.image(), image);
  expect_state(server, 2, 0);
}

TEST(Ets, Case760_ObservationOfTheState) {
  FirmwareHost host;
  Site site(host.configuration());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.attributes("/5/0", {"pmin=2", "pmax=10"}).response, "ACK 2.04");
  const Exchange observe = server.observe("/5/0/3", format::kText);
  EXPECT_EQ(observe.request, "CON GET obs=0 /5/0/3 accept=0");
  EXPECT_EQ(as_text(observe.payload), "0");
  EXPECT_TRUE(server.write("/5/0/0", format::kOpaque, image_of(100)).is(Status::Changed));
  server.forget_events();
  site.pass(seconds(2));
  EXPECT_EQ(server.notified("/5/0/3"), "2");
}

TEST(Ets, Case770_UpdateByPush) {
  FirmwareHost host;
  Site site(host.configuration());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.write("/5/0/0", format::kOpaque, kNull).response, "ACK 2.04");
  expect_state(server, 0, 0);
  site.forget_messages();
  host.hold(true);
  const Exchange push = server.write("/5/0/0", format::kOpaque, image_of(4096));
  EXPECT_TRUE(push.is(Status::Changed));
  std::vector<std::string> answers;
  for (const Message& message : site.messages()) {
    if (message.from_client) answers.push_back(message.code());
  }
  EXPECT_EQ(answers, (std::vector<std::string>{"2.31", "2.31", "2.31", "2.04"})) << "blocks of 1024 bytes";
  expect_state(server, 1, 0);
  host.hold(false);
  site.deliver();
  expect_state(server, 2, 0);
  host.hold(true);
  const Exchange update = server.execute("/5/0/2");
  EXPECT_EQ(update.request, "CON POST /5/0/2");
  EXPECT_EQ(update.response, "ACK 2.04");
  expect_state(server, 3, 0);
  host.hold(false);
  site.deliver();
  expect_state(server, 0, 1);
  EXPECT_EQ(server.read("/3/0/3").value(), Value(std::string(FirmwareHost::kNewVersion)));
  EXPECT_EQ(host.installs(), 1);
}

/// An image of 4096 bytes is pushed to a device with that fate: the state that is seen last is 0, with the result, and
/// Downloaded isn't reached.
void expect_refused(const FirmwareHost::Fate& fate, std::int64_t result, const char* answer) {
  FirmwareHost host(fate);
  Site site(host.configuration());
  site.start();
  Server& server = site.server();
  EXPECT_EQ(server.read("/5/0/3").value(), Value(std::int64_t{0}));
  server.observe("/5/0/3", format::kText);
  const Exchange push = server.write("/5/0/0", format::kOpaque, image_of(4096));
  EXPECT_EQ(push.response.substr(0, 8), answer);
  site.pass(seconds(15));
  expect_state(server, 0, result);
  for (std::string state = server.notified("/5/0/3"); state != "none"; state = server.notified("/5/0/3")) {
    EXPECT_NE(state, "2");
  }
  EXPECT_TRUE(server.execute("/5/0/2").is(Status::MethodNotAllowed)) << "there is nothing to install";
  EXPECT_TRUE(host.image().empty()) << "what came of it is gone";
}

TEST(Ets, Case773_StorageTooSmall) {
  FirmwareHost::Fate fate;
  fate.capacity = 3000;
  expect_refused(fate, 2, "ACK 4.13");
}

TEST(Ets, Case774_OutOfMemory) {
  FirmwareHost::Fate fate;
  fate.memory = 3000;
  expect_refused(fate, 3, "ACK 5.00");
}

TEST(Ets, Case776_DamagedImage) {
  FirmwareHost::Fate fate;
  fate.finding = client::FirmwareResult::IntegrityFailure;
  expect_refused(fate, 5, "ACK 2.04");
}

TEST(Ets, Case777_UnknownKindOfPackage) {
  FirmwareHost::Fate fate;
  fate.finding = client::FirmwareResult::UnsupportedPackage;
  expect_refused(fate, 6, "ACK 2.04");
}

}  // namespace
}  // namespace drover::conformance
