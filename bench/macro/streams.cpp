// SPDX-License-Identifier: Apache-2.0
// What a notification costs on its way to many readers of the event stream: CPU of numbering it, making it JSON once and
// sending it to each. Usage: bench_streams [EVENTS [A_SECOND [READERS]]]. Prints one line of JSON.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "api/api.hpp"
#include "api/event_items.hpp"
#include "io/clock.hpp"
#include "server/local_fleet.hpp"

namespace {

using namespace drover;

double seconds_of(clockid_t clock) {
  timespec spent{};
  clock_gettime(clock, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

/// Says on `ready` when it is there, and reads until it has had so many events; false when the stream ends, or has a gap.
bool read_stream(std::uint16_t port, int ready, std::uint64_t events) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return false;
  const std::string_view request = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
  if (::send(fd, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size())) return false;
  constexpr std::string_view kEvent = "\nevent: notification", kGap = "\nevent: gap";
  constexpr std::size_t kBuffer = 256 << 10;
  std::string text(kBuffer, 0);
  std::size_t kept = 0;
  if (::recv(fd, text.data(), text.size(), 0) <= 0 || ::write(ready, "", 1) != 1) return false;
  for (std::uint64_t seen = 0; seen < events;) {
    const ssize_t size = ::recv(fd, text.data() + kept, text.size() - kept, 0);
    if (size <= 0) return false;
    const std::string_view had(text.data(), kept + static_cast<std::size_t>(size));
    std::size_t behind = 0;
    for (std::size_t at = had.find(kEvent); at != std::string_view::npos; at = had.find(kEvent, behind)) {
      behind = at + kEvent.size();
      ++seen;
    }
    if (had.find(kGap) != std::string_view::npos) return false;
    // What may be the begin of one.
    const std::size_t rest = std::min(had.size() - behind, kEvent.size() - 1);
    kept = had.copy(text.data(), rest, had.size() - rest);
  }
  return true;
}

events::Draft notification(const api::EventItems& items, std::uint64_t number) {
  server::Event event;
  event.kind = server::EventKind::Notification;
  event.at = io::unix_now();
  event.endpoint = "urn:dev:os:bench-" + std::to_string(number % 20'000);
  event.path = lwm2m::Path(3303, 0, 5700);
  event.outcome = lwm2m::Outcome{lwm2m::Status::Content, 0, to_bytes("21.5"), "", 0x45};
  return *items.draft(std::move(event), false);
}

/// At an even pace, as shards bring them: a batch a millisecond. The CPU that it took, with what followed from it.
double publish(events::Hub& hub, const api::EventItems& items, std::uint64_t events, std::uint64_t a_second) {
  const double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  auto next = std::chrono::steady_clock::now();
  for (std::uint64_t done = 0; done < events;) {
    std::vector<events::Draft> drafts;
    for (std::uint64_t i = 0; i < a_second / 1000 && done < events; ++i) drafts.push_back(notification(items, done++));
    hub.publish(std::move(drafts));
    next += std::chrono::milliseconds(1);
    std::this_thread::sleep_until(next);
  }
  return cpu;
}

}  // namespace

int main(int count, char** arguments) {
  const auto number = [&](int at, std::uint64_t otherwise) {
    return count > at ? std::strtoull(arguments[at], nullptr, 10) : otherwise;
  };
  const std::uint64_t events = number(1, 200'000);
  const std::uint64_t a_second = number(2, 20'000);
  const std::uint64_t readers = number(3, 10);
  if (events == 0 || a_second < 1000 || readers == 0 || count > 4) {
    std::fputs("usage: bench_streams [EVENTS [A_SECOND [READERS]]]\n", stderr);
    return 2;
  }
  lwm2m::model::Registry registry;
  lwm2m::model::ObjectDefinition temperature;
  temperature.id = 3303;
  temperature.name = "Temperature";
  temperature.resources.resize(1);
  temperature.resources[0].id = 5700;
  temperature.resources[0].type = lwm2m::DataType::Float;
  temperature.resources[0].operations.read = true;
  if (!registry.add(temperature)) return 1;
  const auto hub = std::make_shared<events::Hub>(events::Hub::Limits{}, io::unix_now());
  const api::EventItems items(registry, *hub);
  server::LocalFleet fleet(1, [](std::size_t, const server::LocalFleet::Task&) {});
  api::Api::Settings settings;
  settings.listen = {"127.0.0.1:0"};
  settings.hub = hub;
  auto api = api::Api::open(settings, fleet, registry);
  if (!api) return 1;
  const std::string address = api->addresses().front();
  const auto port = static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
  // No thread runs yet: children may be made.
  int ready[2];
  if (::pipe(ready) != 0) return 1;
  std::vector<pid_t> children;
  for (std::uint64_t i = 0; i < readers; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(read_stream(port, ready[1], events) ? 0 : 1);
    children.push_back(child);
  }
  api->start();
  char said = 0;
  for (std::uint64_t i = 0; i < readers; ++i) {
    if (::read(ready[0], &said, 1) != 1) return 1;
  }
  const double begun = seconds_of(CLOCK_MONOTONIC);
  const double cpu = publish(*hub, items, events, a_second);
  bool whole = true;
  for (const pid_t child : children) {
    int status = 1;
    ::waitpid(child, &status, 0);
    whole = whole && status == 0;
  }
  const double with_readers = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  const double wall = seconds_of(CLOCK_MONOTONIC) - begun;
  const double before = publish(*hub, items, events, a_second);
  const double alone = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - before;
  api->stop();
  const double delivered = static_cast<double>(events * readers);
  std::printf("{\"events\":%llu,\"readers\":%llu,\"events_per_second\":%.0f,\"delivered_us\":%.3f,"
              "\"unread_us\":%.3f,\"gaps\":%s}\n",
              static_cast<unsigned long long>(events), static_cast<unsigned long long>(readers),
              static_cast<double>(events) / wall, with_readers / delivered * 1e6, alone / static_cast<double>(events) * 1e6,
              whole ? "false" : "true");
  return whole ? 0 : 1;
}
