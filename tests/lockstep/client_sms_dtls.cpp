// SPDX-License-Identifier: Apache-2.0
// DTLS in short messages that ends on the device (SMS Security Mode 1), and what a Bootstrap-Server says of SMS.
#include "tests/lockstep/secure_peer.hpp"

namespace drover::testing {
namespace {

using client::RegistrationState;
using client::SecurityObject;
using transport::Kind;
using transport::PeerAddress;

const PeerAddress kNumber = PeerAddress::sms("491701234567").value().as(Kind::SmsDtls);
const PeerAddress kDeviceNumber = PeerAddress::sms("12345678").value().as(Kind::SmsDtls);

/// A server that takes records in short messages, beside one for UDP without security.
struct Messaging {
  explicit Messaging(const std::string& binding) : server({}, false), provider_({}, rng_), device(settings(), "") {
    const client::SmsValues sms{SecurityObject::kSmsOnDevice, to_bytes("example-client"),
                                Secret<Bytes>(to_bytes("0123456789abcdef")), "491701234567"};
    EXPECT_TRUE(device.client.add_account(device.now, 1, "coap://192.0.2.1", 86400, {}, {binding, sms}));
    device.client.settle(device.now);
  }
  /// Until nothing moves; what goes over UDP is kept.
  void run() {
    for (bool busy = true; busy;) {
      busy = false;
      while (auto sent = device.client.poll_transmit()) {
        busy = true;
        if (sent->to.kind == Kind::Udp) {
          udp.push_back(std::move(sent->bytes));
          continue;
        }
        EXPECT_EQ(sent->to, kNumber);
        EXPECT_LE(sent->bytes.size(), 140U) << "a short message isn't cut";
        ++messages;
        server.handle_datagram(device.now, kDeviceNumber, sent->bytes);
      }
      while (!server.out.empty()) {
        const Bytes back = std::move(server.out.front().bytes);
        server.out.pop_front();
        device.in(back, kNumber);
        busy = true;
      }
    }
  }
  void out(const std::string& line) {
    run();
    ASSERT_FALSE(server.messages.empty()) << "nothing arrived, expected: " << line;
    device.expect(line, server.messages.front());
    server.messages.pop_front();
  }
  void in(const std::string& line) {
    server.send(device.now, device.message(line));
    run();
  }
  void out_by_udp(const std::string& line) {
    run();
    ASSERT_FALSE(udp.empty()) << "nothing was sent, expected: " << line;
    device.expect(line, udp.front());
    udp.pop_front();
  }

  SecureServer server;
  std::size_t messages = 0;  ///< that the device sent
  std::deque<Bytes> udp;

 private:
  client::ClientSettings settings() {
    client::ClientSettings made = plain_settings();
    made.security = &provider_;
    made.sms.msisdn = "12345678";
    made.sms.attached = true;
    return made;
  }
  SplitMix rng_{5};
  security::dtls::DtlsProvider provider_;

