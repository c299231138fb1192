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

security::dtls::Parameters dtls_parameters(const Options& options) {
  security::dtls::Parameters parameters;
  parameters.resumption = options.resume;
  return parameters;
}

}  // namespace

Runner::Runner(const Options& options, std::unique_ptr<Sockets> sockets, std::optional<Keys> keys,
               const volatile std::sig_atomic_t& interrupted)
    : options_(options),
      interrupted_(interrupted),
      sockets_(std::move(sockets)),
      keys_(std::move(keys)),
      provider_(dtls_parameters(options), rng_),
      associations_(),
      devices_(options, rng_, [this](std::uint32_t device, Bytes bytes) { sockets_->send(device, std::move(bytes)); },
               keys_ ? &associations_.emplace(
                           options.count, Associations::Settings{.resume = options.resume}, provider_,
                           [this](std::uint32_t device) { return keys_->credential(options_.endpoint(device)); },
                           [this](std::uint32_t device, Bytes bytes) { sockets_->send(device, std::move(bytes)); })
                     : nullptr) {}

/// Sends what is to be sent, waits for datagrams or a deadline, handles both.
void Runner::turn(std::optional<Instant> until) {
  sockets_->flush();
  const Instant before = io::now();
  Instant wake = until.value_or(before + kLongestWait);
  if (const auto deadline = devices_.deadline()) wake = std::min(wake, *deadline);
  if (const auto deadline = associations_ ? associations_->deadline() : std::nullopt) wake = std::min(wake, *deadline);
  const Duration wait = std::clamp(wake - before, Duration::zero(), kLongestWait);
  Instant now = before;
  bool first = true;
  sockets_->receive(wait, [&](std::uint32_t device, ByteView bytes) {
    if (std::exchange(first, false)) now = io::now();
    if (!associations_) return devices_.handle_datagram(now, device, bytes);
    associations_->handle_datagram(now, device, bytes);
    drain(now);
  });
  now = io::now();
  if (associations_) associations_->handle_timeout(now);
  devices_.handle_timeout(now);
  drain(now);
}

void Runner::drain(Instant now) {
  if (!associations_) return;
  for (bool busy = true; busy;) {
    busy = false;
    while (const auto event = associations_->poll_event()) {
      devices_.handle_association(now, *event);
      busy = true;
    }
    while (const auto message = associations_->poll_message()) {
      devices_.handle_datagram(now, message->device, message->bytes);
      busy = true;
    }
  }
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
  const Duration longest = kPhaseEnd + (associations_ ? dtls_parameters(options_).handshake_max : Duration::zero());
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
    if (all && (devices_.outstanding() == 0 || now > last_begun + longest)) break;
    const bool paced = !all && rate > 0 && devices_.outstanding() < options_.window;
    turn(paced ? std::optional(due(begun)) : std::nullopt);
  }
  PhaseReport report = devices_.take_report(kind);
  report.name = name;
  report.seconds = seconds_between(begin, io::now());
  print_handshakes("handshake", report.seconds);
  print(report);
}

void Runner::print_handshakes(const char* name, double seconds) {
  if (!associations_) return;
  PhaseReport report = associations_->take_report();
  if (report.done == 0 && report.errors.empty()) return;
  report.name = name;
  report.seconds = seconds;
  print(report);
}

/// So that the server needn't keep associations that nobody uses.
void Runner::say_goodbye() {
  if (!associations_) return;
  for (std::uint32_t device = 0; device < options_.count; ++device) associations_->close(io::now(), device);
  sockets_->flush();
}

void Runner::hold() {
  const Instant begin = io::now();
  std::optional<Instant> end;
  if (options_.duration > 0) end = begin + std::chrono::seconds(options_.duration);
  while (interrupted_ == 0 && (!end || io::now() < *end)) turn(end);
  print_handshakes("handshake*", seconds_between(begin, io::now()));
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
    say_goodbye();
  }
  Activity activity = devices_.activity();
  activity.unsent = sockets_->unsent();
  if (associations_) activity.associations = associations_->counts();
  const std::string text = options_.json ? to_json(activity) : to_table(activity);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  return clean_;
}

}  // namespace drover::swarm
