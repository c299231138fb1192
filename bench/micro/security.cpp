// SPDX-License-Identifier: Apache-2.0
// What DTLS costs the server: CPU of one thread in the Listener or its associations. The client's share of a handshake is outside of the measured time.
#include <benchmark/benchmark.h>

#include <cassert>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "security/dtls/provider.hpp"
#include "security/dtls/test_peers.hpp"
#include "security/listener.hpp"

namespace drover {
namespace {

using security::testing::issue;
using security::testing::Issued;
using security::testing::KeyPair;
using security::testing::KnownPeers;
using security::testing::kTestNow;
using std::chrono::seconds;
using transport::PeerAddress;

const std::string kHost = "server.example";

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

PeerAddress device_address(std::uint32_t number) {
  return PeerAddress::v4(0x0A000000 + number, 5684).as(transport::Kind::Dtls);
}

/// A listener that takes all kinds of credentials, and what devices need to be taken.
struct Port {
  Port() {
    known.psks["urn:dev:os:bench"] = "0123456789abcdef";
    known.public_keys = {device_key.public_key()};
    security::dtls::Parameters parameters;
    parameters.ticket_secret = Secret<Bytes>(Bytes(32, 7));
    security::dtls::DtlsProvider provider(parameters, rng);
    provider.set_wall_clock(seconds(kTestNow));
    security::ServerCredentials own;
    own.raw_key = server_key.raw();
    own.certificate = server_certificate.credential();
    own.trust_anchors = {root.der()};
    acceptor = std::move(*provider.acceptor(own, known));
    listener = std::make_unique<security::Listener>(security::ListenerSettings{}, *acceptor, known, rng);
    psk = std::move(*provider.connector({security::PskCredential{"urn:dev:os:bench", Secret<Bytes>(to_bytes("0123456789abcdef"))}, {}}, kHost));
    raw = std::move(*provider.connector({device_key.raw(), server_key.public_key()}, kHost));
    x509 = std::move(*provider.connector({device_certificate.credential(), root.der()}, kHost));
  }

  /// The server's CPU seconds for a datagram and what comes of it, answers included.
  double deliver(const PeerAddress& from, const Bytes& datagram, std::vector<Bytes>& answers) {
    const double begin = thread_seconds();
    listener->handle_datagram(now, {from, datagram});
    while (auto transmit = listener->poll_transmit()) answers.push_back(std::move(transmit->bytes));
    const double spent = thread_seconds() - begin;
    while (auto event = listener->poll_event()) {
      if (const auto* opened = std::get_if<security::AssociationOpened>(&*event)) name = opened->name;
    }
    while (listener->poll_plaintext()) {
    }
    return spent;
  }

  /// Passes on what both have to say; the server's CPU seconds.
  double exchange(security::Association& device, const PeerAddress& from) {
    double spent = 0;
    std::vector<Bytes> answers;
    while (auto datagram = device.poll_datagram()) {
      answers.clear();
      spent += deliver(from, *datagram, answers);
      for (const Bytes& answer : answers) device.handle_datagram(now, answer);
    }
    return spent;
  }

  SplitMix rng{1};
  Instant now{seconds(1000)};
  KnownPeers known;
  KeyPair device_key, server_key;
  Issued root = issue({.common_name = "root", .authority = true});
  Issued server_certificate = issue({.common_name = kHost, .alternative_names = "DNS:server.example"}, &root);
  Issued device_certificate = issue({.common_name = "urn:dev:os:bench"}, &root);
  std::unique_ptr<security::Acceptor> acceptor;
  std::unique_ptr<security::Listener> listener;
  std::unique_ptr<security::Connector> psk, raw, x509;
  PeerAddress name;
};

void handshake(benchmark::State& state, std::unique_ptr<security::Connector> Port::* kind, bool resumed) {
  Port port;
  security::Connector& connector = *(port.*kind);
  const PeerAddress from = device_address(1);
  Secret<Bytes> session;
  if (resumed) {
    auto first = connector.connect(port.now, {});
    port.exchange(*first, from);
    session = first->session();
  }
  for (auto _ : state) {
    auto device = connector.connect(port.now, session);
    state.SetIterationTime(port.exchange(*device, from));
    assert(device->state() == security::AssociationState::Established && device->is_resumed() == resumed);
    port.listener->close(port.now, port.name, "measured");
    while (port.listener->poll_transmit()) {
    }
    while (port.listener->poll_event()) {
    }
  }
}
BENCHMARK_CAPTURE(handshake, psk, &Port::psk, false)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, raw_public_key, &Port::raw, false)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, x509, &Port::x509, false)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, psk_resumed, &Port::psk, true)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(handshake, x509_resumed, &Port::x509, true)->UseManualTime()->Unit(benchmark::kMicrosecond);

