// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/runner.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace drover::swarm {
namespace {

constexpr Duration kLongestWait = std::chrono::seconds(1);
/// Room for the last exchange of a phase to be given up: MAX_TRANSMIT_WAIT of RFC 7252 §4.8.2, twice for a device that
/// was already busy.
constexpr Duration kPhaseEnd = std::chrono::seconds(2 * 93);
constexpr double kMicroseconds = 1e6;

double seconds_between(Instant begin, Instant end) {
  return static_cast<double>((end - begin).count()) / kMicroseconds;
}

}  // namespace

Runner::Runner(const Options& options, std::unique_ptr<Sockets> sockets, const volatile std::sig_atomic_t& interrupted)
    : options_(options),
      interrupted_(interrupted),
      sockets_(std::move(sockets)),
      devices_(options, rng_, [this](std::uint32_t device, Bytes bytes) { sockets_->send(device, std::move(bytes)); }) {
}

/// Sends what is to be sent, waits for datagrams or a deadline, handles both.
void Runner::turn(std::optional<Instant> until) {
  sockets_->flush();
  const Instant before = io::now();
  Instant wake = until.value_or(before + kLongestWait);
  if (const auto deadline = devices_.deadline()) wake = std::min(wake, *deadline);
  const Duration wait = std::clamp(wake - before, Duration::zero(), kLongestWait);
  Instant now = before;
  bool first = true;
  sockets_->receive(wait, [&](std::uint32_t device, ByteView bytes) {
    if (std::exchange(first, false)) now = io::now();
    devices_.handle_datagram(now, device, bytes);
  });
  devices_.handle_timeout(io::now());
}

void Runner::exchange(Exchange kind, const char* name, std::uint64_t total, double rate) {
  (void)devices_.take_report(kind);
  const Instant begin = io::now();
  std::uint64_t begun = 0;
  std::uint64_t considered = 0;
  Instant last_begun = begin;
  const auto due = [&](std::uint64_t index) {
    return begin + Duration(static_cast<Duration::rep>(static_cast<double>(index) * kMicroseconds / rate));
  };
  // A device that is busy or not registered is passed over, so it takes a bound on how often that may happen.
  const std::uint64_t considered_max = total * 2 + options_.count;
  while (interrupted_ == 0) {
    const Instant now = io::now();
    std::uint32_t burst = 0;
    while (begun < total && considered < considered_max && devices_.outstanding() < options_.window &&
           burst < options_.window && (rate <= 0 || due(begun) <= now)) {
      const auto device = static_cast<std::uint32_t>(considered++ % options_.count);
      if (!devices_.begin(now, device, kind)) continue;
      ++begun;
      ++burst;
      last_begun = now;
    }
    const bool all = begun == total || considered >= considered_max;
    if (all && (devices_.outstanding() == 0 || now > last_begun + kPhaseEnd)) break;
    const bool paced = !all && rate > 0 && devices_.outstanding() < options_.window;
    turn(paced ? std::optional(due(begun)) : std::nullopt);
  }
  PhaseReport report = devices_.take_report(kind);
  report.name = name;
  report.seconds = seconds_between(begin, io::now());
  print(report);
}

void Runner::hold() {
  const Instant begin = io::now();
  std::optional<Instant> end;
  if (options_.duration > 0) end = begin + std::chrono::seconds(options_.duration);
  while (interrupted_ == 0 && (!end || io::now() < *end)) turn(end);
  for (const Exchange kind : {Exchange::Register, Exchange::Update}) {
    PhaseReport report = devices_.take_report(kind);
    if (report.done == 0 && report.errors.empty()) continue;
    report.name = kind == Exchange::Register ? "register*" : "update*";  // by the devices' own timers
    report.seconds = seconds_between(begin, io::now());
    print(report);
  }
}

void Runner::wait_for_line() {
  if (!options_.step) return;
  // Devices go on answering while somebody measures.
  for (pollfd input{STDIN_FILENO, POLLIN, 0}; interrupted_ == 0 && poll(&input, 1, 0) == 0;) {
    turn(io::now() + std::chrono::milliseconds(20));
  }
  char character = 0;
  while (read(STDIN_FILENO, &character, 1) == 1 && character != '\n') {
  }
}

void Runner::print(const PhaseReport& report) {
  clean_ = clean_ && report.errors.empty();
  const std::string text = options_.json ? to_json(report) : to_table(report, std::exchange(heading_, false));
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

bool Runner::run() {
  wait_for_line();
  exchange(Exchange::Register, "register", options_.count, options_.rate);
  if (options_.again > 0) {
    wait_for_line();
    exchange(Exchange::Register, "again", options_.again, 0);
  }
  if (options_.updates > 0) {
    wait_for_line();
    exchange(Exchange::Update, "update", options_.updates, options_.update_rate);
  }
  if (options_.duration > 0 || (options_.updates == 0 && options_.again == 0 && !options_.deregister)) {
    wait_for_line();
    hold();
  }
  if (options_.deregister && devices_.registered() > 0) {
    wait_for_line();
    // A signal asked for the end; a second one ends at once.
    exchange(Exchange::Deregister, "deregister", devices_.registered(), 0);
  }
  Activity activity = devices_.activity();
  activity.unsent = sockets_->unsent();
  const std::string text = options_.json ? to_json(activity) : to_table(activity);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  return clean_;
}

}  // namespace drover::swarm
