// SPDX-License-Identifier: Apache-2.0
// What objects 1, 3, 4 and 7 do (Core Appendix E), from the client's side in exact bytes.
#include "tests/lockstep/client_peer.hpp"

namespace drover::testing {
namespace {

constexpr std::uint64_t kHeaders = 8 + 20;  // UDP and IPv4

/// The value of a readable resource in text form.
std::string shown(Device& device, const std::string& path) {
  const auto value = device.client.tree().get({device.now, std::nullopt}, Path::parse(path).value());
  if (!value) return "none";
  const auto* number = std::get_if<std::int64_t>(&*value);
  return number != nullptr ? std::to_string(*number) : "not a number";
}

bool ends_with(const Bytes& bytes, std::string hex) {
  std::erase(hex, ' ');
  const Bytes tail = from_hex(hex);
  return bytes.size() >= tail.size() && std::equal(tail.rbegin(), tail.rend(), bytes.rbegin());
}

// ---- Server (E.2) ---------------------------------------------------------------------------------------------------

TEST(CoreAppendixE2, AWrittenLifetimeIsToldByAnUpdate) {
  Device device;
  device.be_registered();
  device.in("CON 0001 PUT t=01 /1/0/1 ct=0 '60'");
  device.out("ACK 0001 2.04 t=01");
  device.quiet();
  device.pass(milliseconds(200));
  device.out("CON ? POST t=? /rd/5a3f ?lt=60");
  device.in("ACK $m 2.04 t=$t");
  device.pass(seconds(29));
  device.quiet();
  device.pass(seconds(1));  // at half of the short lifetime
  device.out("CON ? POST t=? /rd/5a3f");
}

TEST(CoreAppendixE2, AnImpossibleLifetimeIsRefused) {
  Device device;
  device.be_registered();
  int message = 1;
  for (const std::string bad : {"0", "-1", "4294967296"}) {
    const std::string id = "000" + std::to_string(message++);
    device.in("CON " + id + " PUT t=01 /1/0/1 ct=0 '" + bad + "'");
    device.out("ACK " + id + " 4.00 t=01 ?");
  }
  device.pass(seconds(1));
  device.quiet();
}

TEST(CoreAppendixE2, AWrittenBindingIsUsedWhenTheClientHasIt) {
  Device device;
  device.be_registered();
  device.in("CON 0001 PUT t=01 /1/0/7 ct=0 'UQ'");
  device.out("ACK 0001 2.04 t=01");
  device.pass(milliseconds(200));
  device.out("CON ? POST t=? /rd/5a3f ?b=UQ");
  device.in("ACK $m 2.04 t=$t");
  int message = 2;
  for (const std::string other : {"S", "SQ", "US", "UQS", "", "X", "u", "UQQ"}) {
    const std::string id = "000" + std::to_string(message++);
    device.in("CON " + id + " PUT t=01 /1/0/7 ct=0" + (other.empty() ? "" : " '" + other + "'"));
    device.out("ACK " + id + " 4.00 t=01 ?");
  }
  device.pass(seconds(1));
  device.quiet();
}

TEST(CoreAppendixE2, TheUpdateTriggerIsAnsweredFirst) {
  Device device;
  device.be_registered();
  device.in("CON 0001 POST t=01 /1/0/8");
  device.out("ACK 0001 2.04 t=01");
  device.out("CON ? POST t=? /rd/5a3f");
  device.quiet();
  // Once more while the Update is under way: another one behind it.
  device.in("CON 0002 POST t=01 /1/0/8");
  device.out("ACK 0002 2.04 t=01");
  device.quiet();
  device.in("ACK $m 2.04 t=$t");
  device.in("CON 0003 EMPTY");  // whatever makes the device look at its work
  device.out("RST 0003 EMPTY");
}

TEST(CoreAppendixE2, TheDefaultPeriodsHoldForAnObservationWithoutItsOwn) {
  Device device;
  device.be_registered();
  device.in("CON 0001 PUT t=01 /1/0/2 ct=0 '10'");
  device.out("ACK 0001 2.04 t=01");
  device.in("CON 0002 PUT t=01 /1/0/3 ct=0 '60'");
  device.out("ACK 0002 2.04 t=01");
  device.in("CON 0003 GET t=aa /3/0/0 obs=0");
  device.out("ACK 0003 2.05 t=aa obs=? ct=0 'Open Mobile Alliance'");
  device.pass(seconds(1));
  device.set("/3/0/0", std::string("A"));
  device.quiet();
  device.pass(seconds(9));
  device.out("NON ? 2.05 t=aa obs=? ct=0 'A'");
  device.pass(seconds(59));
  device.quiet();
  device.pass(seconds(1));
  device.out("NON ? 2.05 t=aa obs=? ct=0 'A'");
}

TEST(CoreAppendixE2, DisableIsAnsweredThenDeregistersAndComesBackAfterTheTimeout) {
  Device device;
  device.set("/1/0/5", std::int64_t{120});
  device.be_registered();
  device.in("CON 0001 POST t=01 /1/0/4");
  device.out("ACK 0001 2.04 t=01");
  device.out("CON ? DELETE t=? /rd/5a3f");
  device.in("ACK $m 2.02 t=$t");
  device.quiet();
  // Nothing is sent and nothing answered in between.
  device.in("CON 0002 GET t=02 /3/0/0");
  device.in("CON 0003 EMPTY");
  device.set("/3/0/0", std::string("changed"));
  device.client.update(device.now);
  device.pass(seconds(119));
  device.quiet();
  EXPECT_EQ(device.client.accounts().front().state, client::RegistrationState::Disabled);
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=5a40");
  device.in("CON 0004 GET t=04 /3/0/0");
  device.out("ACK 0004 2.05 t=04 ct=0 'changed'");
}

TEST(CoreAppendixE2, WithoutADisableTimeoutAServerIsDisabledForADay) {
  Device device;
  device.be_registered();
  device.in("CON 0001 POST t=01 /1/0/4");
  device.out("ACK 0001 2.04 t=01");
  device.out("CON ? DELETE t=? /rd/5a3f");
  device.in("ACK $m 2.02 t=$t");
  device.pass(seconds(86399));
  device.quiet();
  device.pass(seconds(1));
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
}

TEST(CoreAppendixE2, AConfirmableNotificationUnderWayIsNotRepeatedToADisabledServer) {
  client::ClientSettings settings = plain_settings();
  settings.notification.confirmable = true;
  Device device(settings);
  device.be_registered();
  device.in("CON 0001 GET t=aa /3/0/0 obs=0");
  device.out("ACK 0001 2.05 t=aa obs=? ct=0 'Open Mobile Alliance'");
  device.set("/3/0/0", std::string("A"));
  device.out("CON ? 2.05 t=aa obs=? ct=0 'A'");
  const std::string notification = device.mid;
  device.in("CON 0002 POST t=01 /1/0/4");
  device.out("ACK 0002 2.04 t=01");
  // NSTART is 1: the DELETE waits for the notification's acknowledgement.
  device.in("ACK " + notification + " EMPTY");
  device.out("CON ? DELETE t=? /rd/5a3f");
  device.in("ACK $m 2.02 t=$t");
  device.pass(seconds(1000));
  device.quiet();
}

TEST(CoreAppendixE2, AServerMayBeDisabledByAnotherWhileItCanNotBeReached) {
  Device device;
  ASSERT_TRUE(device.client.add_account(device.now, 2, "coap://192.0.2.2", 86400));
  device.client.start(device.now);
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
  device.in("ACK $m 2.01 t=$t loc=rd loc=1");
  device.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?", server_address(2));
  device.in("ACK $m 5.03 t=$t", server_address(2));  // waits for its next try
  device.quiet();
  device.client.define(*shipped().find(2));
  device.add(2, 0);
  device.set("/2/0/0", std::int64_t{1});  // of object 1 the instance 1
  device.set("/2/0/1", std::int64_t{1});
  device.set("/2/0/2/1", std::int64_t{4});  // server 1 may execute
  device.set("/2/0/3", std::int64_t{2});
  while (device.client.poll_transmit()) {
  }
  device.in("CON 0001 POST t=01 /1/1/4");
  device.out("ACK 0001 2.04 t=01");
  EXPECT_EQ(device.client.accounts().back().state, client::RegistrationState::Disabled);
  device.pass(seconds(80000));
  while (const auto sent = device.client.poll_transmit()) EXPECT_EQ(sent->to, server_address(1));
}

// ---- Device (E.4) ---------------------------------------------------------------------------------------------------

TEST(CoreAppendixE4, AnObserverHearsOfEachErrorCode) {
  Device device;
  device.be_registered();
  device.in("CON 0001 GET t=aa /3/0/11 obs=0 accept=11542");
  device.out("ACK 0001 2.05 t=aa obs=? ct=11542 ?");
  EXPECT_TRUE(ends_with(device.last_sent, "83 0b 410000"));
  device.pass(seconds(1));
  device.client.device().report({device.now, std::nullopt}, client::DeviceObject::Trouble::LowBattery, true);
  device.client.device().report({device.now, std::nullopt}, client::DeviceObject::Trouble::OutOfMemory, true);
  device.client.settle(device.now);
  device.out("NON ? 2.05 t=aa obs=? ct=11542 ?");
  // TLV: multiple resource 11 of 6 bytes; instances 0 and 1, each with an integer of one byte (Core 6.4.3).
  EXPECT_TRUE(ends_with(device.last_sent, "86 0b 410001 410105"));
  device.quiet();
}

// ---- Connectivity Monitoring (E.5) ----------------------------------------------------------------------------------

TEST(CoreAppendixE5, TheMandatoryResourcesMakeSenseBeforeAnythingIsKnown) {
  Device device;
  device.client.define(*shipped().find(4));
  device.add(4, 0);
  EXPECT_EQ(shown(device, "/4/0/0"), "41") << "not 0, which is GSM";
  EXPECT_EQ(shown(device, "/4/0/1/0"), "41");
  EXPECT_EQ(shown(device, "/4/0/2"), "0");
  EXPECT_EQ(shown(device, "/4/0/3"), "none");
}

// ---- Connectivity Statistics (E.8) ----------------------------------------------------------------------------------

class Statistics : public Device {
 public:
  Statistics() {
    client.define(*shipped().find(7));
    add(7, 0);
    client.start(now);
    out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ? ?");
    in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
    quiet();
  }
  /// One POST with its answer; counts both as the client should.
  void execute(const std::string& path) {
    const Bytes request = wire::write("CON " + id() + " POST t=01 " + path);
    in(request);
    const auto answer = client.poll_transmit();
    ASSERT_TRUE(answer);
    received += request.size() + kHeaders;
    sent += answer->bytes.size() + kHeaders;
    longest = std::max({longest, request.size() + kHeaders, answer->bytes.size() + kHeaders});
    messages += 2;
  }
  void write(const std::string& path, const std::string& text, const std::string& code) {
    const std::string message = id();
    in("CON " + message + " PUT t=01 " + path + " ct=0 '" + text + "'");
    out("ACK " + message + " " + code + " t=01" + (code == "2.04" ? "" : " ?"));
  }
  std::string id() {
    std::string text = std::to_string(++count_);
    return std::string(4 - text.size(), '0') + text;
  }
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t longest = 0;
  std::uint64_t messages = 0;

