// SPDX-License-Identifier: Apache-2.0
// A device with one thermometer (object 3303). Usage: thermometer coap://HOST[:PORT]
#include <chrono>
#include <cstdio>
#include <thread>

#include "drover/client.hpp"

struct Thermometer : drover::object<3303> {
  drover::value<5700, double> sensor_value{20.0};
  drover::value<5602, double> max{20.0};
  void execute(drover::resource<5605>) { max = sensor_value; }
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
