// SPDX-License-Identifier: Apache-2.0
// As little as a secured device can be. Usage: minimal coaps://HOST[:PORT] IDENTITY KEY-IN-HEXADECIMAL
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "drover/client.hpp"

struct Thermometer : drover::object<3303> {
  drover::value<5700, double> sensor_value{20.0};
};

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  std::vector<std::uint8_t> key;
  for (const char* digits = argv[3]; digits[0] != '\0' && digits[1] != '\0'; digits += 2) {
    key.push_back(static_cast<std::uint8_t>(std::stoi(std::string(digits, 2), nullptr, 16)));
  }
  drover::Client device{{.endpoint = argv[2], .server = argv[1], .keys = drover::Keys::pre_shared(argv[2], key)}};
  auto& thermometer = device.add<Thermometer>(0);
  device.start();
  for (int second = 0;; ++second) {
    thermometer.sensor_value = 20.0 + second % 10;
    std::this_thread::sleep_for(std::chrono::seconds(1));
    if (device.registered() && second % 60 == 0) std::puts("registered");
  }
}
