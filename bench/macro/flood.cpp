// SPDX-License-Identifier: Apache-2.0
// The load for the yardsticks, from as many addresses and in the same batches as drover-swarm sends.
// Usage: bench_flood PORT COUNT WINDOW echo SIZE | bench_flood PORT COUNT WINDOW get. Prints one line of JSON.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "apps/swarm/sockets.hpp"
#include "coap/message/message.hpp"
#include "io/clock.hpp"

namespace {

using drover::Bytes;

constexpr std::uint32_t kPeers = 1000;
constexpr drover::Duration kSilence = std::chrono::milliseconds(500);

/// A confirmable GET of "/" with a message id and token of its own.
Bytes get(std::uint64_t number) {
  drover::coap::Message message;
  message.code = drover::coap::code::kGet;
  // Each peer's ids ascend; none comes twice in 65,536 requests of a peer.
  message.id.value = static_cast<std::uint16_t>(number / kPeers);
  message.token = drover::coap::Token::of(number);
  return drover::coap::encode(message);
}

}  // namespace

int main(int count, char** arguments) {
  const std::string kind = count > 4 ? arguments[4] : "";
  if (!(kind == "get" && count == 5) && !(kind == "echo" && count == 6)) {
    std::fputs("usage: bench_flood PORT COUNT WINDOW echo SIZE | bench_flood PORT COUNT WINDOW get\n", stderr);
    return 2;
  }
  const auto total = std::strtoull(arguments[2], nullptr, 10);
  const auto window = std::strtoull(arguments[3], nullptr, 10);
  const Bytes payload(kind == "echo" ? std::strtoull(arguments[5], nullptr, 10) : 0, 0x55);
  const auto port = static_cast<std::uint16_t>(std::strtoul(arguments[1], nullptr, 10));
  drover::swarm::Options options;
  options.source = drover::swarm::Source::Addresses;
  options.count = kPeers;
  auto sockets = drover::swarm::Sockets::open(options, drover::transport::PeerAddress::v4(0x7F000001, port));
  if (!sockets) {
    std::fprintf(stderr, "bench_flood: %s\n", sockets.error().reason.c_str());
    return 3;
  }
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t lost = 0;
  const drover::Instant begin = drover::io::now();
  drover::Instant last = begin;
  while (answered + lost < total) {
    for (; sent < total && sent - answered - lost < window; ++sent) {
      (*sockets)->send(static_cast<std::uint32_t>(sent % kPeers), kind == "get" ? get(sent) : payload);
    }
    (*sockets)->flush();
    const std::uint64_t before = answered;
    (*sockets)->receive(kSilence, [&](std::uint32_t, drover::ByteView) { ++answered; });
    const drover::Instant now = drover::io::now();
    if (answered > before) last = now;
    if (now - last < kSilence) continue;
    lost = sent - answered;  // the rest of the window isn't coming any more
    last = now;
  }
  const double seconds = static_cast<double>((drover::io::now() - begin).count()) / 1e6;
  std::printf("{\"answered\":%llu,\"lost\":%llu,\"seconds\":%.3f}\n", static_cast<unsigned long long>(answered),
              static_cast<unsigned long long>(lost), seconds);
  return answered == 0 ? 1 : 0;
}
