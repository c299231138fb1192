// SPDX-License-Identifier: Apache-2.0
// A whole client: datagrams from its server and from strangers, the device's own changes, and time, in any order.
//
// The input's first byte is the setup, the rest a sequence of steps. A step is one byte for what is done and its
// arguments:
//   0  datagram: from (1; 0 mod 4 a stranger), length (1), bytes. Two marks in it are replaced, so that a mutation can
//      hit what is open: message id FFFF by the id that the client sent last, token of 8 x FF by its token.
//   1  time: seconds (1)     2  time: 20 ms (1)     3  time: hours (1)
//   4  answer to what the client sent last: kind (1)
//   5  request: method (1), path (1), what else (1), length (1), payload
//   6  a value of the device changes: value (1)     7  command: which (1)     8  an instance comes or goes
#include "client/client.hpp"

#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <utility>

#include "base/reader.hpp"
#include "fuzz/shipped_objects.hpp"

namespace {

using namespace drover;
using lwm2m::Path;

constexpr std::size_t kBodyMax = 300;
constexpr std::size_t kObservationsMax = 4;

/// Takes the firmware package piece by piece.
struct Firmware final : client::ObjectBehaviour {
  std::size_t next = 0;
  [[nodiscard]] bool streams(lwm2m::ResourceId id) const override { return id == 0; }
  Result<void> write_block(const client::Context&, const Path&, std::size_t offset, ByteView bytes, bool) override {
    if (offset != 0 && offset != next) std::abort();  // in order, without a gap
    next = offset + bytes.size();
    return {};
  }
};

client::ClientSettings settings_for(std::uint8_t setup) {
  client::ClientSettings settings;
  settings.endpoint = "f";
  if ((setup & 1) != 0) settings.root = "/lwm2m";
  settings.notification.confirmable = (setup & 2) != 0;
  settings.write_max = kBodyMax;
  settings.coap.block_szx = 1;
  settings.coap.body_max = kBodyMax;
  settings.coap.bodies_max = 3;
  settings.coap.bodies_max_per_peer = 2;
  settings.coap.requests_max_per_peer = 4;
  settings.coap.observations_max_per_peer = kObservationsMax;
  settings.coap.report_drops = (setup & 16) != 0;
  settings.coap.deduplication_max = 64;
  settings.coap.deduplication_max_per_peer = 32;
  return settings;
}

class Harness {
 public:
  explicit Harness(std::uint8_t setup) : setup_(setup), client_(settings_for(setup), rng_) {
    client_.define(*shipped_objects().find(0));
    client_.define(*shipped_objects().find(1), nullptr, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    client_.define(*shipped_objects().find(3));
    client_.define(*shipped_objects().find(5), &firmware_);
    client_.define(*shipped_objects().find(3303));
    check(client_.add_account(now_, 1, (setup & 4) != 0 ? "coap://name" : "coap://192.0.2.1", 300).has_value());
    for (const lwm2m::ObjectId object : std::initializer_list<lwm2m::ObjectId>{3, 5, 3303}) {
      check(client_.tree().add(own(), object, 0).has_value());
    }
    change(20);
    client_.start(now_);
    drain();
    if ((setup & 8) != 0) {
      answer(0);
      drain();
    }
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
        datagram(from % 4 == 0 ? kStranger : kServer, bytes());
        break;
      }
      case 1: pass(std::chrono::seconds(byte())); break;
      case 2: pass(std::chrono::milliseconds(byte() * 20)); break;
      case 3: pass(std::chrono::hours(byte() % 30)); break;
      case 4: answer(byte()); break;
      case 5: {
        const std::uint8_t method = byte(), path = byte(), more = byte();
        request(method, path, more, bytes());
        break;
      }
      case 6: change(byte()); break;
      case 7: command(byte()); break;
      default:
        if (client_.tree().has(Path(3303, 1))) {
          (void)client_.tree().remove(own(), 3303, 1);
        } else {
          (void)client_.tree().add(own(), 3303, 1);
        }
        client_.settle(now_);
        break;
    }
    drain();
    check_limits();
  }

  /// Left alone after stop() it comes to rest, whatever was open.
  void end() {
    client_.stop(now_);
    drain();
    pass(std::chrono::hours(30));
    check(client_.is_off());
    check(client_.notifier().observations().empty());
    check(!client_.deadline());
  }

 private:
  static constexpr std::size_t kPathCount = 12;
  const transport::PeerAddress kServer = transport::PeerAddress::v4(0xC0000201, 5683);
  const transport::PeerAddress kStranger = transport::PeerAddress::v4(0xC0000202, 5683);

  static void check(bool holds) {
    if (!holds) std::abort();
  }
  [[nodiscard]] client::Context own() const { return {now_, std::nullopt}; }

  void drain() {
    // One input makes a handful of datagrams; a flood would be a loop of ours.
    for (int count = 0; auto transmit = client_.poll_transmit(); ++count) {
      check(count < 1000);
      check(coap::decode(transmit->bytes).has_value());
      check(transmit->to == kServer || transmit->to == kStranger);
      last_ = std::move(transmit->bytes);
    }
    for (int count = 0; auto event = client_.poll_event(); ++count) check(count < 1000);
    for (std::size_t count = 0; auto drop = client_.poll_drop(); ++count) {
      check(count < coap::Drops::kCountMax && (setup_ & 16) != 0);
    }
  }