/// A ClientHello without a cookie, answered by one.
void cookie(benchmark::State& state) {
  Port port;
  auto device = port.psk->connect(port.now, {});
  const Bytes hello = *device->poll_datagram();
  for (auto _ : state) {
    port.listener->handle_datagram(port.now, {device_address(1), hello});
    const auto answer = port.listener->poll_transmit();
    assert(answer && answer->bytes.size() <= hello.size());
    benchmark::DoNotOptimize(answer);
  }
}
BENCHMARK(cookie);

constexpr std::size_t kRecord = 64;

/// A record of 64 bytes in, and one out, in a live association.
void open_and_seal(benchmark::State& state) {
  Port port;
  auto device = port.psk->connect(port.now, {});
  const PeerAddress from = device_address(1);
  port.exchange(*device, from);
  const Bytes text(kRecord, 'x');
  std::vector<Bytes> records;
  for (auto _ : state) {
    static_cast<void>(device->send(port.now, text));
    const Bytes record = *device->poll_datagram();
    const double begin = thread_seconds();
    port.listener->handle_datagram(port.now, {from, record});
    const auto plaintext = port.listener->poll_plaintext();
    assert(plaintext && plaintext->bytes.size() == kRecord);
    port.listener->send(port.now, plaintext->from, plaintext->bytes);
    const auto answer = port.listener->poll_transmit();
    state.SetIterationTime(thread_seconds() - begin);
    assert(answer);
  }
}
BENCHMARK(open_and_seal)->UseManualTime()->Unit(benchmark::kMicrosecond);

/// Of so many parked associations, one after the other: a record brings it back, is answered, and it is put away again.
void unpark_answer_park(benchmark::State& state) {
  Port port;
  const auto count = static_cast<std::uint32_t>(state.range(0));
  std::vector<std::unique_ptr<security::Association>> devices;
  const Bytes text(kRecord, 'x');
  for (std::uint32_t number = 0; number < count; ++number) {
    auto device = port.psk->connect(port.now, {});
    port.exchange(*device, device_address(number));
    port.listener->hold(port.now, port.name, true);
    static_cast<void>(device->send(port.now, text));
    port.exchange(*device, device_address(number));
    devices.push_back(std::move(device));
  }
  const Duration idle = seconds(11);
  port.now += idle;
  port.listener->handle_timeout(port.now);
  std::uint32_t next = 0;
  for (auto _ : state) {
    static_cast<void>(devices[next]->send(port.now, text));
    const Bytes record = *devices[next]->poll_datagram();
    const double begin = thread_seconds();
    port.listener->handle_datagram(port.now, {device_address(next), record});
    const auto plaintext = port.listener->poll_plaintext();
    assert(plaintext);
    port.listener->send(port.now, plaintext->from, plaintext->bytes);
    const auto answer = port.listener->poll_transmit();
    port.now += idle;
    port.listener->handle_timeout(port.now);
    state.SetIterationTime(thread_seconds() - begin);
    assert(answer && port.listener->counters().live == 0);
    next = (next + 7919) % count;
  }
}
BENCHMARK(unpark_answer_park)->Arg(1)->Arg(20000)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace drover
