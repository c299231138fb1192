// SPDX-License-Identifier: Apache-2.0
// A gateway of a few sensors: each line "NAME VALUE" on standard input is a reading that came over some radio. A sensor that is
// heard of for the first time becomes an instance of object 3303; what is silent for a minute goes. The gateway's own object,
// which has their names, is known by its DDF file alone (radio_gateway.xml; a server takes it by `drover define`).
// Usage: gateway coap://HOST[:PORT] DDF [SECONDS-OF-SILENCE]
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "drover/client.hpp"
#include "drover/objects/temperature.hpp"

using Clock = std::chrono::steady_clock;

struct Sensor : drover::objects::temperature {
  sensor_units_type units{"Cel"};
};

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  drover::Client device{{.endpoint = "urn:dev:os:gateway-1",
                         .server = argv[1],
                         .on_registered = [] { std::puts("registered"), std::fflush(stdout); }}};
  const auto silence = std::chrono::seconds(argc > 3 ? std::atoi(argv[3]) : 60);
  std::ifstream file(argv[2]);
  device.define({std::istreambuf_iterator<char>(file), {}});
  auto& gateway = device.add_dynamic(33000, 0);

  struct Heard {
    Sensor* object;
    std::uint16_t instance;
    Clock::time_point last;
  };
  std::mutex mutex;
  std::map<std::string, Heard> sensors;
  std::atomic<bool> forget = false;  // no lock in callbacks: whoever holds it may wait for the device's thread
  gateway.on_execute = [&](std::uint16_t, const drover::arguments&) { forget = true; };
  device.start();

  // Sensors that aren't heard of any more, and all of them when a server says so.
  std::thread([&] {
    while (true) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      const std::lock_guard lock(mutex);
      std::erase_if(sensors, [&](const auto& each) {
        const auto& [name, heard] = each;
        if (!forget && Clock::now() - heard.last < silence) return false;
        gateway.erase(1, heard.instance);
        device.remove(*heard.object);
        return true;
      });
      forget = false;
      gateway.set(0, static_cast<int>(sensors.size()));
    }
  }).detach();

  std::string name;
  double reading = 0;
  while (std::cin >> name >> reading) {
    const std::lock_guard lock(mutex);
    auto heard = sensors.find(name);
    if (heard == sensors.end()) {
      std::uint16_t instance = 0;
      const auto taken = [&] {
        for (const auto& [other, place] : sensors) {
          if (place.instance == instance) return true;
        }
        return false;
      };
      while (taken()) ++instance;
      Sensor& object = device.add<Sensor>(instance);
      gateway.set(1, instance, name);
      heard = sensors.emplace(name, Heard{&object, instance, {}}).first;
    }
    heard->second.object->sensor_value = reading;
    heard->second.last = Clock::now();
  }
  std::quick_exit(0);
}
