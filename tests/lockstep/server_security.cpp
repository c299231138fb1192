// SPDX-License-Identifier: Apache-2.0
// Transport "DTLS-based Security" at the server: who may register, and what a registration outlives.
#include "security/dtls/test_peers.hpp"
#include "sim/fleet_disk.hpp"
#include "tests/lockstep/server_peer.hpp"

namespace drover::lockstep {
namespace {

using security::Association;
using security::testing::KnownPeers;
using security::testing::Witness;
using server::EventKind;
using std::chrono::seconds;
using transport::Kind;

/// A device with DTLS: what it says and hears is plaintext.
class SecureServer : public testing::Test {
 protected:
  struct Device {
    transport::PeerAddress address;
    std::unique_ptr<security::Connector> connector;
    std::unique_ptr<Association> association;
    std::deque<Bytes> heard;
  };

  explicit SecureServer(std::size_t shards = 2) {
    known_.psks["node1"] = "0123456789abcdef";
    known_.psks["node2"] = "fedcba9876543210";
    parameters_.watcher = &witness_;
    start(shards);
  }
  void TearDown() override { EXPECT_EQ(witness_.reused, 0U) << "a nonce was used twice"; }

  void start(std::size_t shards = 2) {
    shards_.clear();
    acceptors_.clear();
    for (std::size_t index = 0; index < shards; ++index) {
      security::dtls::DtlsProvider provider(parameters_, rng_);
      acceptors_.push_back(std::move(*provider.acceptor({}, known_)));
      server::ShardConfig config;
      config.index = index;
      config.count = shards;
      config.kept = true;
      config.acceptor = acceptors_.back().get();
      config.credentials = &known_;
      shards_.push_back(std::make_unique<server::Shard>(std::move(config), rng_));
      shards_.back()->set_wall_clock(seconds(1'700'000'000));
    }
  }

  Device device(std::uint32_t host, const std::string& identity) {
    security::dtls::DtlsProvider provider(parameters_, rng_);
    Device made{transport::PeerAddress::v4(host, 40000).as(Kind::Dtls), {}, {}, {}};
    security::ClientCredential credential{
        security::PskCredential{identity, Secret<Bytes>(to_bytes(known_.psks.at(identity)))}, {}};
    made.connector = std::move(*provider.connector(credential, "h"));
    made.association = made.connector->connect(now_, {});
    return made;
  }
  void pump(Device& device, std::size_t index = 0) {
    for (bool busy = true; busy;) {
      busy = false;
      while (auto datagram = device.association->poll_datagram()) {
        shards_[index]->handle_datagram(now_, {device.address, *datagram});
        busy = true;
      }
      carry_mail();
      for (const auto& shard : shards_) {
        while (auto transmit = shard->poll_transmit()) {
          if (transmit->to != device.address) continue;
          device.association->handle_datagram(now_, transmit->bytes);
          busy = true;
        }
      }
      while (auto text = device.association->poll_plaintext()) device.heard.push_back(std::move(*text));
    }
  }
  void carry_mail() {
    for (bool busy = true; busy;) {
      busy = false;
      for (const auto& shard : shards_) {
        while (const auto mail = shard->poll_mail()) {
          shards_[mail->to]->handle_mail(now_, *mail);
          busy = true;
        }
      }
    }
  }
  /// Says something and gives the one message that comes back.
  Bytes ask(Device& device, const Bytes& message, std::size_t index = 0) {
    device.heard.clear();
    EXPECT_TRUE(device.association->send(now_, message));
    pump(device, index);
    if (device.heard.empty()) return {};
    Bytes first = device.heard.front();
    device.heard.pop_front();
    return first;
  }
  Bytes register_message(const std::string& endpoint) {
    const std::string ep = "ep=" + endpoint;
    return wire("41 02 10" + to_hex(Bytes{++id_}) + "A1 | B2 'rd' | 11 28 |") +
           Bytes{static_cast<std::uint8_t>(0x30 + ep.size())} + to_bytes(ep) +
           wire("06 'lt=300' | 09 'lwm2m=1.0' | FF '</1/0>,</3/0>'");
  }
  /// The location, "" when it was refused.
  std::string registered(Device& device, const std::string& endpoint, std::size_t index = 0) {
    const Bytes answer = ask(device, register_message(endpoint), index);
    return answer.size() > 11 && answer[1] == 0x41 ? std::string(as_text(ByteView(answer).last(11))) : "";
  }
  Bytes update_message(const std::string& location) {
    return wire("41 02 10" + to_hex(Bytes{++id_}) + "A2 | B2 'rd' | 0B") + to_bytes(location);
  }
  void pass(Duration time) {
    const Instant end = now_ + time;
    for (int turns = 0; turns < 10000; ++turns) {
      std::optional<Instant> next;
      for (const auto& shard : shards_) {
        if (const auto deadline = shard->deadline(); deadline && (!next || deadline->at < *next)) next = deadline->at;
      }
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      for (const auto& shard : shards_) shard->handle_timeout(now_);
    }
    now_ = end;
  }
  std::vector<server::Event> events(std::size_t index = 0) {
    std::vector<server::Event> all;
    while (auto event = shards_[index]->poll_event()) {
      if (event->kind != EventKind::Learned) all.push_back(std::move(*event));
    }
    return all;
  }

  SplitMix rng_{42};
  Instant now_{seconds(5000)};
  Witness witness_;
  KnownPeers known_;
  security::dtls::Parameters parameters_;
  std::vector<std::unique_ptr<security::Acceptor>> acceptors_;
  sim::FleetDisk disk_{};
  std::vector<std::unique_ptr<server::Shard>> shards_;
  std::uint8_t id_ = 0;
};

TEST_F(SecureServer, ADeviceRegistersUnderTheNameThatItProved) {  // Transport "Endpoint Client Name"
  Device one = device(0xC0000201, "node1");
  pump(one);
  EXPECT_NE(registered(one, "node1"), "");
  const auto view = shards_[0]->device("node1");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->identity, "psk \"node1\"");
  EXPECT_EQ(view->address, one.address);
  EXPECT_EQ(shards_[0]->counters().associations, 1U);
}

TEST_F(SecureServer, AnotherNameGets400AndIsAnEvent) {  // Transport "Endpoint Client Name": MUST respond 4.00
  Device one = device(0xC0000201, "node1");
  pump(one);
  const Bytes answer = ask(one, register_message("node2"));
  ASSERT_GT(answer.size(), 2U);
  EXPECT_EQ(answer[1], 0x80);
  EXPECT_FALSE(shards_[0]->device("node2"));
  const auto seen = events();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].kind, EventKind::Refused);
  EXPECT_EQ(seen[0].endpoint, "node2");
  EXPECT_EQ(seen[0].reason, "the endpoint name isn't that of psk \"node1\"");
}

TEST_F(SecureServer, AnEndpointWithCredentialsDoesntComeWithoutThem) {
  shards_[0]->handle_datagram(now_, {transport::PeerAddress::v4(0xC0000209, 5683), register_message("node1")});
  const auto answer = shards_[0]->poll_transmit();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->bytes[1], 0x83);
  EXPECT_FALSE(shards_[0]->device("node1"));
  shards_[0]->handle_datagram(now_, {transport::PeerAddress::v4(0xC0000209, 5683), register_message("other")});
  EXPECT_EQ(shards_[0]->poll_transmit()->bytes[1], 0x41);
  EXPECT_EQ(shards_[0]->device("other")->identity, "none");
}

