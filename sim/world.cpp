// SPDX-License-Identifier: Apache-2.0
#include "sim/world.hpp"

#include <array>
#include <cmath>

#include "lwm2m/content/content.hpp"

namespace drover::sim {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const lwm2m::Path kTemperature(3303, 0, 5700);
const lwm2m::Path kReset(3303, 0, 5605);
const lwm2m::Path kUtcOffset(3, 0, 14);

constexpr std::array kRadios = {link::kLan, link::kLteM, link::kNbIot, link::kLossy, link::kReordering};

/// After the faults: longer than the longest wait between two tries of a client and the longest lifetime together.
constexpr Duration kQuiet = hours(3);
/// The last change of every temperature, and the time its notification has.
constexpr Duration kLastChange = minutes(10);

/// How long a device may be switched off at most: some registrations expire, others don't.
constexpr std::uint32_t kOffSecondsMax = 5400;

}  // namespace

World::World(const lwm2m::model::Registry& definitions, const WorldSettings& settings)
    : definitions_(definitions),
      settings_(settings),
      network_(settings.seed),
      server_(settings.shards, settings.seed ^ 0x5E12E12) {
  server_host_ = network_.attach(PeerAddress::v4(0x0A000001, 5683), &server_, link::kLan);
  server_.on_event = [this](Instant now, const server::Event& event) { on_event(now, event); };
  server_.on_done = [this](Instant now, const server::OperationDone& done) { on_done(now, done); };
  for (std::size_t index = 0; index < settings.devices; ++index) add_device(index);
}

PeerAddress World::fresh_address() {
  ++addresses_;
  return PeerAddress::v4(0x0B000000 + addresses_, static_cast<std::uint16_t>(1024 + addresses_ % 60000));
}

void World::add_device(std::size_t index) {
  Device device;
  device.endpoint = "urn:dev:os:world-" + std::to_string(index);
  device.setup.endpoint = device.endpoint;
  device.setup.server = network_.address(server_host_);
  device.setup.lifetime = 300 + static_cast<std::uint32_t>(network_.rng().below(3300));
  device.host = network_.attach(fresh_address(), nullptr, kRadios[index % kRadios.size()]);
  devices_.push_back(std::move(device));
  const Duration start = seconds(network_.rng().below(600));
  network_.at(Instant{} + start, [this, index](Instant now) { switch_on(devices_[index], now); });
}

void World::switch_on(Device& device, Instant now) {
  if (device.node) return;
  device.setup.seed = network_.rng().next();
  device.node = std::make_unique<DeviceNode>(definitions_, device.setup, logs_[device.endpoint]);
  network_.replace(device.host, device.node.get());
  device.node->start(now);
  network_.flush(device.host);
}

void World::every(Duration mean, void (World::*action)(Instant)) {
  const auto spread =
      static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(mean).count() * 2);
  const Duration wait = std::chrono::milliseconds(1 + network_.rng().below(spread));
  network_.at(network_.now() + wait, [this, mean, action](Instant now) {
    if (healed_) return;
    (this->*action)(now);
    every(mean, action);
  });
}

void World::fault(Instant now) {
  ++report_.faults;
  Device& device = some_device();
  switch (network_.rng().below(6)) {
    case 0:  // a NAT forgets its binding
      network_.move(device.host, fresh_address());
      break;
    case 1:  // the device gets another address, and knows it
      network_.move(device.host, fresh_address());
      if (device.node) device.node->address_changed(now);
      break;
    case 2: {  // power fails, and comes back
      network_.replace(device.host, nullptr);
      device.node.reset();
      const std::size_t index = static_cast<std::size_t>(&device - devices_.data());
      network_.at(now + seconds(network_.rng().below(kOffSecondsMax)),
                  [this, index](Instant at) { switch_on(devices_[index], at); });
      return;
    }
    case 3: network_.set_link(device.host, link::kDown); break;
    default: network_.set_link(device.host, kRadios[network_.rng().below(kRadios.size())]); break;
  }
  network_.flush(device.host);
}

void World::operation(Instant now) {
  const std::string& endpoint = some_device().endpoint;
  switch (network_.rng().below(5)) {
    case 0: return ask(now, endpoint, lwm2m::Read{lwm2m::Path(3, 0), std::nullopt, false});
    case 1: return ask(now, endpoint, lwm2m::Discover{lwm2m::Path(3303)});
    case 2: {
      const std::string offset = "+0" + std::to_string(network_.rng().below(10)) + ":00";
      return ask(now, endpoint,
                 lwm2m::Write{kUtcOffset, lwm2m::Write::Mode::Replace, lwm2m::format::kText, to_bytes(offset)});
    }
    default: {
      const std::string argument = std::to_string(tickets_ + 1);
      return ask(now, endpoint, lwm2m::Execute{kReset, "0='" + argument + "'"}, argument);
    }
  }
}

void World::change(Instant now) {
  Device& device = some_device();
  if (!device.node) return;
  device.node->set_temperature(now, static_cast<double>(network_.rng().below(4000)) / 100);
  network_.flush(device.host);
}

