// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include "bench/fleet_load.hpp"

namespace {

/// Datagram in, datagram out, through all layers: at least 200,000 a second on one core are asked for.
void uplink_updates(benchmark::State& state) {
  drover::bench::FleetLoad load(static_cast<std::uint32_t>(state.range(0)));
  load.register_all();
  // One round fills the deduplication table to its steady state.
  for (std::uint32_t i = 0; i < load.devices(); ++i) load.update();
  for (auto _ : state) load.update();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(uplink_updates)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000);

/// Each replaces a registration: the old one goes, the new one comes.
void uplink_registers(benchmark::State& state) {
  drover::bench::FleetLoad load(static_cast<std::uint32_t>(state.range(0)));
  load.register_all();
  load.prepare_registers();
  for (auto _ : state) load.register_again();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(uplink_registers)->Arg(1'000)->Arg(10'000)->Arg(100'000);

}  // namespace