TEST_F(SecureServer, AFailedHandshakeIsAnEventWithItsReason) {
  Device one = device(0xC0000201, "node1");
  known_.psks.erase("node1");
  pump(one);
  const auto seen = events();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].kind, EventKind::Refused);
  EXPECT_EQ(seen[0].reason, "unknown PSK identity: psk \"node1\"");
  EXPECT_EQ(seen[0].address, one.address);
}

TEST_F(SecureServer, OnlyItsOwnerUpdatesARegistration) {
  Device one = device(0xC0000201, "node1"), two = device(0xC0000202, "node2");
  pump(one);
  pump(two);
  const std::string location = registered(one, "node1");
  EXPECT_EQ(ask(two, update_message(location))[1], 0x84);
  EXPECT_EQ(ask(one, update_message(location))[1], 0x44);
}

TEST_F(SecureServer, ARegistrationGoesOnWithANewAssociation) {
  Device one = device(0xC0000201, "node1");
  pump(one);
  const std::string location = registered(one, "node1");
  lwm2m::Observe observe;
  observe.path = lwm2m::Path(3, 0, 9);
  shards_[0]->operate(now_, server::Ticket{1}, "node1", observe);
  pump(one);
  const Heard request = cut(one.heard.front());
  ask(one, wire("68 45" + request.id + request.token + "61 01 FF '77'"));
  EXPECT_EQ(shards_[0]->observations("node1")->size(), 1U);

  Device again = device(0x0A000001, "node1");
  pump(again);
  EXPECT_EQ(ask(again, update_message(location))[1], 0x44);
  EXPECT_EQ(shards_[0]->device("node1")->address, again.address);
  EXPECT_EQ(shards_[0]->counters().associations, 1U) << "the old one has ended";
  ASSERT_FALSE(again.heard.empty()) << "what was observed is asked for again";
  const Heard restored = cut(again.heard.front());
  EXPECT_EQ(restored.code, "0.01");
  ask(again, wire("68 45" + restored.id + restored.token + "61 02 FF '78'"));
  EXPECT_EQ(shards_[0]->observations("node1")->size(), 1U);
}