void World::ask(Instant now, const std::string& endpoint, const lwm2m::Downlink& operation, std::string argument) {
  const server::Ticket ticket{++tickets_};
  ++report_.operations;
  asked_[ticket.value] = {endpoint, std::move(argument), std::holds_alternative<lwm2m::Observe>(operation)};
  operations_end_once_.asked(ticket);
  server_.operate(now, ticket, endpoint, operation);
  network_.flush(server_host_);
}

void World::observe(Instant now, const std::string& endpoint) {
  ask(now, endpoint, lwm2m::Observe{kTemperature, lwm2m::format::kText, false});
}

void World::on_done(Instant now, const server::OperationDone& done) {
  operations_end_once_.done(now, done.ticket);
  const auto asked = asked_.find(done.ticket.value);
  if (asked == asked_.end()) return;
  if (const auto* outcome = std::get_if<lwm2m::Outcome>(&done.result)) {
    ++report_.answered;
    if (!asked->second.argument.empty() && outcome->status == lwm2m::Status::Changed) {
      execute_at_most_once_.confirmed(asked->second.endpoint, asked->second.argument);
    }
  }
  const auto* no_answer = std::get_if<server::NoAnswer>(&done.result);
  if (asked->second.observe && no_answer != nullptr && *no_answer == server::NoAnswer::Timeout) {
    network_.at(now, [this, endpoint = asked->second.endpoint](Instant at) { observe(at, endpoint); });
  }
  asked_.erase(asked);
}

void World::on_event(Instant now, const server::Event& event) {
  registrations_make_sense_.event(now, event);
  if (event.kind == server::EventKind::Registered) {
    ++report_.registrations;
    // A command of its own: the server is in the middle of draining what it has to say.
    network_.at(now, [this, endpoint = event.endpoint](Instant at) { observe(at, endpoint); });
  }
  if (event.kind == server::EventKind::Notification && event.outcome && lwm2m::is_success(event.outcome->status)) {
    ++report_.notifications;
    const auto value = lwm2m::content::from_text(lwm2m::DataType::Float, as_text(event.outcome->payload));
    if (value) {
      last_seen_[event.endpoint] = std::get<double>(*value);
    } else {
      complaints_.add(now, event.endpoint + " notified something that isn't a number");
    }
  }
}

void World::heal(Instant now) {
  healed_ = true;
  for (Device& device : devices_) {
    network_.set_link(device.host, link::kLan);
    switch_on(device, now);
  }
}

void World::expect_convergence(Instant now) {
  std::map<std::string, server::DeviceView> registered;
  for (const server::DeviceView& device : server_.devices()) registered[device.endpoint] = device;
  if (registered.size() != devices_.size()) {
    complaints_.add(now,
                    std::to_string(registered.size()) + " of " + std::to_string(devices_.size()) + " are registered");
  }
  for (const Device& device : devices_) {
    if (!device.node->is_registered()) complaints_.add(now, device.endpoint + " doesn't think that it is registered");
    const auto view = registered.find(device.endpoint);
    if (view == registered.end()) {
      complaints_.add(now, device.endpoint + " isn't registered");
    } else if (view->second.address != network_.address(device.host)) {
      complaints_.add(now, device.endpoint + " is registered with an old address");
    }
    const auto seen = last_seen_.find(device.endpoint);
    if (seen == last_seen_.end() || seen->second != device.node->temperature(now)) {
      complaints_.add(now, device.endpoint + "'s last notified value isn't its value");
    }
  }
}

WorldReport World::run() {
  every(settings_.fault_every, &World::fault);
  every(settings_.operation_every, &World::operation);
  every(settings_.change_every, &World::change);
  const Instant end = Instant{} + settings_.length;
  for (Instant at = Instant{} + minutes(1); at < end; at += minutes(1)) {
    network_.at(at, [this](Instant now) {
      registrations_make_sense_.visible(now, server_.devices(),
                                        std::chrono::duration_cast<seconds>(now.time_since_epoch()).count());
    });
  }
  bool bounded = network_.run_until(end);
  heal(network_.now());
  bounded = bounded && network_.run_until(end + kQuiet);
  for (Device& device : devices_) {
    device.node->set_temperature(network_.now(), device.node->temperature(network_.now()) + 1);
    network_.flush(device.host);
  }
  bounded = bounded && network_.run_until(end + kQuiet + kLastChange);
  if (!bounded) complaints_.add(network_.now(), "the world doesn't come to rest");
  expect_convergence(network_.now());
  operations_end_once_.at_end(network_.now());
  execute_at_most_once_.at_end(network_.now(), logs_);
  for (const auto& [endpoint, log] : logs_) {
    for (const auto& [argument, count] : log.executed) report_.executed += static_cast<std::uint64_t>(count);
  }
  report_.complaints = complaints_.all();
  report_.datagrams = network_.sent();
  report_.trace = network_.trace();
  return report_;
}

}  // namespace drover::sim
