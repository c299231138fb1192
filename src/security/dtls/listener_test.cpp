// SPDX-License-Identifier: Apache-2.0
#include "base/reader.hpp"
#include "security/listener.hpp"

#include <gtest/gtest.h>

#include <map>

#include "security/dtls/test_peers.hpp"

namespace drover::security {
namespace {

using dtls::DtlsProvider;
using testing::KnownPeers;
using testing::Witness;
using transport::Datagram;
using transport::PeerAddress;
using transport::Transmit;
using std::chrono::milliseconds;
using std::chrono::seconds;

PeerAddress at(std::uint32_t host, std::uint16_t port = 40000) {
  PeerAddress address = PeerAddress::v4(host, port);
  address.kind = transport::Kind::Dtls;
  return address;
}
const std::uint32_t kNet = 0xC0000200;  // 192.0.2.0

/// A device's end: an association of its own at an address.
struct Device {
  PeerAddress address;
  std::unique_ptr<Connector> connector;
  std::unique_ptr<Association> association;
  std::vector<std::string> heard;
};

class ListenerTest : public ::testing::Test {
 protected:
  ListenerTest() {
    known_.psks["sensor-1"] = "0123456789abcdef";
    known_.psks["sensor-2"] = "fedcba9876543210";
    parameters_.watcher = &witness_;
    parameters_.ticket_secret = Secret<Bytes>(Bytes(32, 7));
    start();
  }
  void TearDown() override { EXPECT_EQ(witness_.reused, 0U) << "a nonce was used twice"; }

  void start() {
    listener_.reset();
    settings_.kept = keep_;
    DtlsProvider provider(parameters_, rng_);
    acceptor_ = std::move(*provider.acceptor({}, known_));
    listener_ = std::make_unique<Listener>(settings_, *acceptor_, known_, rng_);
  }
  Device device(std::uint32_t host, const std::string& identity = "sensor-1") {
    DtlsProvider provider(parameters_, rng_);
    Device device{at(host), {}, {}, {}};
    ClientCredential credential{PskCredential{identity, Secret<Bytes>(to_bytes(known_.psks.at(identity)))}, {}};
    device.connector = std::move(*provider.connector(credential, "h"));
    device.association = device.connector->connect(now_, {});
    return device;
  }
  /// As a host does behind each mutation: what is sent, then what has to be on disk before it leaves. How often
  /// something was written.
  std::size_t write(std::map<std::uint64_t, AssociationKept>& disk) {
    std::size_t writes = 0;
    while (const auto transmit = listener_->poll_transmit()) {
      constexpr std::size_t kSequenceAt = 3;
      last_sent_ = *ByteReader(ByteView(transmit->bytes).subspan(kSequenceAt)).uint(8);
    }
    while (auto change = listener_->poll_change()) {
      ++writes;
      if (const auto* kept = std::get_if<AssociationKept>(&*change)) {
        disk.insert_or_assign(kept->handle, *kept);
      } else if (const auto* counted = std::get_if<AssociationCounted>(&*change)) {
        disk.at(counted->handle).past = counted->past;
        disk.at(counted->handle).address = counted->address;
      } else {
        disk.erase(std::get<AssociationGone>(*change).handle);
      }
    }
    return writes;
  }
  /// Passes on what is under way until nothing moves; `sent` and `answered` count bytes from and to unproven addresses.
  void pump(Device& device) {
    for (bool busy = true; busy;) {
      busy = false;
      while (auto datagram = device.association->poll_datagram()) {
        sent_ += datagram->size();
        listener_->handle_datagram(now_, {device.address, *datagram});
        busy = true;
      }
      while (auto transmit = listener_->poll_transmit()) {
        answered_ += transmit->bytes.size();
        if (transmit->to != device.address) continue;
        device.association->handle_datagram(now_, transmit->bytes);
        busy = true;
      }
      while (auto text = device.association->poll_plaintext()) device.heard.emplace_back(as_text(*text));
    }
    take_events();
  }
  void take_events() {
    while (auto plaintext = listener_->poll_plaintext()) {
      from_ = plaintext->from;
      heard_.emplace_back(as_text(plaintext->bytes));
    }
    while (auto event = listener_->poll_event()) {
      if (const auto* opened = std::get_if<AssociationOpened>(&*event)) opened_.push_back(*opened);
      if (const auto* closed = std::get_if<AssociationClosed>(&*event)) closed_.push_back(closed->reason);
      if (const auto* refused = std::get_if<HandshakeRefused>(&*event)) refused_.push_back(refused->reason);
    }
  }
  void say(Device& device, const std::string& text) {
    ASSERT_TRUE(device.association->send(now_, as_bytes(text)));
    pump(device);
  }
  void pass(Duration time) {
    const Instant end = now_ + time;
    for (int turns = 0; turns < 100000; ++turns) {
      const auto deadline = listener_->deadline();
      if (!deadline || deadline->at > end) break;
      now_ = std::max(now_, deadline->at);
      listener_->handle_timeout(now_);
      take_events();
    }
    now_ = end;
  }

