// SPDX-License-Identifier: Apache-2.0
// DTLS in short messages (RFC 7925 appendix A; Transport "SMS Secured Mode"): each datagram is one, handshakes live
// through minutes, loss and duplicates.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "security/dtls/test_peers.hpp"
#include "security/listener.hpp"

namespace drover::testing {
namespace {

using namespace security;
using security::testing::KnownPeers;
using security::testing::Witness;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using transport::Kind;
using transport::PeerAddress;

constexpr std::size_t kShortMessage = 140;
constexpr std::size_t kCoapMax = 111;  // Transport "Header Definitions (for one SMS)": 140 without 13 + 8 + 8

PeerAddress number(const std::string& msisdn) {
  return PeerAddress::sms(msisdn)->as(Kind::SmsDtls);
}

struct Faults {
  std::uint32_t loss_percent = 0;
  std::uint32_t repeat_percent = 0;
  Duration delay_min = seconds(3);
  Duration delay_max = seconds(3);
};

/// A device's association and a server's listener, and short messages between them.
class Link {
 public:
  explicit Link(std::uint64_t seed, const Faults& faults = {}, dtls::Parameters parameters = {})
      : rng_(seed), faults_(faults), parameters_(std::move(parameters)) {
    known.psks["urn:imei:490154203237518"] = "0123456789abcdef";
    known.public_keys = {device_key_.public_key()};
    parameters_.watcher = &witness;
    parameters_.ticket_secret = Secret<Bytes>(Bytes(32, 7));
    start();
  }
  ~Link() {
    device.reset();  // outlived by what made it
    listener.reset();
    EXPECT_EQ(witness.reused, 0U) << "a nonce was used twice";
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void start() {
    listener.reset();
    ServerCredentials own;
    own.raw_key = server_key_.raw();
    acceptor_ = std::move(*dtls::DtlsProvider(parameters_, rng_).acceptor(own, known));
    ListenerSettings settings;
    settings.kept = true;
    listener.emplace(settings, *acceptor_, known, rng_);
  }
  void connect() {
    connect({PskCredential{"urn:imei:490154203237518", Secret<Bytes>(to_bytes(known.psks.begin()->second))}, {}});
  }
  void connect_with_raw_keys() { connect({device_key_.raw(), server_key_.public_key()}); }

  void run(Duration duration) {
    const Instant end = now + duration;
    for (int step = 0; step < 100000; ++step) {
      drain();
      std::optional<Instant> next;
      const auto consider = [&next](std::optional<Instant> at) {
        if (at && (!next || *at < *next)) next = at;
      };
      if (!flying_.empty()) consider(flying_.begin()->first.first);
      if (const auto deadline = device->deadline()) consider(deadline->at);
      if (const auto deadline = listener->deadline()) consider(deadline->at);
      if (!next || *next > end) break;
      now = std::max(now, *next);
      while (!flying_.empty() && flying_.begin()->first.first <= now) {
        const auto [to_server, bytes] = std::move(flying_.begin()->second);
        flying_.erase(flying_.begin());
        if (to_server) {
          listener->handle_datagram(now, {address, bytes});
        } else {
          device->handle_datagram(now, bytes);
        }
        drain();
      }
      device->handle_timeout(now);
      listener->handle_timeout(now);
    }
    drain();
    now = end;
  }

  void drain() {
    while (auto datagram = device->poll_datagram()) put(true, std::move(*datagram));
    while (auto transmit = listener->poll_transmit()) {
      EXPECT_EQ(transmit->to, address);
      put(false, std::move(transmit->bytes));
    }
    while (auto plaintext = device->poll_plaintext()) at_device.push_back(std::move(*plaintext));
    while (auto plaintext = listener->poll_plaintext()) {
      EXPECT_EQ(plaintext->from, opened.at(0).name);
      at_server.push_back(std::move(plaintext->bytes));
    }
    while (auto event = listener->poll_event()) {
      if (auto* open = std::get_if<AssociationOpened>(&*event)) opened.push_back(std::move(*open));
      if (auto* closed = std::get_if<AssociationClosed>(&*event)) ends.push_back(closed->reason);
      if (auto* refused = std::get_if<HandshakeRefused>(&*event)) ends.push_back(refused->reason);
    }
  }

  SplitMix rng_;
  Instant now{seconds(1000)};
  KnownPeers known;
  Witness witness;
  PeerAddress address = number("4917012345");
  std::optional<Listener> listener;
  std::unique_ptr<Association> device;
  std::vector<AssociationOpened> opened;
  std::vector<std::string> ends;
  std::vector<Bytes> at_device, at_server;
  std::vector<std::pair<bool, std::size_t>> sizes;  ///< of datagrams: from the device, bytes

 private:
  void connect(const ClientCredential& credential) {
    device.reset();
    connector_ = std::move(*dtls::DtlsProvider(parameters_, rng_).connector(credential, "sms.example.com", Path::Sms));
    device = connector_->connect(now, {});
  }
  void put(bool from_device, Bytes datagram) {
    sizes.emplace_back(from_device, datagram.size());
    EXPECT_LE(datagram.size(), parameters_.sms.datagram_max);
    const bool repeated = rng_.below(100) < faults_.repeat_percent;
    for (int copy = 0; copy <= (repeated ? 1 : 0); ++copy) {
      if (rng_.below(100) < faults_.loss_percent) continue;
      const auto spread = std::chrono::duration_cast<std::chrono::milliseconds>(faults_.delay_max - faults_.delay_min);
      const Duration delay =
          faults_.delay_min + std::chrono::milliseconds(rng_.below(static_cast<std::uint32_t>(spread.count()) + 1));
      flying_.emplace(std::pair{now + delay, order_++}, std::pair{from_device, datagram});
    }
  }

  Faults faults_;
  dtls::Parameters parameters_;
  security::testing::KeyPair device_key_, server_key_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<Connector> connector_;
  std::map<std::pair<Instant, std::uint64_t>, std::pair<bool, Bytes>> flying_;
  std::uint64_t order_ = 0;
};

using Sizes = std::vector<std::pair<bool, std::size_t>>;
constexpr bool kDevice = true;
constexpr bool kServer = false;

// As the reference's handshake by OpenSSL: C117 S36 C125 S127 C106 S67. Ours differs by extensions, a cookie of 16 bytes
// and the name.
TEST(DtlsOverSms, AHandshakeTakesSixShortMessages) {
  Link link(1);
  link.connect();
  link.run(minutes(1));
  ASSERT_EQ(link.device->state(), AssociationState::Established) << link.device->reason();
  ASSERT_EQ(link.opened.size(), 1U);
  EXPECT_EQ(link.opened[0].suite, "TLS_PSK_WITH_AES_128_CCM_8");
  EXPECT_EQ(link.opened[0].address, link.address);
  EXPECT_TRUE(link.opened[0].name.is_sms());
  EXPECT_FALSE(link.opened[0].has_connection_id);
  EXPECT_TRUE(link.device->session().empty());
  EXPECT_EQ(link.sizes, (Sizes{{kDevice, 83},
                               {kServer, 44},
                               {kDevice, 99},
                               {kServer, 131},
                               {kDevice, 118},
                               {kServer, 67}}));
}

TEST(DtlsOverSms, AMessageOf111OctetsMakesOneShortMessageAndALongerOneNone) {
  Link link(1);
  link.connect();
  link.run(minutes(1));
  link.sizes.clear();
  const auto check = [&] {
    ASSERT_TRUE(link.device->send(link.now, Bytes(kCoapMax, 'd')));
    EXPECT_FALSE(link.device->send(link.now, Bytes(kCoapMax + 1, 'd')));
    link.listener->send(link.now, link.opened.at(0).name, Bytes(kCoapMax, 's'));
    link.listener->send(link.now, link.opened.at(0).name, Bytes(kCoapMax + 1, 's'));
    link.run(seconds(10));
    EXPECT_EQ(link.sizes, (Sizes{{kDevice, kShortMessage}, {kServer, kShortMessage}}));
    EXPECT_EQ(link.at_server, std::vector<Bytes>(1, Bytes(kCoapMax, 'd')));
    EXPECT_EQ(link.at_device, std::vector<Bytes>(1, Bytes(kCoapMax, 's')));
    link.sizes.clear();
    link.at_server.clear();
    link.at_device.clear();
  };
  check();
  // The same when it was put away and taken out again.
  link.run(minutes(5));
  EXPECT_EQ(link.listener->counters().live, 0U);
  EXPECT_EQ(link.listener->counters().associations, 1U);
  check();
}

TEST(DtlsOverSms, WithPortsSevenOctetsLess) {
  dtls::Parameters parameters;
  parameters.sms.datagram_max = 133;
  Link link(1, {}, parameters);
  link.connect();
  link.run(minutes(1));
  ASSERT_EQ(link.device->state(), AssociationState::Established) << link.device->reason();
  EXPECT_EQ(link.sizes.size(), 6U);
  link.sizes.clear();
  EXPECT_TRUE(link.device->send(link.now, Bytes(104, 'd')));
  EXPECT_FALSE(link.device->send(link.now, Bytes(105, 'd')));
  link.run(seconds(10));
  EXPECT_EQ(link.sizes, (Sizes{{kDevice, 133}}));
}

TEST(DtlsOverSms, ASilentServerIsAskedAfterOneThreeAndSevenMinutes) {
  Link link(1, {.loss_percent = 100});
  link.connect();
  link.run(seconds(60) - std::chrono::milliseconds(1));
  EXPECT_EQ(link.sizes.size(), 1U);
  link.run(std::chrono::milliseconds(1));
  EXPECT_EQ(link.sizes.size(), 2U);
  link.run(minutes(2));
  EXPECT_EQ(link.sizes.size(), 3U);
  link.run(minutes(4));
  EXPECT_EQ(link.sizes.size(), 4U);
  EXPECT_EQ(link.device->state(), AssociationState::Handshaking);
  link.run(minutes(8) - std::chrono::milliseconds(1));
  EXPECT_EQ(link.device->state(), AssociationState::Handshaking);
  link.run(std::chrono::milliseconds(1));
  EXPECT_EQ(link.device->state(), AssociationState::Closed);
  EXPECT_EQ(link.device->reason(), "the peer didn't answer");
  EXPECT_EQ(link.sizes.size(), 4U);
}

TEST(DtlsOverSms, HandshakesLiveThroughMinutesLossAndDuplicates) {
  int established = 0;
  constexpr int kSeeds = 40;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Link link(seed, {.loss_percent = 10, .repeat_percent = 30, .delay_min = seconds(20), .delay_max = minutes(3)});
    link.connect();
    link.run(minutes(40));
    if (link.device->state() != AssociationState::Established) {
      EXPECT_EQ(link.device->state(), AssociationState::Closed);
      continue;
    }
    ++established;
    ASSERT_EQ(link.opened.size(), 1U);
    EXPECT_LE(link.listener->counters().associations, 1U);
    for (char message = 'a'; message < 'k'; ++message) {
      EXPECT_TRUE(link.device->send(link.now, Bytes(kCoapMax, static_cast<std::uint8_t>(message))));
      link.listener->send(link.now, link.opened[0].name, Bytes(kCoapMax, static_cast<std::uint8_t>(message)));
      link.run(minutes(1));
    }
    link.run(minutes(10));
    // Ten each way: some are lost, none comes twice.
    for (auto* arrived : {&link.at_device, &link.at_server}) {
      EXPECT_GE(arrived->size(), 4U);
      std::sort(arrived->begin(), arrived->end());
      EXPECT_EQ(std::adjacent_find(arrived->begin(), arrived->end()), arrived->end());
    }
  }
  EXPECT_GT(established, kSeeds * 3 / 4);
}

TEST(DtlsOverSms, ACookieIsGoodAfterMinutes) {
  dtls::Parameters parameters;
  parameters.sms.retransmit_first = minutes(30);
  parameters.sms.retransmit_max = minutes(30);
  parameters.sms.handshake_max = hours(2);
  Link link(1, {.delay_min = minutes(12), .delay_max = minutes(12)}, parameters);
  link.connect();
  link.run(minutes(75));
  EXPECT_EQ(link.device->state(), AssociationState::Established) << link.device->reason();
  EXPECT_EQ(link.listener->counters().cookies_sent, 1U);
}

TEST(DtlsOverSms, TheAssociationStaysAtItsNumber) {
  Link link(1);
  link.connect();
  link.run(minutes(1));
  ASSERT_TRUE(link.device->send(link.now, to_bytes("hello")));
  const Bytes record = link.device->poll_datagram().value();
  for (const PeerAddress& other :
       {number("4917012346"), link.address.as(Kind::Dtls), link.address.as(Kind::SmsPacket)}) {
    link.listener->handle_datagram(link.now, {other, record});
  }
  link.drain();
  EXPECT_TRUE(link.at_server.empty());
  EXPECT_EQ(link.listener->counters().garbage, 3U);
  EXPECT_EQ(link.listener->address(link.opened.at(0).name), link.address);
  // The name alone isn't enough: it says how it is reached.
  EXPECT_FALSE(link.listener->address(PeerAddress::association(link.opened[0].name.handle())));
  link.listener->handle_datagram(link.now, {link.address, record});
  link.drain();
  EXPECT_EQ(link.at_server, std::vector<Bytes>(1, to_bytes("hello")));
}

TEST(DtlsOverSms, ANewHandshakeTakesTheOldOnesPlaceWhenItSucceeds) {
  Link link(1);
  link.connect();
  link.run(minutes(1));
  link.connect();
  link.run(seconds(9));
  EXPECT_TRUE(link.ends.empty());
  link.run(minutes(1));
  EXPECT_EQ(link.device->state(), AssociationState::Established);
  EXPECT_EQ(link.ends, std::vector<std::string>(1, "the peer made a new association"));
  EXPECT_EQ(link.listener->counters().associations, 1U);
}

TEST(DtlsOverSms, AnUnheldAssociationHasAnHour) {
  Link link(1);
  link.connect();
  link.run(minutes(1));
  link.run(minutes(58));
  EXPECT_EQ(link.listener->counters().associations, 1U);
  link.run(minutes(2));
  EXPECT_EQ(link.listener->counters().associations, 0U);
}

TEST(DtlsOverSms, ItMovesToTheNextProcessUnderItsName) {
  Link link(1);
  link.connect();
  link.run(minutes(1));
  ASSERT_TRUE(link.device->send(link.now, to_bytes("here")));  // so it has the server's last flight
  link.run(minutes(1));
  auto kept = link.listener->poll_change();
  ASSERT_TRUE(kept && std::holds_alternative<security::AssociationKept>(*kept));
  link.start();
  EXPECT_TRUE(link.listener->adopt(link.now, std::get<security::AssociationKept>(std::move(*kept))));
  link.sizes.clear();
  link.listener->send(link.now, link.opened.at(0).name, Bytes(kCoapMax, 's'));
  link.listener->send(link.now, link.opened.at(0).name, Bytes(kCoapMax + 1, 's'));
  link.run(seconds(10));
  EXPECT_EQ(link.sizes, (Sizes{{kServer, kShortMessage}}));
  EXPECT_EQ(link.at_device, std::vector<Bytes>(1, Bytes(kCoapMax, 's')));
}

// Raw public keys take more short messages, none of them longer.
TEST(DtlsOverSms, RawPublicKeysFitToo) {
  Link link(1);
  link.connect_with_raw_keys();
  link.run(minutes(5));
  EXPECT_EQ(link.device->state(), AssociationState::Established) << link.device->reason();
  EXPECT_EQ(link.sizes.size(), 12U);
}

}  // namespace
}  // namespace drover::testing
