// SPDX-License-Identifier: Apache-2.0
// A server's and a device's gateway, and a network that does what the input says: lose, repeat, reorder, alter and
// reflect short messages, bring those of strangers; disks that save late or not at all, and processes that begin anew.
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/reader.hpp"
#include "security/sps/packet.hpp"
#include "sms/gateway.hpp"

namespace {

using namespace drover;
using namespace drover::sms;
using transport::Kind;
using transport::PeerAddress;

void check(bool holds) {
  if (!holds) std::abort();
}

const std::string kNumbers[] = {"491700000001", "491700000002"};
constexpr std::uint64_t kKey = 1;

Peer everything() {
  Peer peer{.plain = true, .dtls = true, .packets = {}};
  peer.packets = Peer::Packets{
      kKey, {.spi2 = security::sps::kSpi2Receipt}, {Secret<Bytes>(Bytes(16, 1)), Secret<Bytes>(Bytes(16, 2))}, false};
  return peer;
}

struct Side final : Peers {
  explicit Side(const std::string& other) : peer_number(other) { start(); }
  std::optional<Peer> find(std::string_view msisdn) const override {
    return msisdn == peer_number ? std::optional(everything()) : std::nullopt;
  }
  Counters counters(std::uint64_t) const override { return disk; }

  void start() {
    saving.reset();
    gateway = std::make_unique<Gateway>(
        GatewaySettings{
            .segments_max = 3, .reassemblies_max = 6, .reassemblies_max_per_peer = 3, .unsaved_max = 8, .reserve = 2},
        *this, rng);
  }
  void poll_save() {
    if (const auto save = gateway->poll_save()) {
      check(save->key == kKey && !saving);
      check(save->counters.reserved >= disk.reserved && save->counters.received >= disk.received);
      check(save->counters.reserved < security::sps::kCounterBlocked);
      saving = save->counters;
    }
  }
  void save(Instant now) {
    poll_save();
    if (!saving) return;
    disk = *saving;
    saving.reset();
    gateway->saved(now, kKey);
  }

  std::string peer_number;
  Counters disk;
  std::optional<Counters> saving;
  SplitMix rng{1};
  std::unique_ptr<Gateway> gateway;
  std::set<Bytes> sent_secretly;  ///< to be handed out by the other side, each once
  std::set<Bytes> packets;        ///< short messages of secured packets: none equals another one
};

struct World {
  Side sides[2] = {Side(kNumbers[1]), Side(kNumbers[0])};
  struct InTheAir {
    int from;
    ShortMessage message;
  };
  std::vector<InTheAir> air;
  Instant now{std::chrono::seconds(1000)};
  std::uint32_t number = 0;

  void send(int who, std::uint8_t what, std::size_t size) {
    const Kind kinds[] = {Kind::Sms, Kind::SmsDtls, Kind::SmsPacket, Kind::SmsPacket};
    const Kind kind = kinds[what % 4];
    ByteWriter writer;
    writer.u8(kind == Kind::SmsDtls ? 23 : 0x40);
    writer.uint(++number, 4);
    writer.bytes(Bytes(size, what));
    if (kind == Kind::SmsPacket) sides[who].sent_secretly.insert(Bytes(writer.view().begin(), writer.view().end()));
    sides[who].gateway->send(now, {PeerAddress::sms(sides[who].peer_number)->as(kind), writer.take()});
  }

  void drain() {
    for (int who : {0, 1}) {
      Side& side = sides[who];
      while (auto submission = side.gateway->poll_submission()) {
        check(submission->message.user_data.size() <= kUserDataMax && submission->message.msisdn == side.peer_number);
        submission->message.msisdn = kNumbers[who];
        const Bytes& octets = submission->message.user_data;
        if (octets.size() > 3 && octets[0] == 2 && octets[1] == 0x70) check(side.packets.insert(octets).second);
        air.push_back({who, std::move(submission->message)});
      }
      while (auto datagram = side.gateway->poll_datagram()) {
        check(datagram->to.msisdn() == side.peer_number);
        if (datagram->to.kind != Kind::SmsPacket) continue;
        check(sides[1 - who].sent_secretly.erase(datagram->bytes) == 1);
      }
      while (side.gateway->poll_note()) {
      }
      const auto deadline = side.gateway->deadline();
      check(!deadline || deadline->at > now);
    }
  }

  /// Brings a message, to the other side or back to its sender.
  void bring(std::size_t which, bool takes, bool reflects, std::optional<std::uint8_t> altered) {
    if (air.empty()) return;
    const auto place = air.begin() + static_cast<std::ptrdiff_t>(which % air.size());
    InTheAir message = *place;
    if (takes) air.erase(place);
    Bytes& octets = message.message.user_data;
    if (altered && !octets.empty()) octets[*altered % octets.size()] ^= static_cast<std::uint8_t>(1 << *altered % 8);
    const int to = reflects ? message.from : 1 - message.from;
    message.message.msisdn = sides[to].peer_number;
    sides[to].gateway->handle_delivery(now, message.message);
  }
};

void step(World& world, ByteReader& input, std::uint8_t action) {
  const int who = action >> 7;
  Side& side = world.sides[who];
  const std::uint8_t argument = input.u8().value_or(0);
  switch (action % 10) {
    case 0: world.send(who, argument, std::size_t{input.u8().value_or(0)} * 2); break;
    case 1: side.save(world.now); break;
    case 2: side.poll_save(); break;
    case 3: world.bring(argument, true, false, {}); break;
    case 4: world.bring(argument, false, false, {}); break;
    case 5: world.bring(argument, true, false, input.u8().value_or(0)); break;
    case 6: world.bring(argument, false, true, {}); break;
    case 7: {
      const auto octets = input.bytes(std::min<std::size_t>(argument, input.remaining()));
      side.gateway->handle_delivery(world.now, {(action & 0x40) != 0 ? side.peer_number : "4917099", 0, kDcs8Bit,
                                                (action & 0x20) != 0, Bytes(octets->begin(), octets->end())});
      break;
    }
    case 8:
      world.now += std::chrono::seconds(argument * 4);
      for (Side& each : world.sides) each.gateway->handle_timeout(world.now);
      break;
    default:
      // What an earlier process sent isn't known to be its own, so nothing of it comes back.
      side.start();
      std::erase_if(world.air, [&](const World::InTheAir& message) { return message.from == who; });
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kSizeMax = 2048;
  if (size > kSizeMax) return 0;
  World world;
  ByteReader input(ByteView(data, size));
  while (const auto action = input.u8()) {
    step(world, input, *action);
    world.drain();
  }
  return 0;
}
