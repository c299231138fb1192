// SPDX-License-Identifier: Apache-2.0
// A device without a thread of Drover's: the program has a loop of its own. Usage: own_loop coap://HOST[:PORT]
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "drover/client.hpp"
#include "drover/objects/temperature.hpp"

int main(int argc, char** argv) {
  drover::Client device{{.endpoint = "urn:dev:os:own-loop-1",
                         .server = argc > 1 ? argv[1] : "coap://127.0.0.1",
                         .on_registered = [] { std::puts("registered"), std::fflush(stdout); }}};
  auto& thermometer = device.add<drover::objects::temperature>(0);
  device.begin();
  const auto begun = std::chrono::steady_clock::now();
  while (true) {
    pollfd descriptors[] = {{device.descriptor(), POLLIN, 0}};  // and whatever else the program waits for
    const auto wait = std::min<std::chrono::microseconds>(device.wait(), std::chrono::seconds(1));
    poll(descriptors, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
    device.process();
    const auto passed = std::chrono::steady_clock::now() - begun;
    thermometer.sensor_value = static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(passed).count());
  }
}