 private:
  int count_ = 0;
};

TEST(CoreAppendixE8, CountsFromStartToStopWithAllHeaders) {
  Statistics device;
  device.execute("/3/0/12");
  for (const char* id : {"0", "1", "2", "3", "4", "5", "8"}) {
    EXPECT_EQ(shown(device, std::string("/7/0/") + id), "0") << id << ": not started";
  }
  device.execute("/7/0/6");
  // The request of Start came before it; its answer is the first message.
  const auto first = static_cast<std::uint64_t>(std::stoi(shown(device, "/7/0/4")));
  EXPECT_GT(first, kHeaders);
  device.sent = first, device.received = 0, device.longest = first, device.messages = 1;
  for (int i = 0; i < 100; ++i) device.execute("/3/0/12");
  EXPECT_EQ(shown(device, "/7/0/2"), std::to_string(device.sent / 1024));
  EXPECT_EQ(shown(device, "/7/0/3"), std::to_string(device.received / 1024));
  EXPECT_GT(device.sent / 1024, 2U);
  EXPECT_EQ(shown(device, "/7/0/4"), std::to_string(device.longest));
  const std::uint64_t average = (device.sent + device.received + device.messages / 2) / device.messages;
  EXPECT_EQ(shown(device, "/7/0/5"), std::to_string(average));
  device.execute("/7/0/7");
  const std::string frozen = shown(device, "/7/0/2");
  for (int i = 0; i < 50; ++i) device.execute("/3/0/12");
  EXPECT_EQ(shown(device, "/7/0/2"), frozen) << "Stop keeps the numbers";
  device.execute("/7/0/6");
  EXPECT_EQ(shown(device, "/7/0/2"), "0") << "Start begins from 0";
}

TEST(CoreAppendixE8, IPv6HeadersAreLonger) {
  Statistics device;
  device.execute("/7/0/6");
  const int before = std::stoi(shown(device, "/7/0/4"));
  const Bytes stranger(100, 0x40);
  device.in(stranger, transport::PeerAddress::parse("[2001:db8::1]:5683").value());
  EXPECT_EQ(shown(device, "/7/0/4"), std::to_string(100 + 8 + 40));
  EXPECT_LT(before, 148);
}

TEST(CoreAppendixE8, ACollectionPeriodEndsByItself) {
  Statistics device;
  device.write("/7/0/8", "30", "2.04");
  device.execute("/7/0/6");
  const auto deadline = device.client.deadline();
  ASSERT_TRUE(deadline);
  EXPECT_EQ(deadline->reason, Reason::Collection);
  EXPECT_EQ(deadline->at, device.now + seconds(30));
  device.pass(seconds(29));
  device.execute("/3/0/12");
  const std::string average = shown(device, "/7/0/5");
  device.pass(seconds(1));
  for (int i = 0; i < 50; ++i) device.execute("/3/0/12");
  EXPECT_EQ(shown(device, "/7/0/2"), "0");
  EXPECT_EQ(shown(device, "/7/0/5"), average);
  // Without one it goes on.
  device.write("/7/0/8", "0", "2.04");
  device.execute("/7/0/6");
  device.pass(seconds(1000));
  while (device.client.poll_transmit()) {
  }
  for (int i = 0; i < 50; ++i) device.execute("/3/0/12");
  EXPECT_NE(shown(device, "/7/0/2"), "0");
}

TEST(CoreAppendixE8, APeriodThatIsOverCountsNothingEvenBeforeTheTimeoutIsHandled) {
  Statistics device;
  device.write("/7/0/8", "30", "2.04");
  device.execute("/7/0/6");
  const std::string before = shown(device, "/7/0/4");
  device.now += seconds(30);
  device.in(Bytes(500, 0x40));
  EXPECT_EQ(shown(device, "/7/0/4"), before);
}

TEST(CoreAppendixE8, AnImpossiblePeriodIsRefused) {
  Statistics device;
  for (const char* bad : {"-1", "4294967296"}) device.write("/7/0/8", bad, "4.00");
}

TEST(CoreAppendixE8, ObserversHearOfFurtherKilobytesAndNotOfTheirOwnNotifications) {
  Statistics device;
  const std::string id = device.id();
  device.in("CON " + id + " GET t=aa /7/0 obs=0");
  device.out("ACK " + id + " 2.05 t=aa obs=? ct=11542 ?");
  device.execute("/7/0/6");
  int notified = 0;
  for (int i = 0; i < 100; ++i) {
    device.pass(seconds(1));
    device.execute("/3/0/12");
    while (device.client.poll_transmit()) ++notified;
  }
  // 100 requests with their answers are some 3.7 KB in each direction.
  EXPECT_GE(notified, 4);
  EXPECT_LE(notified, 20);
  device.pass(seconds(1000));
  while (device.client.poll_transmit()) ++notified;
  EXPECT_LE(notified, 22) << "at rest nothing changes";
}

}  // namespace
}  // namespace drover::testing
