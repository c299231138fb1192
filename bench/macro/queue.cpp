// SPDX-License-Identifier: Apache-2.0
// What an operation costs that waits for a sleeping device: allocated bytes, the CPU of queuing it, and of sending it when the
// device wakes. Usage: bench_queue [DEVICES [OPERATIONS_EACH]]. Prints one line of JSON.
#include <malloc.h>

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <variant>

#include "bench/fleet_load.hpp"
#include "server/local_fleet.hpp"

namespace {

using namespace drover;

std::size_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

double cpu_seconds() {
  timespec spent{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

/// 2.05 in the acknowledgement of a request.
Bytes answer_to(const Bytes& request) {
  const std::size_t token = request[0] & 15U;
  Bytes answer(request.begin(), request.begin() + 4 + static_cast<std::ptrdiff_t>(token));
  answer[0] = static_cast<std::uint8_t>(0x60 | token);
  answer[1] = 0x45;
  answer.push_back(0xFF);
  answer.push_back('1');
  return answer;
}

bool is_request(const Bytes& message) {
  return message.size() > 4 && message[1] >> 5 == 0 && message[1] != 0;
}

}  // namespace

int main(int count, char** arguments) {
  const auto devices = count > 1 ? static_cast<std::uint32_t>(std::strtoul(arguments[1], nullptr, 10)) : 100'000U;
  const auto each = count > 2 ? static_cast<std::uint32_t>(std::strtoul(arguments[2], nullptr, 10)) : 10U;
  if (devices == 0 || each == 0 || count > 3) {
    std::fputs("usage: bench_queue [DEVICES [OPERATIONS_EACH]]\n", stderr);
    return 2;
  }
  bench::FleetLoad load(devices, "UQ");
  load.register_all();
  load.pass(std::chrono::minutes(10));
  server::LocalFleet fleet(1, [&load](std::size_t, const server::LocalFleet::Task& task) { task(load.shard(), load.now()); });

  const double operations = static_cast<double>(devices) * each;
  std::size_t queued = 0;
  const std::size_t before = allocated();
  const double begun = cpu_seconds();
  for (std::uint32_t i = 0; i < each; ++i) {
    for (std::uint32_t device = 0; device < devices; ++device) {
      fleet.operate(bench::FleetLoad::name(device), lwm2m::Read{lwm2m::Path(3, 0, 9), lwm2m::format::kText, false}, {},
                    [&queued](const server::OperationStatus& status) {
                      if (status.state == server::OperationState::Queued) ++queued;
                      return false;
                    });
      fleet.collect(0, load.shard());
    }
  }
  const double asked = cpu_seconds();
  const std::size_t after = allocated();
  assert(queued == static_cast<std::size_t>(operations));

  // A thousand devices wake, each for all that waits for it.
  const std::uint32_t waking = std::min(devices, 1000U);
  std::size_t answered = 0;
  const double awake = cpu_seconds();
  for (std::uint32_t i = 0; i < waking; ++i) {
    const std::uint32_t device = i * (devices / waking);
    auto said = load.wake(device);
    while (!said.empty() && is_request(said.back())) {
      said = load.say(device, answer_to(said.back()));
      ++answered;
    }
    fleet.collect(0, load.shard());
  }
  const double done = cpu_seconds();
  assert(answered == std::size_t{waking} * each);

  std::printf("{\"devices\":%u,\"operations\":%.0f,\"bytes_each\":%.1f,\"queue_us\":%.2f,\"wake_us\":%.2f}\n", devices,
              operations, static_cast<double>(after - before) / operations, (asked - begun) / operations * 1e6,
              (done - awake) / static_cast<double>(answered) * 1e6);
  return 0;
}
