// SPDX-License-Identifier: Apache-2.0
// A DTLS port with a few devices at a few addresses: handshakes, records, changed and replayed ones, moves, time, and what the owner asks, in any order.
//
// Steps: one byte for what is done, and its arguments:
//   0  a device begins anew: device (1), kind (1), address (1)   1  the device's next datagram arrives: device (1), from address (1)
//   2  the same, changed: device (1), at (1), xor (1)            3  an earlier datagram again: number (1), from address (1)
//   4  the device says something: device (1)                     5  bytes of a stranger: address (1), length (1), bytes
//   6  a record with that Connection ID: of association (1), epoch (1), length (1), bytes, from address (1)
//   7  time: seconds (1)                                         8  time: minutes (1)
//   9  the owner sends, holds, lets go, or closes: association (1), what (1)
//  10  all move to a new listener                               11  a credential is removed
#include <algorithm>
#include <array>
#include <deque>
#include <map>

#include "base/reader.hpp"
#include "fuzz/dtls_peers.hpp"
#include "security/listener.hpp"

namespace {

using namespace drover;
using fuzz::check;
using security::AssociationState;
using security::Listener;
using transport::PeerAddress;

constexpr std::size_t kDevices = 3;
constexpr std::size_t kAddresses = 4;
constexpr std::size_t kAssociationsMax = 4;
constexpr std::size_t kRememberedMax = 32;
constexpr std::size_t kShortMessage = 140;

security::ListenerSettings settings() {
  security::ListenerSettings settings;
  settings.shard = 1;
  settings.shards = 2;
  settings.associations_max = kAssociationsMax;
  settings.handshakes_max = 3;
  settings.handshakes_per_network_max = 2;
  settings.unparkable_max = 1;
  settings.checks_at_a_time = 2;
  settings.kept = true;
  return settings;
}

class Harness {
 public:
  Harness() {
    fuzz::peers().known.removed.clear();
    open();
  }

  void step(ByteReader& reader) {
    const auto byte = [&reader] { return reader.u8().value_or(0); };
    const auto bytes = [&] { return reader.bytes(std::min<std::size_t>(byte(), reader.remaining())).value_or(ByteView{}); };
    switch (byte() % 12) {
      case 0: {
        Device& device = devices_[byte() % kDevices];
        const auto credential = static_cast<fuzz::Credential>(byte() % 3);
        device.address = byte();
        device.association = fuzz::peers().connector(credential, at(device.address).is_sms()).connect(now_, {});
        device.waiting.clear();
        break;
      }
      case 1: {
        Device& device = devices_[byte() % kDevices];
        const std::uint8_t from = byte();
        if (auto datagram = next(device)) {
          device.address = from;
          deliver(from, *datagram);
        }
        break;
      }
      case 2: {
        Device& device = devices_[byte() % kDevices];
        const std::size_t at = byte();
        const std::uint8_t change = byte();
        if (auto datagram = next(device)) {
          (*datagram)[at % datagram->size()] ^= change;
          deliver(device.address, *datagram);
        }
        break;
      }
      case 3: {
        const std::size_t number = byte();
        const std::uint8_t from = byte();
        if (!remembered_.empty()) deliver(from, Bytes(remembered_[number % remembered_.size()]));
        break;
      }
      case 4: {
        Device& device = devices_[byte() % kDevices];
        if (device.association) static_cast<void>(device.association->send(now_, as_bytes("ping")));
        break;
      }
      case 5: {
        const std::uint8_t from = byte();
        const ByteView given = bytes();
        deliver(from, Bytes(given.begin(), given.end()));
        break;
      }
      case 6: {
        const std::uint8_t which = byte(), epoch = byte();
        const ByteView body = bytes();
        deliver(byte(), record(which, epoch, body));
        break;
      }
      case 7: pass(std::chrono::seconds(byte())); break;
      case 8: pass(std::chrono::minutes(byte() % 30)); break;
      case 9: {
        const std::uint8_t which = byte();
        own(which, byte());
        break;
      }
      case 10: move(); break;
      default: fuzz::peers().known.removed.insert(1 + byte() % 2); break;
    }
    drain();
    const auto counters = listener_->counters();
    check(counters.associations == open_.size());
    check(counters.live + open_.size() <= 2 * kAssociationsMax && counters.handshaking <= 3);
  }

  /// Left alone, everything that nobody holds ends.
  void end() {
    for (const auto& [name, address] : std::map(open_)) listener_->hold(now_, name, false);
    drain();
    pass(std::chrono::minutes(90));
    check(open_.empty());
    const auto counters = listener_->counters();
    check(counters.associations == 0 && counters.live == 0 && counters.handshaking == 0);
    check(!listener_->deadline());
  }

 private:
  struct Device {
    std::unique_ptr<security::Association> association;
    std::uint8_t address = 0;
    std::deque<Bytes> waiting;
  };

  /// The last one is a number.
  static PeerAddress at(std::uint8_t number) {
    if (number % kAddresses == kAddresses - 1) return PeerAddress::sms("4917012345")->as(transport::Kind::SmsDtls);
    return PeerAddress::v4(0xC0000201U + number % kAddresses, 5684).as(transport::Kind::Dtls);
  }
  void open() {
    listener_ = std::make_unique<Listener>(settings(), *fuzz::peers().acceptor, fuzz::peers().known, rng_);
  }