  SplitMix rng_{1};
  Instant now_{seconds(1000)};
  Witness witness_;
  KnownPeers known_;
  dtls::Parameters parameters_;
  bool keep_ = false;
  std::uint64_t last_sent_ = 0;  ///< epoch and number of the record that write() took last
  ListenerSettings settings_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::string> heard_, closed_, refused_;
  std::vector<AssociationOpened> opened_;
  PeerAddress from_;
  std::size_t sent_ = 0, answered_ = 0;
};

TEST_F(ListenerTest, APeerIsNamedByItsAssociation) {
  Device one = device(kNet + 1);
  pump(one);
  say(one, "ping");
  ASSERT_EQ(opened_.size(), 1U);
  EXPECT_EQ(opened_[0].peer.name, "sensor-1");
  EXPECT_TRUE(opened_[0].has_connection_id);
  EXPECT_EQ(heard_, std::vector<std::string>{"ping"});
  EXPECT_EQ(from_, opened_[0].name);
  EXPECT_EQ(from_.kind, transport::Kind::Association);
  listener_->send(now_, from_, as_bytes("pong"));
  pump(one);
  EXPECT_EQ(one.heard, std::vector<std::string>{"pong"});
  EXPECT_EQ(listener_->peer(from_)->address, one.address);
}

TEST_F(ListenerTest, AHelloWithoutCookieCostsNothingAndIsntAmplified) {  // RFC 6347 §4.2.1
  for (std::uint32_t i = 0; i < 2000; ++i) {
    Device one = device(kNet + 1);
    one.address = at(0x0A000000 + i);
    const Bytes hello = *one.association->poll_datagram();
    listener_->handle_datagram(now_, {one.address, hello});
    const auto answer = listener_->poll_transmit();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->to, one.address);
    EXPECT_LT(answer->bytes.size(), hello.size());
    EXPECT_FALSE(listener_->poll_transmit());
  }
  EXPECT_EQ(listener_->counters().live, 0U);
  EXPECT_EQ(listener_->counters().handshaking, 0U);
  EXPECT_FALSE(listener_->deadline());
}

TEST_F(ListenerTest, ACookieIsGoodForItsAddressAndTimeAlone) {
  Device one = device(kNet + 1);
  listener_->handle_datagram(now_, {one.address, *one.association->poll_datagram()});
  one.association->handle_datagram(now_, listener_->poll_transmit()->bytes);
  const Bytes hello = *one.association->poll_datagram();
  listener_->handle_datagram(now_, {at(kNet + 2), hello});
  EXPECT_EQ(listener_->counters().handshakes, 0U) << "stolen";
  listener_->handle_datagram(now_ + seconds(200), {one.address, hello});
  EXPECT_EQ(listener_->counters().handshakes, 0U) << "old";
  listener_->handle_datagram(now_ + seconds(50), {one.address, hello});
  EXPECT_EQ(listener_->counters().handshakes, 1U);
}

TEST_F(ListenerTest, GarbageIsMetWithSilence) {
  Device one = device(kNet + 1);
  pump(one);
  say(one, "ping");
  SplitMix dice(3);
  for (int i = 0; i < 3000; ++i) {
    Bytes garbage(dice.below(120));
    for (auto& byte : garbage) byte = static_cast<std::uint8_t>(dice.next());
    if (garbage.size() > 13 && i % 2 == 0) {
      const std::uint8_t head[] = {static_cast<std::uint8_t>(20 + i % 6), 0xFE, 0xFD, 0, static_cast<std::uint8_t>(i / 2 % 3)};
      std::copy(std::begin(head), std::end(head), garbage.begin());
      garbage[11] = 0;
      garbage[12] = static_cast<std::uint8_t>(garbage.size() - 13);
    }
    listener_->handle_datagram(now_, {i % 3 == 0 ? one.address : at(kNet + 9), garbage});
    EXPECT_FALSE(listener_->poll_transmit());
  }
  say(one, "still here");
  EXPECT_EQ(heard_.back(), "still here");
  EXPECT_TRUE(closed_.empty());
}

TEST_F(ListenerTest, HandshakesUnderWayAreLimited) {
  settings_.handshakes_max = 10;
  settings_.handshakes_per_network_max = 4;
  start();
  std::vector<Device> crowd;
  const auto knock = [&](std::uint32_t host) {
    crowd.push_back(device(host));
    Device& one = crowd.back();
    listener_->handle_datagram(now_, {one.address, *one.association->poll_datagram()});
    one.association->handle_datagram(now_, listener_->poll_transmit()->bytes);
    listener_->handle_datagram(now_, {one.address, *one.association->poll_datagram()});
    while (listener_->poll_transmit()) {}
  };
  for (std::uint32_t i = 0; i < 8; ++i) knock(kNet + i);
  EXPECT_EQ(listener_->counters().handshaking, 4U) << "of one network";
  for (std::uint32_t i = 0; i < 20; ++i) knock(0x0A000000 + (i << 8));
  EXPECT_EQ(listener_->counters().handshaking, 10U) << "in all";
  pass(seconds(130));
  EXPECT_EQ(listener_->counters().handshaking, 0U);
  EXPECT_EQ(listener_->counters().live, 0U);
  EXPECT_EQ(refused_.size(), 10U);
}

TEST_F(ListenerTest, AnIdleAssociationIsPutAwayAndComesBackFromEachSide) {
  Device one = device(kNet + 1);
  pump(one);
  say(one, "ping");
  const PeerAddress name = from_;
  listener_->hold(now_, name, true);
  for (int i = 0; i < 3; ++i) {
    pass(seconds(11));
    EXPECT_EQ(listener_->counters().live, 0U);
    EXPECT_FALSE(listener_->deadline()) << "it costs no timer";
    EXPECT_EQ(listener_->peer(name)->identity.name, "sensor-1");
    say(one, "up " + std::to_string(i));
    EXPECT_EQ(heard_.back(), "up " + std::to_string(i));
    EXPECT_EQ(from_, name);
    pass(seconds(11));
    EXPECT_EQ(listener_->counters().live, 0U);
    listener_->send(now_, name, as_bytes("down"));
    pump(one);
    EXPECT_EQ(one.heard.back(), "down");
  }
  EXPECT_EQ(listener_->counters().parked, 6U);
  EXPECT_EQ(listener_->counters().unparked, 6U);
  EXPECT_TRUE(closed_.empty());
}

TEST_F(ListenerTest, WhatIsntAuthenticLeavesAnAssociationPutAway) {
  Device one = device(kNet + 1);
  pump(one);
  say(one, "ping");
  listener_->hold(now_, from_, true);
  ASSERT_TRUE(one.association->send(now_, as_bytes("changed on its way")));
  Bytes changed = *one.association->poll_datagram();
  changed.back() ^= 1;
  for (const Duration idle : {Duration(seconds(11)), Duration(std::chrono::hours(1))}) {
    pass(idle);
    ASSERT_EQ(listener_->counters().live, 0U);
    listener_->handle_datagram(now_, {at(kNet + 9), changed});
    EXPECT_EQ(listener_->counters().live, 0U) << "a live one costs twenty times as much, and anybody could have them all live";
  }
  say(one, "still here");
  EXPECT_EQ(heard_.back(), "still here");
  EXPECT_TRUE(closed_.empty());
}

TEST_F(ListenerTest, AnAssociationThatNobodyHoldsGoes) {
  Device one = device(kNet + 1);
  pump(one);
  say(one, "ping");
  pass(std::chrono::minutes(11));
  EXPECT_EQ(listener_->counters().associations, 0U);
  EXPECT_EQ(closed_, std::vector<std::string>{"idle, and nobody needs it"});
  pump(one);
  EXPECT_EQ(one.association->reason(), "the peer closed it");
}

/// A place is given again at once; a name isn't for 2^24 associations. With names drawn at random two of a busy server's
/// short associations were the same peer to CoAP, which took the second one's request for a duplicate.
TEST_F(ListenerTest, NamesDontComeBackSoon) {
  std::vector<Handle> handles;
  for (std::uint32_t i = 0; i < 5; ++i) {
    Device one = device(kNet + i);
    pump(one);
    handles.push_back(Handle::unpack(opened_.back().name.handle()).value());
    listener_->close(now_, opened_.back().name, "done");
    pump(one);
    EXPECT_EQ(handles.back().place, handles.front().place);
    EXPECT_EQ(handles.back().nonce, (handles.front().nonce + i - 1) % (Handle::kPlaces - 1) + 1);
  }
}

TEST_F(ListenerTest, OneWithoutARecordOfThePeersGoesToo) {
  Device one = device(kNet + 1);
  pump(one);
  pass(std::chrono::minutes(11));
  EXPECT_EQ(listener_->counters().live, 0U) << "it can't be put away: the peer may lack the last flight";
}

TEST_F(ListenerTest, OneThatCantBePutAwayGoesWhenItIsHeldNoMore) {
  Device one = device(kNet + 1);
  pump(one);
  const PeerAddress name = opened_.at(0).name;
  listener_->hold(now_, name, true);
  pass(std::chrono::hours(1));
  ASSERT_EQ(listener_->counters().live, 1U);
  listener_->hold(now_, name, false);
  pass(seconds(1));
  EXPECT_EQ(listener_->counters().associations, 0U);
  EXPECT_EQ(closed_, std::vector<std::string>{"idle, and nobody needs it"});
}

TEST_F(ListenerTest, ThoseThatCantBePutAwayAreLimited) {
  settings_.unparkable_max = 2;
  start();
  std::vector<Device> crowd;
  for (std::uint32_t i = 0; i < 5; ++i) {
    crowd.push_back(device(kNet + i));
    pump(crowd.back());
    listener_->hold(now_, opened_.back().name, true);
    pass(milliseconds(100));
  }
  pass(seconds(30));
  EXPECT_EQ(listener_->counters().live, 2U);
  EXPECT_EQ(closed_, std::vector<std::string>(3, "too many associations that can't be put away"));
  EXPECT_TRUE(listener_->peer(opened_.back().name)) << "those that were idle longest go";
}

TEST_F(ListenerTest, TheAddressFollowsTheConnectionId) {  // RFC 9146 §6
  Device one = device(kNet + 1);
  pump(one);
  say(one, "ping");
  ASSERT_TRUE(one.association->send(now_, as_bytes("before")));
  const Bytes before = *one.association->poll_datagram();
  one.address = at(0x0A000001, 999);
  say(one, "moved");
  EXPECT_EQ(heard_.back(), "moved");
  EXPECT_EQ(listener_->address(from_), one.address);
  listener_->handle_datagram(now_, {at(kNet + 1), before});
  take_events();
  EXPECT_EQ(heard_.back(), "before") << "authentic, though late";
  EXPECT_EQ(listener_->address(from_), one.address) << "but not the newest";
  listener_->handle_datagram(now_, {at(kNet + 7), before});
  EXPECT_EQ(listener_->address(from_), one.address) << "replayed by somebody";
  listener_->send(now_, from_, as_bytes("there"));
  pump(one);
  EXPECT_EQ(one.heard, std::vector<std::string>{"there"});
}

TEST_F(ListenerTest, AConnectionIdOfAnotherShardIsHandedOn) {
  settings_.shards = 4;
  settings_.shard = 2;
  start();
  Device one = device(kNet + 1);
  pump(one);
  ASSERT_TRUE(one.association->send(now_, as_bytes("ping")));
  const Bytes record = *one.association->poll_datagram();
  ListenerSettings other = settings_;
  other.shard = 1;
  Listener elsewhere(other, *acceptor_, known_, rng_);
  elsewhere.handle_datagram(now_, {at(kNet + 5), record});
  const auto misdirected = elsewhere.poll_misdirected();
  ASSERT_TRUE(misdirected);
  EXPECT_EQ(misdirected->shard, 2);
  listener_->handle_datagram(now_, {misdirected->from, misdirected->bytes});
  take_events();
  EXPECT_EQ(heard_.back(), "ping");
  Bytes wild = record;
  wild[12] = 9;
  elsewhere.handle_datagram(now_, {at(kNet + 5), wild});
  EXPECT_FALSE(elsewhere.poll_misdirected()) << "there is no shard 9";
}

TEST_F(ListenerTest, ANewAssociationFromTheSameAddressReplacesTheOldOneWhenItStands) {  // RFC 6347 §4.2.8
  Device one = device(kNet + 1);
  pump(one);
  say(one, "old");
  const PeerAddress old_name = from_;
  Device attacker = device(kNet + 1, "sensor-2");
  listener_->handle_datagram(now_, {at(kNet + 1), *attacker.association->poll_datagram()});
  while (listener_->poll_transmit()) {}
  say(one, "still the old one");
  EXPECT_EQ(heard_.back(), "still the old one");
  Device again = device(kNet + 1);
  pump(again);
  EXPECT_EQ(closed_, std::vector<std::string>{"the peer made a new association"});
  say(again, "new");
  EXPECT_NE(from_, old_name);
  EXPECT_FALSE(listener_->peer(old_name));
}

TEST_F(ListenerTest, RecordsOfTheOldAssociationDontEndTheHandshakeBesideIt) {
  Device one = device(kNet + 1);
  pump(one);
  say(one, "old");
  Device again = device(kNet + 1);
  listener_->handle_datagram(now_, {again.address, *again.association->poll_datagram()});
  again.association->handle_datagram(now_, listener_->poll_transmit()->bytes);
  listener_->handle_datagram(now_, {again.address, *again.association->poll_datagram()});
  say(one, "in between");
  EXPECT_EQ(heard_.back(), "in between");
  EXPECT_EQ(listener_->counters().handshaking, 1U);
}

TEST_F(ListenerTest, ARemovedCredentialEndsItsAssociations) {
  Device one = device(kNet + 1), two = device(kNet + 2, "sensor-2");
  pump(one);
  say(one, "ping");
  const PeerAddress name = from_;
  listener_->hold(now_, name, true);
  pump(two);
  pass(seconds(20));
  known_.removed.insert(1);
  pass(seconds(1));
  EXPECT_EQ(closed_.size(), 2U);
  EXPECT_EQ(closed_.front(), "its credential was removed");
  EXPECT_FALSE(listener_->peer(name));
}

TEST_F(ListenerTest, AllGoOnInAnotherProcess) {
  keep_ = true;
  start();
  std::vector<Device> devices;
  std::map<std::uint64_t, AssociationKept> disk;
  for (std::uint32_t i = 0; i < 20; ++i) {
    devices.push_back(device(kNet + i));
    pump(devices.back());
    say(devices.back(), "hello");
    listener_->hold(now_, from_, i % 2 == 0);
    if (i == 10) pass(seconds(15));
    if (i == 15) write(disk);
  }
  for (Device& one : devices) say(one, "more");
  write(disk);
  EXPECT_EQ(disk.size(), 20U);
  start();
  for (auto& [handle, one] : disk) EXPECT_TRUE(listener_->adopt(now_, one));
  now_ += seconds(5);
  for (Device& one : devices) {
    say(one, "again");
    EXPECT_EQ(heard_.back(), "again");
    listener_->send(now_, from_, as_bytes("welcome"));
    pump(one);
    EXPECT_EQ(one.heard.back(), "welcome");
  }
  EXPECT_EQ(listener_->counters().handshakes, 0U) << "nobody needed a new one";
  EXPECT_TRUE(closed_.empty());
  for (auto& [handle, one] : disk) EXPECT_FALSE(listener_->adopt(now_, one)) << "it is here already";
}

TEST_F(ListenerTest, WhatIsOnDiskIsAheadOfWhatIsSent) {
  keep_ = true;
  start();
  Device one = device(kNet + 1);
  pump(one);
  say(one, "hello");
  std::map<std::uint64_t, AssociationKept> disk;
  write(disk);
  ASSERT_EQ(disk.size(), 1U);
  std::size_t writes = 0;
  for (int i = 0; i < 200; ++i) {
    listener_->send(now_, from_, as_bytes("x"));
    writes += write(disk);
    const std::uint64_t last = last_sent_;
    EXPECT_GT(disk.begin()->second.past.sent, last) << i;
  }
  EXPECT_GE(writes, 3U);
  EXPECT_LE(writes, 5U) << "a few numbers are reserved at once";
  listener_->close(now_, from_, "asked to");
  write(disk);
  EXPECT_TRUE(disk.empty());
}

}  // namespace
}  // namespace drover::security
