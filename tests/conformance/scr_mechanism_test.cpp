// SPDX-License-Identifier: Apache-2.0
// Queue mode and the SMS binding, from both ends (Transport "Queue Mode Operation", "SMS Binding"; Core Table 8).
#include "tests/conformance/configurations.hpp"

namespace drover::conformance {
namespace {

using server::OperationState;
using transport::Kind;
using transport::PeerAddress;

constexpr seconds kMaxTransmitWait{93};  // RFC 7252 §4.8.2

Configuration sleepy() {
  Configuration configuration = with(c1(), [](Site& device) {
    device.set("/1/0/7", std::string("UQ"));
    device.set("/1/0/1", std::int64_t{300});
  });
  configuration.settings.notification.confirmable = false;
  return configuration;
}

std::uint64_t ask(Site& site, std::string_view path) {
  static std::uint64_t ticket = 1000;
  site.server().shard().operate(site.now(), server::Ticket{++ticket}, kEndpoint,
                                lwm2m::Read{at(path), format::kText, false});
  site.deliver();
  return ticket;
}

TEST(Scr, MEC_001_C_QueueMode) {
  Site site(sleepy());
  site.start();
  EXPECT_NE(site.first_sent_by_client().find(" ?b=UQ"), std::string::npos);
  EXPECT_FALSE(site.account_view().asleep);
  site.pass(kMaxTransmitWait + seconds(1));
  EXPECT_TRUE(site.account_view().asleep);
  EXPECT_TRUE(site.client().is_offline());
  // It comes back by itself before its lifetime ends, with a confirmable Update.
  site.forget_messages();
  site.pass(seconds(300));
  EXPECT_EQ(site.first_sent_by_client().substr(0, 8), "CON POST");
  EXPECT_NE(site.first_sent_by_client().find(site.location()), std::string::npos);
}

TEST(Scr, MEC_001_S_QueueMode) {
  Site site(sleepy());
  site.start();
  site.pass(kMaxTransmitWait + seconds(1));
  site.forget_messages();
  const std::uint64_t first = ask(site, "/3/0/0");
  ask(site, "/1/0/1");
  EXPECT_TRUE(site.messages().empty()) << "nothing leaves for a device that sleeps";
  const auto waiting = site.server().shard().operations(kEndpoint);
  ASSERT_EQ(waiting.size(), 2U);
  EXPECT_EQ(waiting[0].id.value, first);
  EXPECT_EQ(waiting[0].state, OperationState::Queued);
  site.pass(seconds(300));
  EXPECT_TRUE(site.server().shard().operations(kEndpoint).empty());
  std::vector<std::string> requests;
  for (const Message& message : site.messages()) {
    if (!message.from_client && message.type() == "CON") requests.push_back(message.line.substr(0, 14));
  }
  EXPECT_EQ(requests, (std::vector<std::string>{"CON GET /3/0/0", "CON GET /1/0/1"}));
}

/// A client and a server that hear each other by SMS alone; what protects the messages is the gateway's (src/sms), which
/// isn't between them here.
struct SmsLink final : server::SmsDirectory {
  static inline const PeerAddress kServer = PeerAddress::sms("4915100000000")->as(Kind::SmsPacket);
  static inline const PeerAddress kDevice = PeerAddress::sms("491701234567")->as(Kind::SmsPacket);

  SmsLink() : client_rng(1), server_rng(2), client(settings(), client_rng), shard(config(), server_rng) {
    for (const lwm2m::ObjectId object : {lwm2m::ObjectId{0}, lwm2m::ObjectId{1}, lwm2m::ObjectId{3}}) {
      client.define(*definitions().find(object));
    }
    EXPECT_TRUE(client.tree().add({now, std::nullopt}, 3, 0));
    client::AccountWishes wishes;
    wishes.binding = "S";
    wishes.sms.mode = 1;
    wishes.sms.key_parameters = security::sps::Parameters{}.octets();
    wishes.sms.keys = Secret<Bytes>(Bytes(32, 7));
    wishes.sms.number = kServer.msisdn();
    EXPECT_TRUE(client.add_account(now, 1, "tel:+" + kServer.msisdn(), 86400, {}, wishes));
    client.start(now);
    deliver();
  }
  static client::ClientSettings settings() {
    client::ClientSettings settings;
    settings.endpoint = kEndpoint;
    settings.sms.msisdn = kDevice.msisdn();
    settings.sms.attached = true;
    settings.sms.mode1 = client::SmsMode1::SecuredPackets;
    return settings;
  }
  server::ShardConfig config() const {
    server::ShardConfig config;
    config.sms = this;
    return config;
  }
  std::optional<Kind> kind_for(std::string_view) const override { return Kind::SmsPacket; }
  bool may_be(std::string_view msisdn, std::string_view endpoint) const override {
    return msisdn == kDevice.msisdn() && endpoint == kEndpoint;
  }
  void deliver() {
    for (bool busy = true; busy;) {
      busy = false;
      while (client.poll_event()) {
      }
      while (const auto sent = client.poll_transmit()) {
        EXPECT_EQ(sent->to, kServer);
        longest = std::max(longest, sent->bytes.size());
        shard.handle_datagram(now, {kDevice, sent->bytes});
        busy = true;
      }
      while (const auto sent = shard.poll_transmit()) {
        EXPECT_EQ(sent->to, kDevice);
        longest = std::max(longest, sent->bytes.size());
        ++requests;
        client.handle_datagram(now, {kServer, sent->bytes});
        busy = true;
      }
    }
  }

  Instant now{seconds(1000)};
  SplitMix client_rng, server_rng;
  client::Client client;
  server::Shard shard;
  std::size_t longest = 0, requests = 0;
};

TEST(Scr, MEC_003_C_SmsBinding) {
  SmsLink link;
  ASSERT_EQ(link.client.accounts().size(), 1U);
  EXPECT_FALSE(link.client.accounts()[0].location.empty());
  EXPECT_EQ(link.client.accounts()[0].binding, "S");
  EXPECT_LE(link.longest, 494U) << "what four short messages with a secured packet take";
}

TEST(Scr, MEC_003_S_SmsBinding) {
  SmsLink link;
  const auto device = link.shard.device(kEndpoint);
  ASSERT_TRUE(device);
  EXPECT_EQ(device->address, SmsLink::kDevice);
  EXPECT_EQ(device->sms, SmsLink::kDevice.msisdn());
  link.shard.operate(link.now, server::Ticket{1}, kEndpoint, lwm2m::Read{at("/1/0/1"), format::kText, false});
  link.deliver();
  const auto done = link.shard.poll_done();
  ASSERT_TRUE(done);
  EXPECT_EQ(as_text(std::get<lwm2m::Outcome>(done->result).payload), "86400");
  EXPECT_EQ(done->status.way, server::Way::Sms);
}

}  // namespace
}  // namespace drover::conformance