  std::optional<Bytes> next(Device& device) {
    if (!device.association) return std::nullopt;
    while (auto datagram = device.association->poll_datagram()) device.waiting.push_back(std::move(*datagram));
    if (device.waiting.empty()) return std::nullopt;
    Bytes first = std::move(device.waiting.front());
    device.waiting.pop_front();
    remembered_.push_back(first);
    if (remembered_.size() > kRememberedMax) remembered_.pop_front();
    return first;
  }
  void deliver(std::uint8_t from, const Bytes& datagram) {
    listener_->handle_datagram(now_, {at(from), datagram});
    drain();
  }
  /// An application record with the ID of an association, which lacks only its key.
  Bytes record(std::uint8_t which, std::uint8_t epoch, ByteView body) const {
    ByteWriter writer;
    writer.u8(25);
    writer.u16(0xFEFD);
    writer.u16(epoch);
    writer.uint(which, 6);
    writer.uint(open_.empty() ? 0 : name(which).handle(), 8);
    writer.u16(static_cast<std::uint16_t>(body.size()));
    writer.bytes(body);
    return writer.take();
  }
  [[nodiscard]] PeerAddress name(std::uint8_t which) const {
    auto found = open_.begin();
    std::advance(found, static_cast<std::ptrdiff_t>(which % open_.size()));
    return found->first;
  }

  void own(std::uint8_t which, std::uint8_t what) {
    if (open_.empty()) return;
    const PeerAddress target = name(which);
    switch (what % 4) {
      case 0: listener_->send(now_, target, as_bytes("pong")); break;
      case 1: listener_->hold(now_, target, true); break;
      case 2: listener_->hold(now_, target, false); break;
      default: listener_->close(now_, target, "asked to"); break;
    }
  }
  /// The process ends without a word, and another one goes on with what is on disk.
  void move() {
    drain();
    open_.clear();
    open();
    for (const auto& [handle, kept] : disk_) {
      const PeerAddress name = PeerAddress::association(handle, kept.address.is_sms());
      if (listener_->adopt(now_, kept)) open_.emplace(name, kept.address);
    }
    std::erase_if(disk_, [&](const auto& one) {
      return !open_.contains(PeerAddress::association(one.first, one.second.address.is_sms()));
    });
    check(listener_->counters().associations == open_.size());
  }
  void write(security::ListenerChange change) {
    if (auto* kept = std::get_if<security::AssociationKept>(&change)) {
      disk_.insert_or_assign(kept->handle, std::move(*kept));
    } else if (const auto* counted = std::get_if<security::AssociationCounted>(&change)) {
      const auto found = disk_.find(counted->handle);
      check(found != disk_.end() && counted->past.sent >= found->second.past.sent);
      found->second.past = counted->past;
      found->second.address = counted->address;
    } else {
      check(disk_.erase(std::get<security::AssociationGone>(change).handle) == 1);
    }
  }

  void drain() {
    for (int turn = 0, busy = 1; busy != 0; ++turn) {
      check(turn < 1000);
      busy = 0;
      while (auto transmit = listener_->poll_transmit()) {
        busy = 1;
        check(!transmit->to.is_sms() || transmit->bytes.size() <= kShortMessage);
        for (Device& device : devices_) {
          if (device.association && at(device.address) == transmit->to) device.association->handle_datagram(now_, transmit->bytes);
        }
      }
      while (const auto event = listener_->poll_event()) {
        busy = 1;
        if (const auto* opened = std::get_if<security::AssociationOpened>(&*event)) {
          check(open_.emplace(opened->name, opened->address).second);
          check(opened->name.is_sms() == opened->address.is_sms());
          check(opened->peer.kind != security::IdentityKind::None);
        } else if (const auto* closed = std::get_if<security::AssociationClosed>(&*event)) {
          check(open_.erase(closed->name) == 1);
          check(!listener_->peer(closed->name));
        }
      }
      // Only what a device really said gets through, and from an association that is open or just was.
      while (const auto plaintext = listener_->poll_plaintext()) check(as_text(plaintext->bytes) == "ping");
      while (const auto misdirected = listener_->poll_misdirected()) check(misdirected->shard == 0);
      while (auto change = listener_->poll_change()) {
        busy = 1;
        write(std::move(*change));
      }
    }
    for (Device& device : devices_) {
      if (!device.association) continue;
      while (const auto text = device.association->poll_plaintext()) check(as_text(*text) == "pong");
    }
    for (const auto& [one, address] : open_) check(listener_->peer(one).has_value());
  }

  void pass(Duration by) {
    const Instant until = now_ + by;
    Instant last = now_;
    for (int at_once = 0;;) {
      const auto deadline = listener_->deadline();
      if (!deadline || deadline->at > until) break;
      now_ = std::max(now_, deadline->at);
      at_once = now_ == last ? at_once + 1 : 0;
      check(at_once < 100);
      last = now_;
      listener_->handle_timeout(now_);
      drain();
    }
    now_ = until;
    for (Device& device : devices_) {
      if (device.association) device.association->handle_timeout(now_);
    }
  }

  SplitMix rng_{1};
  Instant now_{std::chrono::seconds(1000)};
  std::map<std::uint64_t, security::AssociationKept> disk_;
  std::unique_ptr<Listener> listener_;
  std::array<Device, kDevices> devices_;
  std::map<PeerAddress, PeerAddress> open_;
  std::deque<Bytes> remembered_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(ByteView(data, size));
  Harness harness;
  for (int steps = 0; !reader.empty() && steps < 120; ++steps) harness.step(reader);
  harness.end();
  return 0;
}
