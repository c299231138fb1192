// SPDX-License-Identifier: Apache-2.0
// One shard of the server: datagrams of a few peers, operations on their devices, mail of another shard, and time, in
// any order.
//
// The input's first byte is the setup, the rest a sequence of steps. A step is one byte for what is done and its
// arguments:
//   0  datagram: peer (1), length (1), bytes. Two marks in it are replaced, so that a mutation can hit what is open:
//      message id FFFF by the id that the shard sent last to the peer, token of 8 x FF by its token.
//   1  time: seconds (1)                     2  time: hours (1)
//   3  uplink: peer (1), kind (1), more (1)  4  answer: peer (1), kind (1), length (1), payload
//   5  operation: device (1), kind (1), path (1)
//   6  cancel: device (1), path (1), mode (1)
//   7  mail: device (1), age in seconds (1), shard (1)
//   8  views: device (1), limit (1)
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/reader.hpp"
#include "coap/message/message.hpp"
#include "server/shard.hpp"

namespace {

using namespace drover;
using lwm2m::Path;
using server::Ticket;

constexpr std::size_t kPeers = 3;
constexpr std::size_t kDevicesMax = 4;
constexpr std::size_t kObservationsMax = 2;
constexpr std::uint32_t kLifetimeMax = 86400;
constexpr const char* kNames[] = {"a", "b", "urn:dev:os:1", "c", "d", "refused", ""};

server::ShardConfig config_for(std::uint8_t setup) {
  server::ShardConfig config;
  config.index = 1;
  config.count = 3;
  config.policy.strict = (setup & 1) != 0;
  config.policy.restore_observations = (setup & 2) != 0;
  config.policy.always_accept = (setup & 4) != 0;
  config.events = (setup & 8) == 0;
  config.policy.lifetime_max = kLifetimeMax;
  config.policy.devices_max = kDevicesMax;
  config.policy.observations_max_per_device = kObservationsMax;
  config.policy.refused_endpoints = {"refu*"};
  config.coap.block_szx = 1;
  config.coap.body_max = 300;
  config.coap.bodies_max = 3;
  config.coap.bodies_max_per_peer = 2;
  config.coap.requests_max_per_peer = 4;
  config.coap.report_drops = (setup & 16) != 0;
  config.coap.deduplication_max = 64;
  config.coap.deduplication_max_per_peer = 32;
  return config;
}

class Harness {
 public:
  explicit Harness(std::uint8_t setup)
      : strict_((setup & 1) != 0), reports_drops_((setup & 16) != 0), shard_(config_for(setup), rng_) {
    shard_.set_wall_clock(std::chrono::seconds(1'700'000'000));
  }

  void step(ByteReader& reader) {
    const auto byte = [&reader] { return reader.u8().value_or(0); };
    const auto bytes = [&]() -> Bytes {
      const auto view = reader.bytes(std::min<std::size_t>(byte(), reader.remaining())).value_or(ByteView{});
      return {view.begin(), view.end()};
    };
    switch (byte() % 9) {
      case 0: {
        const std::uint8_t from = byte();
        datagram(from, bytes());
        break;
      }
      case 1: pass(std::chrono::seconds(byte())); break;
      case 2: pass(std::chrono::hours(byte() % 30)); break;
      case 3: {
        const std::uint8_t from = byte(), kind = byte();
        uplink(from, kind, byte());
        break;
      }
      case 4: {
        const std::uint8_t from = byte(), kind = byte();
        answer(from, kind, bytes());
        break;
      }
      case 5: {
        const std::uint8_t device = byte(), kind = byte();
        operate(device, kind, byte());
        break;
      }
      case 6: {
        const std::uint8_t device = byte(), path = byte();
        shard_.cancel(now_, open_ticket(), name(device), path_of(path),
                      static_cast<server::CancelMode>(byte() % 3));
        break;
      }
      case 7: {
        const std::uint8_t device = byte(), age = byte();
        server::EndpointClaimed claim{name(device), now_ - std::chrono::seconds(age), byte() % 2 == 0 ? 0U : 2U};
        shard_.handle_mail(now_, {1, std::move(claim)});
        break;
      }
      default: {
        const std::uint8_t device = byte();
        views(device, byte());
        break;
      }
    }
    drain();
    check(shard_.counters().devices <= kDevicesMax);
  }

  /// Left alone, every operation and every registration ends.
  void end() {
    pass(std::chrono::seconds(kLifetimeMax) + std::chrono::hours(2));
    check(open_.empty());
    check(shard_.counters().devices == 0);
    check(shard_.list({}).devices.empty());
    check(!shard_.deadline());
    check(shard_.different_announcements() == 0);
  }

 private:
  static void check(bool holds) {
    if (!holds) std::abort();
  }
  static transport::PeerAddress peer(std::uint8_t number) {
    return transport::PeerAddress::v4(0xC0000201U + number % kPeers, 5683);
  }
  static std::string name(std::uint8_t number) { return kNames[number % std::size(kNames)]; }
  static Path path_of(std::uint8_t number) {
    static const Path kPaths[] = {Path(), Path(3), Path(3, 0), Path(3, 0, 9), Path(6, 0, 1), Path(3, 0, 7, 1)};
    return kPaths[number % std::size(kPaths)];
  }

  Ticket open_ticket() {
    const Ticket ticket{++last_ticket_};
    open_.insert(ticket.value);
    return ticket;
  }

  void drain() {
    for (int turns = 0, busy = 1; busy != 0; ++turns) {
      check(turns < 1000);
      busy = 0;
      while (auto transmit = shard_.poll_transmit()) {
        check(coap::decode(transmit->bytes).has_value());
        last_sent_[transmit->to] = std::move(transmit->bytes);
        busy = 1;
      }
      while (auto event = shard_.poll_event()) {
        const bool views = event->kind == server::EventKind::Registered || event->kind == server::EventKind::Updated;
        check(views == event->device.has_value());
        if (event->kind == server::EventKind::Registered)
          location_[event->device->address] = event->device->registration;
        busy = 1;
      }
      while (auto mail = shard_.poll_mail()) {
        check(mail->to == 0 || mail->to == 2);
        busy = 1;
      }
      while (shard_.poll_drop()) check(reports_drops_);
      while (auto status = shard_.poll_progress()) {
        check(open_.contains(status->id.value) && !server::is_over(status->state));
        busy = 1;
      }
      while (auto done = shard_.poll_done()) {
        check(open_.erase(done->ticket.value) == 1);  // each operation ends once
        busy = 1;
      }
    }
  }

  void pass(Duration by) {
    const Instant until = now_ + by;
    Instant last = now_;
    for (int at_once = 0;;) {
      const auto deadline = shard_.deadline();
      if (!deadline || deadline->at > until) break;
      now_ = std::max(now_, deadline->at);
      // A deadline that has been dealt with moves on.
      at_once = now_ == last ? at_once + 1 : 0;
      check(at_once < 100);
      last = now_;
      shard_.handle_timeout(now_);
      drain();
    }
    now_ = until;
  }

  void datagram(std::uint8_t from, Bytes bytes) {
    const Bytes& last = last_sent_[peer(from)];
    if (bytes.size() >= 4 && last.size() >= 4 && bytes[2] == 0xFF && bytes[3] == 0xFF) {
      bytes[2] = last[2];
      bytes[3] = last[3];
    }
    if (bytes.size() >= 12 && last.size() >= 12 && (bytes[0] & 15) == 8 && bytes[4] == 0xFF && bytes[11] == 0xFF) {
      std::copy(last.begin() + 4, last.begin() + 12, bytes.begin() + 4);
    }
    shard_.handle_datagram(now_, {peer(from), bytes});
  }

  /// 0, 1: Register, 2: Update, 3: De-register.
  void uplink(std::uint8_t from, std::uint8_t kind, std::uint8_t more) {
    using coap::OptionNumber;
    coap::Message message;
    message.id = coap::MessageId{next_id_++};
    message.token = coap::Token::of(std::uint64_t{next_id_});
    message.code = coap::Code(kind % 4 == 3 ? 4 : 2);
    if ((kind & 32) != 0) message.type = coap::Type::NonConfirmable;
    const auto query = [&](const std::string& item) {
      message.options.add(OptionNumber::UriQuery, std::string_view(item));
    };
    if (kind % 4 < 2) {
      message.options.add_uri_path("rd");
      query("ep=" + name(more));
      query((kind & 8) != 0 ? "lt=4000000" : "lt=" + std::to_string(60 * (more + 1)));
      query(strict_ ? "lwm2m=1.0" : "lwm2m=1.1");
    } else {
      message.options.add_uri_path(location_[peer(from)]);
      if (kind % 4 == 2 && (kind & 4) != 0) query("lt=" + std::to_string(more));
    }
    if (kind % 4 < 2 || (kind % 4 == 2 && (kind & 8) != 0)) {
      message.options.set_content_format(40);
      message.payload =
          to_bytes((kind & 16) != 0 ? "</lwm2m>;rt=\"oma.lwm2m\",</lwm2m/1/0>,</lwm2m/3/0>" : "</1/0>,</3/0>,</6/0>");
    }
    shard_.handle_datagram(now_, {peer(from), coap::encode(message)});
  }

  /// 0: 2.05, 1: 2.05 with Observe, 2: 2.04, 3: 4.04, 4: 4.05, 5: 5.00, 6: an empty ACK, 7: a Reset.
  void answer(std::uint8_t from, std::uint8_t kind, Bytes payload) {
    static constexpr std::uint8_t kCodes[] = {0x45, 0x45, 0x44, 0x84, 0x85, 0xA0};
    const auto sent = coap::decode(last_sent_[peer(from)]);
    if (!sent) return;
    coap::Message message;
    message.type = coap::Type::Acknowledgement;
    message.id = sent->id;
    if (kind % 8 == 7) message.type = coap::Type::Reset;
    if (kind % 8 < 6) {
      message.code = coap::Code(kCodes[kind % 8]);
      message.token = sent->token;
      if (kind % 8 == 1) message.options.set_observe(kind);
      if ((kind & 8) != 0) message.type = (kind & 16) != 0 ? coap::Type::Confirmable : coap::Type::NonConfirmable;
      if ((kind & 8) != 0) message.id = coap::MessageId{next_id_++};
      if ((kind & 32) != 0) {
        const coap::Block block{static_cast<std::uint32_t>(kind >> 7), (kind & 64) != 0, 1};
        message.options.set_block2(block);
        if (block.more) payload.resize(block.size(), 'p');
      }
      message.payload = std::move(payload);
    }
    shard_.handle_datagram(now_, {peer(from), coap::encode(message)});
  }

  void operate(std::uint8_t device, std::uint8_t kind, std::uint8_t number) {
    const Path path = path_of(number);
    const Bytes body(std::size_t{kind} >> 1, 'v');  // up to four blocks
    lwm2m::Downlink operation;
    switch (kind % 9) {
      case 0: operation = lwm2m::Read{path, std::nullopt, (kind & 16) != 0}; break;
      case 1: operation = lwm2m::Discover{path}; break;
      case 2: operation = lwm2m::Write{path, lwm2m::Write::Mode::Replace, lwm2m::format::kTlv, body}; break;
      case 3: operation = lwm2m::WriteAttributes{path, {"pmin=1", "pmax=60"}}; break;
      case 4: operation = lwm2m::Execute{path, "0='x'"}; break;
      case 5: operation = lwm2m::Create{path, lwm2m::format::kTlv, body}; break;
      case 6: operation = lwm2m::Delete{path}; break;
      case 7: operation = lwm2m::Observe{path, std::nullopt, false}; break;
      default: operation = lwm2m::CancelObservation{path, std::nullopt}; break;
    }
    shard_.operate(now_, open_ticket(), name(device), operation);
  }

  void views(std::uint8_t device, std::uint8_t limit) {
    const auto view = shard_.device(name(device));
    check(view.has_value() == shard_.has(name(device)));
    const auto observations = shard_.observations(name(device));
    check(observations.has_value() == view.has_value());
    if (observations) check(observations->size() <= kObservationsMax);
    server::DeviceQuery query;
    query.limit = limit % 5;
    std::set<std::string> seen;
    for (std::size_t pages = 0;; ++pages) {
      check(pages <= kDevicesMax);
      const server::DevicePage page = shard_.list(query);
      for (const server::DeviceView& each : page.devices) check(seen.insert(each.endpoint).second);
      if (page.next.empty()) break;
      query.after = page.next;
    }
    check(seen.size() == shard_.counters().devices);
  }

  bool strict_;
  bool reports_drops_;
  SplitMix rng_{1};
  server::Shard shard_;
  Instant now_{std::chrono::seconds(1000)};
  std::map<transport::PeerAddress, Bytes> last_sent_;
  std::map<transport::PeerAddress, std::string> location_;
  std::set<std::uint64_t> open_;
  std::uint64_t last_ticket_ = 0;
  std::uint16_t next_id_ = 1;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(ByteView(data, size));
  const auto setup = reader.u8();
  if (!setup) return 0;
  Harness harness(*setup);
  for (int steps = 0; !reader.empty() && steps < 200; ++steps) harness.step(reader);
  harness.end();
  return 0;
}
