// SPDX-License-Identifier: Apache-2.0
// What secured packets cost: one made and one read, with a CoAP message that fills one short message or several.
#include <benchmark/benchmark.h>

#include <cassert>

#include "security/sps/packet.hpp"

namespace drover {
namespace {

using namespace security::sps;

Codec make(Algorithm algorithm) {
  Parameters parameters;
  if (algorithm == Algorithm::TripleDes) parameters.kic = parameters.kid = 0x19;
  Bytes keys(48);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<std::uint8_t>(5 * i);
  if (algorithm == Algorithm::Aes) keys.resize(32);
  return std::move(*Codec::make(parameters, *Keys::parse(parameters, Secret<Bytes>(keys))));
}

void secured_packet_encode(benchmark::State& state, Algorithm algorithm) {
  Codec codec = make(algorithm);
  const Bytes coap(static_cast<std::size_t>(state.range(0)), 0x40);
  std::uint64_t counter = 0;
  for (auto _ : state) {
    const auto packet = codec.encode_command(++counter, wrap(kCoapTag, coap));
    assert(packet);
    benchmark::DoNotOptimize(packet);
  }
}
BENCHMARK_CAPTURE(secured_packet_encode, aes, Algorithm::Aes)
    ->Arg(14)
    ->Arg(96)
    ->Arg(494)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(secured_packet_encode, triple_des, Algorithm::TripleDes)->Arg(96)->Unit(benchmark::kMicrosecond);

void secured_packet_decode(benchmark::State& state, Algorithm algorithm) {
  Codec codec = make(algorithm);
  const Bytes coap(static_cast<std::size_t>(state.range(0)), 0x40);
  const Bytes packet = codec.encode_command(1, wrap(kCoapTag, coap))->bytes;
  for (auto _ : state) {
    const auto command = codec.decode_command(packet);
    assert(command);
    const auto message = unwrap(kCoapTag, command->data);
    assert(message && message->size() == coap.size());
    benchmark::DoNotOptimize(message);
  }
}
BENCHMARK_CAPTURE(secured_packet_decode, aes, Algorithm::Aes)
    ->Arg(14)
    ->Arg(96)
    ->Arg(494)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(secured_packet_decode, triple_des, Algorithm::TripleDes)->Arg(96)->Unit(benchmark::kMicrosecond);

/// What a key costs that wasn't used for long.
void secured_packet_keys(benchmark::State& state) {
  for (auto _ : state) {
    Codec codec = make(Algorithm::Aes);
    benchmark::DoNotOptimize(codec);
  }
}
BENCHMARK(secured_packet_keys)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace drover
