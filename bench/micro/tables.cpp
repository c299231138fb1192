// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <string>

#include "base/random.hpp"
#include "coap/parameters.hpp"
#include "coap/reliability/reliability.hpp"
#include "server/registry.hpp"

namespace {

using namespace drover;

constexpr Duration kUpdateEvery = std::chrono::seconds(300);

/// A confirmable message that is new, answered in its acknowledgement, and later forgotten: the reliability layer's
/// whole work for an Update, with the table of so many peers behind it.
void reliability_answers(benchmark::State& state) {
  const auto peers = static_cast<std::uint32_t>(state.range(0));
  SplitMix rng(1);
  coap::Parameters parameters;
  coap::Reliability reliability(parameters, rng);
  coap::Message request;
  request.code = coap::code::kPost;
  coap::Message response;
  response.code = coap::code::kChanged;
  Instant now{std::chrono::seconds(1)};
  std::uint32_t at = 0;
  const auto step = [&] {
    now += kUpdateEvery / peers;
    const auto peer = transport::PeerAddress::v4(0x0A000000 + at % peers, 5683);
    request.id.value = static_cast<std::uint16_t>(at++ / peers);
    const Bytes bytes = coap::encode(request);
    if (const auto deadline = reliability.deadline(); deadline && deadline->at <= now) reliability.handle_timeout(now);
    reliability.handle_datagram(now, {peer, bytes});
    while (reliability.poll_event()) reliability.reply(now, peer, request.id, response);
    while (auto transmit = reliability.poll_transmit()) benchmark::DoNotOptimize(transmit);
  };
  for (std::uint32_t i = 0; i < peers; ++i) step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(reliability_answers)->Arg(1'000)->Arg(10'000)->Arg(100'000);

void registry_updates(benchmark::State& state) {
  const auto devices = static_cast<std::uint32_t>(state.range(0));
  SplitMix rng(1);
  server::Registry registry(0, devices, rng);
  Instant now{std::chrono::seconds(1)};
  const lwm2m::Announcement announcement{"", {}, {{1, std::nullopt, {0}}, {3, std::nullopt, {0}}}};
  for (std::uint32_t i = 0; i < devices; ++i) {
    const std::string endpoint = "urn:dev:os:bench-" + std::to_string(i);
    server::NewRegistration registration;
    registration.endpoint = endpoint;
    registration.version = "1.0";
    registration.binding = "U";
    registration.lifetime = 86400;
    registration.address = transport::PeerAddress::v4(0x0A000000 + i, 5683);
    if (!registry.add(now, registration, announcement)) return state.SkipWithError("full");
  }
  std::uint32_t at = 0;
  for (auto _ : state) {
    const auto slot = registry.find(registry.location(at));
    if (!slot) return state.SkipWithError("lost");
    registry.update(now, *slot, {});
    at = at + 1 == devices ? 0 : at + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(registry_updates)->Arg(1'000)->Arg(10'000)->Arg(100'000);

}  // namespace