 public:
  Device device;
};

TEST(TransportSmsDtls, WithBindingSTheRegistrationGoesOverTheAssociation) {
  Messaging link("S");
  link.device.client.start(link.device.now);
  link.out("CON ? POST t=? /rd ct=40 ?ep=example-client ? ?sms=12345678 ? ?b=S ?");
  link.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  EXPECT_EQ(link.device.client.accounts()[0].state, RegistrationState::Registered);
  EXPECT_TRUE(link.device.client.accounts()[0].has_association);
  EXPECT_TRUE(link.udp.empty());
  link.in("CON 0001 GET t=01 /3/0/0");
  link.out("ACK 0001 2.05 t=01 ct=0 'Open Mobile Alliance'");
}

TEST(TransportSmsDtls, BesideUdpTheAssociationIsThereBeforeItIsNeeded) {
  Messaging link("UQS");
  link.device.client.start(link.device.now);
  link.out_by_udp("CON ? POST t=? /rd ct=40 ?ep=example-client ? ?sms=12345678 ? ?b=UQS ?");
  EXPECT_EQ(link.messages, 0U);
  link.device.in("ACK $m 2.01 t=$t loc=rd loc=5a3f");
  link.run();
  EXPECT_TRUE(link.udp.empty());
  EXPECT_EQ(link.server.handshakes, 1U);
  EXPECT_EQ(link.server.newest().peer().name, "example-client");
  link.device.pass(seconds(93));
  EXPECT_TRUE(link.device.client.is_offline());
  link.in("CON 0001 POST t=01 /1/0/8");
  link.out("ACK 0001 2.04 t=01");
  link.out_by_udp("CON ? POST t=? /rd/5a3f");
  link.device.in("ACK $m 2.04 t=$t");
  // It is protected, so it may carry more than the trigger.
  link.in("CON 0002 GET t=02 /3/0/0");
  link.out("ACK 0002 2.05 t=02 ct=0 'Open Mobile Alliance'");
  const std::uint64_t before = link.device.client.counters().refused_sms;
  link.device.in("CON 0003 POST t=03 /1/0/8", kNumber.as(Kind::Sms));
  link.device.in("CON 0004 POST t=04 /1/0/8", kNumber);
  link.run();
  EXPECT_TRUE(link.udp.empty() && link.server.messages.empty());
  EXPECT_EQ(link.device.client.counters().refused_sms, before + 2);
}

// ---- bootstrap ------------------------------------------------------------------------------------------------------

const PeerAddress kBootstrap = server_address(9);
constexpr const char* kKeys = R"({"n":"7","sv":"EhIWALICAw=="},{"n":"8","sv":"EBESExQVFhcYGRobHB0eHzAxMjM0NTY3ODk6Ozw9Pj8="})";

/// What a Finish is answered when the plan says so much about SMS.
std::string finish(bool attached, const std::string& uri, const std::string& sms, const std::string& binding) {
  client::ClientSettings settings = plain_settings();
  settings.sms.msisdn = "12345678";
  settings.sms.attached = attached;
  Device device(settings, "");
  EXPECT_TRUE(device.client.add_bootstrap_account(device.now, "coap://192.0.2.9"));
  device.client.start(device.now);
  device.out("CON ? POST t=? /bs ?ep=example-client", kBootstrap);
  device.in("ACK $m 2.04 t=$t", kBootstrap);
  const std::string commands[] = {
      R"(CON 0001 PUT t=01 /0/1 ct=11543 '{"bn":"/0/1/","e":[{"n":"0","sv":")" + uri +
          R"("},{"n":"1","bv":false},{"n":"2","v":3},{"n":"10","v":101})" + sms + "]}'",
      R"(CON 0002 PUT t=02 /1/0 ct=11543 '{"bn":"/1/0/","e":[{"n":"0","v":101},{"n":"1","v":300},{"n":"6","bv":true},{"n":"7","sv":")" +
          binding + R"("}]}')",
      "CON 0003 POST t=03 /bs"};
  std::string answer;
  for (const std::string& command : commands) {
    device.in(command, kBootstrap);
    const auto sent = device.client.poll_transmit();
    if (!sent) return "nothing";
    const std::vector<std::string> words = wire::read(sent->bytes);
    answer = words.at(2) + " " + words.at(3);
    const auto payload = std::find(sent->bytes.begin(), sent->bytes.end(), std::uint8_t{0xFF});
    if (payload != sent->bytes.end()) answer += " " + std::string(payload + 1, sent->bytes.end());
    if (words.at(2) != "2.04") break;
  }
  return answer;
}

TEST(CoreSection5_2_6, ABootstrapSaysHowShortMessagesAreProtected) {
  const std::string uri = "coap://192.0.2.1";
  const std::string number = R"(,{"n":"9","sv":"491701234567"})";
  const std::string packets = R"(,{"n":"6","v":2},)" + std::string(kKeys) + number;
  EXPECT_EQ(finish(true, uri, packets, "UQS"), "2.04 t=03");
  EXPECT_EQ(finish(true, "tel:+491701234567", packets, "SQ"), "2.04 t=03");
  EXPECT_EQ(finish(true, uri, R"(,{"n":"6","v":3})" + number, "UQS"), "2.04 t=03");
  EXPECT_EQ(finish(true, uri, "", "U"), "2.04 t=03");
  EXPECT_EQ(finish(false, uri, packets, "U"), "2.04 t=03") << "a client without SMS ignores them";

  const auto refusal = [](const std::string& text) { return "4.06 t=03 /0/1: " + text; };
  EXPECT_EQ(finish(true, uri, R"(,{"n":"6","v":3})" + number, "S"), refusal("binding S needs SMS Security Mode 1 or 2"));
  EXPECT_EQ(finish(true, uri, R"(,{"n":"6","v":2})" + number, "U").substr(0, 26), "4.06 t=03 /0/1: resource 7") << "even if unused";
  EXPECT_EQ(finish(true, uri, "", "UQS"), refusal("resource 9 (LwM2M Server SMS Number) isn't a number: digits with the country code"));
  EXPECT_EQ(finish(true, uri, R"(,{"n":"6","v":204})" + number, "U").substr(0, 9), "4.00 t=01");
  EXPECT_EQ(finish(true, uri, R"(,{"n":"6","v":3},{"n":"9","sv":"+49 170"})", "U").substr(0, 9), "4.00 t=01");
  EXPECT_EQ(finish(false, uri, "", "UQS").substr(0, 9), "4.00 t=02");
}

}  // namespace
}  // namespace drover::testing