TEST_F(SecureServer, AMovedDeviceIsReachedWhereItsConnectionIdCameFrom) {  // RFC 9146
  Device one = device(0xC0000201, "node1");
  pump(one);
  const std::string location = registered(one, "node1");
  one.address = transport::PeerAddress::v4(0x0A000001, 999).as(Kind::Dtls);
  EXPECT_EQ(ask(one, update_message(location), 1)[1], 0x44) << "at another shard's socket, answered by its own";
  EXPECT_EQ(shards_[0]->device("node1")->address, one.address);
  shards_[0]->operate(now_, server::Ticket{1}, "node1", lwm2m::Read{lwm2m::Path(3, 0, 0), {}, {}});
  one.heard.clear();
  pump(one);
  EXPECT_EQ(one.heard.size(), 1U);
}

TEST_F(SecureServer, AParkedDeviceIsReached) {
  Device one = device(0xC0000201, "node1");
  pump(one);
  registered(one, "node1");
  pass(seconds(30));
  shards_[0]->operate(now_, server::Ticket{1}, "node1", lwm2m::Read{lwm2m::Path(3, 0, 0), {}, {}});
  one.heard.clear();
  pump(one);
  EXPECT_EQ(one.heard.size(), 1U);
}

TEST_F(SecureServer, ARemovedCredentialEndsTheAssociation) {
  Device one = device(0xC0000201, "node1");
  pump(one);
  const std::string location = registered(one, "node1");
  known_.removed.insert(1);
  pass(seconds(1));
  pump(one);
  EXPECT_EQ(one.association->state(), security::AssociationState::Closed);
  EXPECT_EQ(shards_[0]->counters().associations, 0U);
}

TEST_F(SecureServer, AKillKeepsAssociationsRegistrationsAndObservations) {
  Device one = device(0xC0000201, "node1"), two = device(0xC0000202, "node2");
  pump(one);
  pump(two, 1);
  const std::string location = registered(one, "node1"), other = registered(two, "node2", 1);
  lwm2m::Observe observe;
  observe.path = lwm2m::Path(3, 0, 9);
  shards_[0]->operate(now_, server::Ticket{1}, "node1", observe);
  pump(one);
  const Heard request = cut(one.heard.front());
  ask(one, wire("68 45" + request.id + request.token + "61 01 FF '77'"));
  const std::size_t handshakes = shards_[0]->counters().handshakes;
  EXPECT_EQ(handshakes, 1U);

  for (const auto& shard : shards_) disk_.take(*shard);
  now_ += seconds(3);
  start();
  auto kept = disk_.recover(shards_.size());
  for (std::size_t index = 0; index < shards_.size(); ++index) {
    EXPECT_EQ(shards_[index]->take_over(now_, std::move(kept[index])), 1U);
  }
  EXPECT_EQ(ask(one, update_message(location))[1], 0x44);
  EXPECT_EQ(ask(two, update_message(other), 1)[1], 0x44);
  EXPECT_EQ(shards_[0]->counters().handshakes, 0U);
  EXPECT_EQ(shards_[0]->device("node1")->lifetime, 300U);
  // NON 2.05 with the token of the observation.
  events();
  ask(one, wire("58 45 9999" + request.token + "61 05 FF '79'"));
  const auto seen = events();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].kind, EventKind::Notification);
  EXPECT_EQ(seen[0].path, lwm2m::Path(3, 0, 9));
}

