// SPDX-License-Identifier: Apache-2.0
// What a registered device costs in memory: allocated bytes with the allocator's overhead, after all have registered
// and after more than EXCHANGE_LIFETIME of their Updates. Usage: bench_memory [DEVICES]. Prints one line of JSON.
#include <malloc.h>

#include <cstdio>
#include <cstdlib>

#include "bench/fleet_load.hpp"

namespace {

std::size_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace

int main(int count, char** arguments) {
  const auto devices = count > 1 ? static_cast<std::uint32_t>(std::strtoul(arguments[1], nullptr, 10)) : 100'000U;
  if (devices == 0 || count > 2) {
    std::fputs("usage: bench_memory [DEVICES]\n", stderr);
    return 2;
  }
  drover::bench::FleetLoad load(devices);
  const std::size_t before = allocated();
  load.register_all();
  const std::size_t registered = allocated();
  // Two rounds are 600 s: the second one meets the table that the first one filled.
  for (std::uint64_t i = 0; i < 2ULL * devices; ++i) load.update();
  const std::size_t steady = allocated();
  std::printf("{\"devices\":%u,\"registered_bytes\":%.1f,\"steady_bytes\":%.1f}\n", devices,
              static_cast<double>(registered - before) / devices, static_cast<double>(steady - before) / devices);
  return 0;
}