  void check_limits() {
    check(client_.accounts().size() <= 1);  // no server can make itself another one
    check(client_.notifier().observations().size() <= kObservationsMax);
    check(client_.tree().instances(3303).size() < 1000);
  }

  void pass(Duration by) {
    const Instant until = now_ + by;
    Instant last = now_;
    for (int at_once = 0;;) {
      const auto deadline = client_.deadline();
      if (!deadline || deadline->at > until) break;
      now_ = std::max(now_, deadline->at);
      // A deadline that has been dealt with moves on.
      at_once = now_ == last ? at_once + 1 : 0;
      check(at_once < 100);
      last = now_;
      client_.handle_timeout(now_);
      drain();
    }
    now_ = until;
  }

  void datagram(const transport::PeerAddress& from, Bytes bytes) {
    if (bytes.size() >= 4 && last_.size() >= 4 && bytes[2] == 0xFF && bytes[3] == 0xFF) {
      bytes[2] = last_[2];
      bytes[3] = last_[3];
    }
    if (bytes.size() >= 12 && last_.size() >= 12 && (bytes[0] & 15) == 8 && bytes[4] == 0xFF && bytes[11] == 0xFF) {
      std::copy(last_.begin() + 4, last_.begin() + 12, bytes.begin() + 4);
    }
    client_.handle_datagram(now_, {from, bytes});
  }

  /// 0: 2.01 with a location, 1: 2.04, 2: 2.02, 3: 4.04, 4: 4.00, 5: 5.03, 6: an empty ACK, 7: a Reset.
  void answer(std::uint8_t kind) {
    static constexpr std::uint8_t kCodes[] = {0x41, 0x44, 0x42, 0x84, 0x80, 0xA3};
    const auto sent = coap::decode(last_);
    if (!sent) return;
    coap::Message message;
    message.id = sent->id;
    message.type = coap::Type::Acknowledgement;
    if (kind % 8 == 7) message.type = coap::Type::Reset;
    if (kind % 8 < 6) {
      message.code = coap::Code(kCodes[kind % 8]);
      message.token = sent->token;
      if (kind % 8 == 0) message.options.add_location_path((kind & 16) != 0 ? "" : "rd/a");
    }
    client_.handle_datagram(now_, {kServer, coap::encode(message)});
  }

  void request(std::uint8_t method, std::uint8_t path, std::uint8_t more, Bytes payload) {
    static constexpr const char* kPaths[kPathCount] = {"",  "3303",  "3303/0", "3303/0/5700", "3303/1", "3303/0/5605",
                                                       "1", "1/0/1", "1/0/8",  "3/0/14",      "5/0/0",  "1/0/4"};
    static constexpr std::uint16_t kFormats[] = {0, 40, 42, 11542, 11543, 11544};
    static constexpr const char* kQueries[] = {"pmin=1", "pmax=9", "gt=30", "lt=10", "st=2", "pmin", "gt", "x=1"};
    coap::Message message;
    message.type = (method & 8) != 0 ? coap::Type::NonConfirmable : coap::Type::Confirmable;
    message.code = coap::Code(static_cast<std::uint8_t>(1 + (method & 3)));
    message.id = coap::MessageId{next_id_++};
    message.token = coap::Token::of(std::uint64_t{path});  // the same token again for the same path
    if ((setup_ & 1) != 0) message.options.add_uri_path("lwm2m");
    message.options.add_uri_path(kPaths[path % kPathCount]);
    if ((method & 4) != 0) message.options.set_observe((method & 16) != 0 ? 1 : 0);
    if ((method & 32) != 0) message.options.add(coap::OptionNumber::UriQuery, std::string_view(kQueries[more % 8]));
    if ((method & 64) != 0) {
      const bool get = (method & 3) == 0;
      const coap::Block block{static_cast<std::uint32_t>(more & 7), !get && (more & 8) != 0, 1};
      get ? message.options.set_block2(block) : message.options.set_block1(block);
      if (block.more) payload.resize(block.size(), 'x');
    }
    if (payload.empty()) {
      if ((more & 64) != 0) message.options.set_accept(kFormats[more % 6]);
    } else if ((more & 128) == 0) {
      message.options.set_content_format(kFormats[(more >> 4) % 6]);
    }
    message.payload = std::move(payload);
    client_.handle_datagram(now_, {kServer, coap::encode(message)});
  }

  void change(std::uint8_t value) {
    (void)client_.tree().set(own(), Path(3303, 0, 5700), static_cast<double>(value));
    client_.settle(now_);
  }

  void command(std::uint8_t which) {
    switch (which % 8) {
      case 0: client_.start(now_); break;
      case 1: client_.stop(now_); break;
      case 2: client_.update(now_); break;
      case 3: client_.address_changed(now_); break;
      case 4: client_.resolved(now_, 1, {}); break;
      case 5: client_.resolved(now_, 1, {kServer}); break;
      case 6: client_.resolved(now_, 1, {kStranger, kServer}); break;
      default:
        (void)client_.tree().set(own(), Path(1, 0, 1), std::int64_t{which} + 1);  // the lifetime
        client_.settle(now_);
        break;
    }
  }

  std::uint8_t setup_;
  SplitMix rng_{1};
  Firmware firmware_;
  client::Client client_;
  Instant now_{std::chrono::seconds(1000)};
  Bytes last_;
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
