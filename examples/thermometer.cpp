// SPDX-License-Identifier: Apache-2.0
// A device with one thermometer (object 3303). Usage: thermometer coap://HOST[:PORT]
#include <chrono>
#include <cstdio>
#include <thread>

#include "drover/client.hpp"
#include "drover/objects/temperature.hpp"

// The definition says what is there and of which type; what doesn't fit isn't compiled.
struct Thermometer : drover::objects::temperature {
  max_measured_value_type max{20.0};
  void execute(reset_min_and_max_measured_values_action) { max = sensor_value; }
};

int main(int argc, char** argv) {
  drover::Client device{{.endpoint = "urn:dev:os:thermometer-1",
                         .server = argc > 1 ? argv[1] : "coap://127.0.0.1",
                         .on_registered = [] { std::puts("registered"); },
                         .on_failed = [](const std::string& reason) { std::puts(reason.c_str()); }}};
  auto& thermometer = device.add<Thermometer>(0);
  device.start();  // registers, reconnects and re-registers by itself
  for (int second = 0; second < 3600; ++second) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    thermometer.sensor_value = 20.0 + second % 10;  // thread-safe; notifies observers by their attributes
    if (thermometer.max < thermometer.sensor_value) thermometer.max = thermometer.sensor_value.get();
  }
}
