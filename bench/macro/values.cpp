// SPDX-License-Identifier: Apache-2.0
// What stored values cost: CPU and bytes written of a notification's value, on disk; CPU of a REST read of a last value
// on a kept-alive connection, and how many go through. Usage: bench_values [DEVICES [VALUES_EACH [READS]]]. Prints one
// line of JSON.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>

#include "api/api.hpp"
#include "history/value_service.hpp"
#include "history/values.hpp"
#include "io/clock.hpp"
#include "server/local_fleet.hpp"

namespace {

using namespace drover;

constexpr std::uint32_t kResources = 10;  // of a device
constexpr int kConnections = 8;

double seconds_of(clockid_t clock) {
  timespec spent{};
  clock_gettime(clock, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

/// Bytes that this process gave to the kernel to write.
double bytes_written() {
  std::ifstream file("/proc/self/io");
  std::string name;
  double value = 0;
  while (file >> name >> value) {
    if (name == "wchar:") return value;
  }
  return 0;
}

std::string endpoint_of(std::uint64_t device) {
  return "urn:dev:os:bench-" + std::to_string(device);
}

/// No events: the values are there before.
class NoFeed final : public events::Feed {
 public:
  explicit NoFeed(std::uint64_t newest) : newest_(newest) {}
  Result<Batch> after(std::uint64_t, std::size_t) override { return Batch{}; }
  [[nodiscard]] std::uint64_t newest() const override { return newest_; }
  void subscribe(std::function<void()>) override {}

 private:
  std::uint64_t newest_;
};

void fill(history::Values& values, std::uint64_t devices, std::uint64_t each) {
  constexpr std::uint64_t kBatch = 1000;
  std::uint64_t number = 0;
  events::Feed::Batch batch;
  const auto flush = [&] {
    const auto done = values.project(batch);
    if (!done) std::fprintf(stderr, "%s\n", done.error().reason.c_str()), std::exit(1);
    batch.items.clear();
  };
  const UnixSeconds begin = io::unix_now() - static_cast<UnixSeconds>(each) * 60;
  for (std::uint64_t round = 0; round < each; ++round) {
    for (std::uint64_t device = 0; device < devices; ++device) {
      const std::string json = R"({"kind":"notification","path":"/3303/0/)" +
                               std::to_string(5700 + (round + device) % kResources) + R"(","value":)" +
                               std::to_string(20.5 + static_cast<double>(round % 7)) + R"(,"type":"Float"})";
      batch.items.push_back(std::make_shared<events::Item>(++number, begin + static_cast<UnixSeconds>(round) * 60,
                                                           "notification", endpoint_of(device),
                                                           [json](std::uint64_t) { return json; }));
      if (batch.items.size() == kBatch) flush();
    }
  }
  flush();
}

/// One read after the other on each connection; false when an answer isn't 200.
bool read_values(std::uint16_t port, std::uint64_t devices, std::uint64_t reads) {
  int sockets[kConnections];
  for (int& fd : sockets) {
    fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return false;
  }
  char buffer[4096];
  for (std::uint64_t done = 0; done < reads; done += kConnections) {
    for (int i = 0; i < kConnections; ++i) {
      const std::uint64_t device = (done + static_cast<std::uint64_t>(i)) * 7919 % devices;
      const std::string text = "GET /api/v1/devices/" + endpoint_of(device) + "/values/3303/0/" +
                               std::to_string(5700 + device % kResources) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
      if (::send(sockets[i], text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) return false;
    }
    for (const int fd : sockets) {
      const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);  // an answer is one small write
      if (size < 12 || std::string_view(buffer, 12) != "HTTP/1.1 200") return false;
    }
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  const auto number = [&](int at, std::uint64_t otherwise) {
    return count > at ? std::strtoull(arguments[at], nullptr, 10) : otherwise;
  };
  const std::uint64_t devices = number(1, 10'000);
  const std::uint64_t each = number(2, 50);
  const std::uint64_t reads = number(3, 40'000);
  if (devices == 0 || each == 0 || reads == 0 || count > 4) {
    std::fputs("usage: bench_values [DEVICES [VALUES_EACH [READS]]]\n", stderr);
    return 2;
  }
  std::string folder = (std::filesystem::temp_directory_path() / "drover-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  int ports[2];
  if (::pipe(ports) != 0) return 1;
  const pid_t client = ::fork();
  if (client == 0) {
    std::uint16_t port = 0;
    ::close(ports[1]);
    const bool told = ::read(ports[0], &port, sizeof port) == sizeof port;
    ::_exit(told && read_values(port, devices, reads) ? 0 : 1);
  }
  int status = 1;
  {
    auto values = history::Values::open(folder + "/bench.values", {});
    if (!values) return 1;
    const double cpu_before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    const double bytes_before = bytes_written();
    fill(**values, devices, each);
    const double stored = static_cast<double>(devices * each);
    const double store_us = (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_before) / stored * 1e6;
    const double store_bytes = (bytes_written() - bytes_before) / stored;

    NoFeed feed(devices * each);
    history::ValueService service(**values, feed, io::unix_now);
    server::LocalFleet fleet(1, [](std::size_t, const server::LocalFleet::Task&) {});
    const lwm2m::model::Registry registry;
    api::Api::Settings settings;
    settings.listen = {"127.0.0.1:0"};
    settings.history = &service;
    auto api = api::Api::open(settings, fleet, registry);
    if (!api) return 1;
    api->start();
    const std::string address = api->addresses().front();
    const auto port = static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
    const double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    const double begun = seconds_of(CLOCK_MONOTONIC);
    if (::write(ports[1], &port, sizeof port) != sizeof port) return 1;
    ::waitpid(client, &status, 0);
    const double wall = seconds_of(CLOCK_MONOTONIC) - begun;
    const double read_us = (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) / static_cast<double>(reads) * 1e6;
    api->stop();
    std::printf("{\"devices\":%llu,\"values\":%.0f,\"store_us\":%.2f,\"store_bytes\":%.0f,\"file_bytes_each\":%.1f,"
                "\"read_us\":%.1f,\"reads_per_second\":%.0f}\n",
                static_cast<unsigned long long>(devices), stored, store_us, store_bytes,
                static_cast<double>((*values)->status().bytes) / stored, read_us, static_cast<double>(reads) / wall);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return status == 0 ? 0 : 1;
}