TEST_F(SecureServer, AClockThatIsSetMakesNoRegistrationYoungerOverARestart) {
  struct Case {
    Duration set;
    seconds left;
  };
  // Of 300 s, 100 are over when it ends, and it is away for 3.
  for (const auto& [set, left] : {Case{{}, seconds(197)}, Case{-std::chrono::hours(1), seconds(200)}, Case{seconds(60), seconds(137)}}) {
    start(1);
    Device one = device(0xC0000201, "node1");
    pump(one);
    registered(one, "node1");
    now_ += seconds(100);
    // By this the disk knows that it was that late.
    Device two = device(0xC0000202, "node2");
    pump(two);
    registered(two, "node2");
    sim::FleetDisk disk;
    disk.take(*shards_[0]);
    now_ += seconds(3);
    start(1);
    const Duration unix_at_zero = seconds(1'700'000'000) + set;
    shards_[0]->set_wall_clock(unix_at_zero);
    ASSERT_EQ(shards_[0]->take_over(now_, std::move(disk.recover(1)[0])), 2U);
    const auto wall = std::chrono::floor<seconds>(now_.time_since_epoch() + unix_at_zero).count();
    const auto view = shards_[0]->device("node1");
    EXPECT_EQ(view->expires_at - wall, left.count());
    EXPECT_LE(view->registered_at, view->updated_at);
    EXPECT_LE(view->updated_at, wall);
    pass(left - seconds(1));
    EXPECT_TRUE(shards_[0]->has("node1"));
    pass(seconds(2));
    EXPECT_FALSE(shards_[0]->has("node1"));
  }
}

TEST_F(SecureServer, NoRecordNumberIsUsedTwiceAndNoneAcceptedTwiceOverAKill) {
  Device one = device(0xC0000201, "node1");
  pump(one);
  const std::string location = registered(one, "node1");
  disk_.take(*shards_[0]);
  // What is sent from here on is the same record each time: first to the old process, then to the next.
  static_cast<void>(one.association->send(now_, update_message(location)));
  const Bytes update = *one.association->poll_datagram();
  const auto hear = [&] {
    shards_[0]->handle_datagram(now_, {one.address, update});
    std::vector<Bytes> sent;
    while (auto transmit = shards_[0]->poll_transmit()) sent.push_back(transmit->bytes);
    disk_.take(*shards_[0]);
    return sent;
  };
  const auto sequence = [](const Bytes& record) { return Bytes(record.begin() + 3, record.begin() + 11); };
  const auto answers = hear();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_TRUE(one.association->handle_datagram(now_, answers[0]) == security::Arrival::Newest);
  start();
  auto kept = disk_.recover(shards_.size());
  ASSERT_EQ(shards_[0]->take_over(now_, std::move(kept[0])), 1U);
  EXPECT_TRUE(hear().empty()) << "a record of before the kill is old";
  EXPECT_EQ(ask(one, update_message(location))[1], 0x44);
  shards_[0]->operate(now_, server::Ticket{1}, "node1", lwm2m::Read{lwm2m::Path(3, 0, 0), {}, {}});
  const auto asked = shards_[0]->poll_transmit();
  ASSERT_TRUE(asked);
  EXPECT_GT(sequence(asked->bytes), sequence(answers[0]));
}

TEST_F(SecureServer, ADurableExecuteIsntSentAgainByTheNextProcess) {
  start(1);
  Device one = device(0xC0000201, "node1");
  pump(one);
  registered(one, "node1");
  server::OperationSettings durable;
  durable.durable = true;
  shards_[0]->operate(now_, server::Ticket{1}, "node1", lwm2m::Execute{lwm2m::Path(3, 0, 4), {}}, durable);
  shards_[0]->operate(now_, server::Ticket{2}, "node1", lwm2m::Read{lwm2m::Path(3, 0, 0), {}, {}}, durable);
  while (shards_[0]->poll_transmit()) {
  }
  sim::FleetDisk disk;
  disk.take(*shards_[0]);
  start(1);
  ASSERT_EQ(shards_[0]->take_over(now_, std::move(disk.recover(1)[0])), 1U);
  const auto over = shards_[0]->poll_done();
  ASSERT_TRUE(over);
  EXPECT_EQ(over->ticket, server::Ticket{1});
  EXPECT_EQ(std::get<server::NoAnswer>(over->result), server::NoAnswer::Timeout) << "it may have been carried out";
  one.heard.clear();
  pump(one);
  ASSERT_EQ(one.heard.size(), 1U) << "the Read does no harm";
  const Heard request = cut(one.heard.front());
  ask(one, wire("68 45" + request.id + request.token + "FF '77'"));
  const auto answered = shards_[0]->poll_done();
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->ticket, server::Ticket{2});
  disk.take(*shards_[0]);
  for (const auto& [key, value] : disk.values()) EXPECT_NE(key.kind(), server::RecordKind::Operation);
}

TEST_F(SecureServer, FewerShardsTakeOverWhatTheyCan) {
  Device one = device(0xC0000201, "node1"), two = device(0xC0000202, "node2");
  pump(one);
  pump(two, 1);
  registered(one, "node1");
  registered(two, "node2", 1);
  for (const auto& shard : shards_) disk_.take(*shard);
  start(1);
  auto kept = disk_.recover(1);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(shards_[0]->take_over(now_, std::move(kept[0])), 1U);
  EXPECT_TRUE(shards_[0]->has("node1"));
  EXPECT_FALSE(shards_[0]->has("node2"));
}

}  // namespace
}  // namespace drover::lockstep
