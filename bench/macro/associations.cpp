// SPDX-License-Identifier: Apache-2.0
// What many DTLS associations cost a server in memory, live and put away, and how long it takes to hand all of them over to the next process together with
// their registrations. Usage: bench_associations [DEVICES]. Prints one line of JSON. The devices' own side is gone before anything is measured.
#include <malloc.h>

#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <unordered_map>
#include <string>

#include "coap/message/message.hpp"
#include "lwm2m/mapping/mapping.hpp"
#include "security/dtls/provider.hpp"
#include "security/listener.hpp"
#include "server/shard.hpp"
#include "store/sealer.hpp"

namespace {

using namespace drover;
using std::chrono::seconds;
using transport::PeerAddress;

const std::string kKey = "0123456789abcdef";

/// Everybody is known, under the name that it has.
class Everybody final : public security::CredentialSource {
 public:
  [[nodiscard]] std::optional<security::KnownPsk> find_psk(std::string_view) const override {
    return security::KnownPsk{security::CredentialId{1}, Secret<Bytes>(to_bytes(kKey))};
  }
  [[nodiscard]] std::optional<security::CredentialId> find_public_key(ByteView) const override { return std::nullopt; }
  [[nodiscard]] std::optional<security::CredentialId> find_certificate(const security::Identity&) const override {
    return std::nullopt;
  }
  [[nodiscard]] bool holds(security::CredentialId, const security::Identity&) const override { return true; }
  [[nodiscard]] bool may_be(security::CredentialId, const security::Identity& peer, std::string_view endpoint) const override {
    return peer.name == endpoint;
  }
  [[nodiscard]] bool is_protected(std::string_view) const override { return true; }
  [[nodiscard]] std::uint64_t revision() const override { return 0; }
};

std::size_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::size_t resident() {
  malloc_trim(0);
  std::size_t total = 0, pages = 0;
  std::ifstream("/proc/self/statm") >> total >> pages;
  return pages * 4096;
}

double cpu() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Bench {
  explicit Bench(std::uint32_t count) : devices(count) {}

  std::string name(std::uint32_t device) const { return "urn:dev:os:bench-" + std::to_string(device); }
  static PeerAddress address(std::uint32_t device) {
    return PeerAddress::v4(0x0A000000 + device, 5684).as(transport::Kind::Dtls);
  }
  std::unique_ptr<security::Acceptor> acceptor() {
    security::dtls::DtlsProvider provider(parameters(), rng);
    return std::move(*provider.acceptor({}, known));
  }
  static security::dtls::Parameters parameters() {
    security::dtls::Parameters parameters;
    parameters.ticket_secret = Secret<Bytes>(Bytes(32, 7));
    return parameters;
  }

  /// A device's handshake, one message, and its answers; then the device is forgotten.
  template <class Core, class Settle>
  void come(Core& core, std::uint32_t device, const Bytes& message, Settle settle) {
    security::dtls::DtlsProvider provider(parameters(), rng);
    auto connector = std::move(*provider.connector({security::PskCredential{name(device), Secret<Bytes>(to_bytes(kKey))}, {}}, "h"));
    auto association = connector->connect(now, {});
    bool said = false;
    for (bool busy = true; busy;) {
      busy = false;
      while (auto datagram = association->poll_datagram()) {
        core.handle_datagram(now, {address(device), *datagram});
        busy = true;
      }
      settle();
      while (auto transmit = core.poll_transmit()) {
        association->handle_datagram(now, transmit->bytes);
        busy = true;
      }
      if (!said && association->state() == security::AssociationState::Established) {
        said = busy = true;
        static_cast<void>(association->send(now, message));
      }
    }
    assert(said);
  }

  void pass(Duration time, auto& core) {
    const Instant end = now + time;
    while (const auto deadline = core.deadline()) {
      if (deadline->at > end) break;
      now = std::max(now, deadline->at);
      core.handle_timeout(now);
    }
    now = end;
  }

  std::uint32_t devices;
  SplitMix rng{1};
  Instant now{seconds(1000)};
  Everybody known;
};

/// Bytes an association, of the allocator and of the whole process.
struct Weights {
  double live = 0, live_resident = 0, parked = 0, parked_resident = 0, counted = 0;
};

/// Devices that are live at a time, when they come one after the other.
constexpr std::uint32_t kTogether = 1000;

/// `at_once`: all are live before the first is put away, which leaves holes in the heap.
Weights weigh(Bench& bench, bool at_once) {
  const auto acceptor = bench.acceptor();
  security::ListenerSettings settings;
  settings.handshakes_per_network_max = settings.handshakes_max;
  security::Listener listener(settings, *acceptor, bench.known, bench.rng);
  const auto settle = [&] {
    while (auto event = listener.poll_event()) {
      if (const auto* opened = std::get_if<security::AssociationOpened>(&*event)) listener.hold(bench.now, opened->name, true);
    }
    while (listener.poll_plaintext()) {
    }
  };
  bench.come(listener, 0, to_bytes("warm"), settle);  // what the first one alone brings
  const std::size_t before = allocated(), before_resident = resident();
  for (std::uint32_t device = 1; device <= bench.devices; ++device) {
    bench.come(listener, device, to_bytes("x"), settle);
    if (!at_once && device % kTogether == 0) bench.pass(seconds(11), listener);
  }
  const auto each = [&](std::size_t after, std::size_t start) { return (static_cast<double>(after) - static_cast<double>(start)) / bench.devices; };
  Weights weights;
  weights.live = each(allocated(), before);
  weights.live_resident = each(resident(), before_resident);
  assert(!at_once || listener.counters().live == bench.devices + 1);
  bench.pass(seconds(30), listener);
  assert(listener.counters().live == 0 && listener.counters().associations == bench.devices + 1);
  weights.parked = each(allocated(), before);
  weights.parked_resident = each(resident(), before_resident);
  weights.counted = static_cast<double>(listener.parked_memory()) / bench.devices;
  return weights;
}

/// CPU seconds of each step of a restart.
struct Restart {
  double records = 0, seal = 0, open = 0, sort = 0, take = 0;
  std::size_t bytes = 0;
};

Bytes register_message(const std::string& endpoint) {
  lwm2m::Register request;
  request.endpoint = endpoint;
  request.lifetime = 86400;
  request.version = "1.0";
  request.binding = "U";
  request.announcement.objects = {{1, std::nullopt, {0}}, {3, std::nullopt, {0}}, {3303, std::nullopt, {0, 1, 2, 3, 4, 5, 6, 7}}};
  coap::Request asked = lwm2m::mapping::to_request(lwm2m::Uplink(request));
  coap::Message message;
  message.code = asked.method;
  message.id = {1};
  message.token = coap::Token::of(std::uint64_t{1});
  message.options = std::move(asked.options);
  message.payload = std::move(asked.payload);
  return coap::encode(message);
}

std::unique_ptr<server::Shard> shard(Bench& bench, security::Acceptor& acceptor) {
  server::ShardConfig config;
  config.events = false;
  config.kept = true;
  config.acceptor = &acceptor;
  config.credentials = &bench.known;
  config.listener.handshakes_per_network_max = config.listener.handshakes_max;
  auto made = std::make_unique<server::Shard>(std::move(config), bench.rng);
  made->set_wall_clock(seconds(1'700'000'000));
  return made;
}

/// As a process that was killed leaves it: every record of every device, associations sealed each on its own.
Restart restart(Bench& bench) {
  const auto acceptor = bench.acceptor();
  auto old = shard(bench, *acceptor);
  Restart restart;
  double last = cpu();
  const auto step = [&](double& spent) {
    const double at = cpu();
    spent += at - last;
    last = at;
  };
  std::unordered_map<std::uint64_t, Secret<Bytes>> disk;
  for (std::uint32_t device = 0; device < bench.devices; ++device) {
    bench.come(*old, device, register_message(bench.name(device)), [&] {
      while (old->poll_event()) {
      }
      while (old->poll_mail()) {
      }
    });
    last = cpu();
    while (auto record = old->poll_record()) disk.insert_or_assign(record->key.packed, std::move(record->value));
    step(restart.records);
  }
  assert(old->counters().devices == bench.devices);
  old.reset();
  const store::Sealer sealer(Secret<Bytes>(Bytes(store::Sealer::kKeySize, 9)));
  const ByteView about = as_bytes("association");
  std::unordered_map<std::uint64_t, Bytes> sealed;
  last = cpu();
  for (const auto& [key, value] : disk) {
    if (!server::is_secret(server::RecordKey{key}.kind())) continue;
    sealed.emplace(key, *sealer.seal(value.reveal(), about));
  }
  step(restart.seal);
  for (const auto& [key, value] : disk) restart.bytes += value.reveal().size();
  const auto next_acceptor = bench.acceptor();
  auto next = shard(bench, *next_acceptor);
  last = cpu();
  for (const auto& [key, value] : sealed) disk[key] = *sealer.open(value, about);
  step(restart.open);
  server::Recovery recovery;
  for (const auto& [key, value] : disk) {
    [[maybe_unused]] const bool read = recovery.take(server::RecordKey{key}, value.reveal());
    assert(read);
  }
  auto kept = recovery.finish(1);
  step(restart.sort);
  [[maybe_unused]] const std::size_t taken = next->take_over(bench.now, std::move(kept[0]));
  step(restart.take);
  assert(taken == bench.devices);
  return restart;
}

}  // namespace

int main(int count, char** arguments) {
  const auto devices = count > 1 ? static_cast<std::uint32_t>(std::strtoul(arguments[1], nullptr, 10)) : 100'000U;
  if (devices == 0 || count > 2) {
    std::fputs("usage: bench_associations [DEVICES]\n", stderr);
    return 2;
  }
  Bench bench(devices);
  const Weights in_turn = weigh(bench, false);
  const Weights weights = weigh(bench, true);
  const Restart again = restart(bench);
  std::printf(
      "{\"devices\":%u,\"live_bytes\":%.0f,\"live_resident\":%.0f,\"parked_bytes\":%.0f,\"parked_resident\":%.0f,"
      "\"parked_resident_in_turn\":%.0f,\"parked_counted\":%.0f,"
      "\"kept_bytes\":%zu,\"records_s\":%.3f,\"seal_s\":%.3f,\"open_s\":%.3f,\"sort_s\":%.3f,\"take_over_s\":%.3f,"
      "\"restart_s\":%.3f}\n",
      devices, weights.live, weights.live_resident, weights.parked, weights.parked_resident, in_turn.parked_resident,
      weights.counted, again.bytes, again.records, again.seal, again.open, again.sort, again.take,
      again.open + again.sort + again.take);
  return 0;
}
