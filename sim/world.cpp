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
const lwm2m::Path kRights(2, DeviceNode::kTemperatureAccess, 2);

constexpr std::array kRadios = {link::kLan, link::kLteM, link::kNbIot, link::kLossy, link::kReordering};

/// After the faults: longer than the longest wait between two tries of a client and the longest lifetime together.
constexpr Duration kQuiet = hours(3);
/// The last change of every temperature, and the time its notification has.
constexpr Duration kLastChange = minutes(10);

/// How long a device may be switched off at most: some registrations expire, others don't.
constexpr std::uint32_t kOffSecondsMax = 5400;

}  // namespace

World::World(const lwm2m::model::Registry& definitions, const WorldSettings& settings)
    : definitions_(definitions), settings_(settings), network_(settings.seed) {
  if (settings.bootstrap) make_provisioning();
  for (std::size_t index = 0; index < settings.servers; ++index) {
    Server server;
    ServerNode::Setup setup;
    setup.shards = settings.shards;
    setup.seed = (settings.seed ^ 0x5E12E12) + index;
    if (settings.secure) setup.credentials = &known_;
    if (provisioning_) setup.credentials = &provisioning_->store().source(store::Purpose::Server);
    setup.dtls.watcher = &nonces_;
    setup.dtls.ticket_secret = Secret<Bytes>(Bytes(32, static_cast<std::uint8_t>(index)));
    server.node = std::make_unique<ServerNode>(setup);
    server.host = network_.attach(address_of_server(index), server.node.get(), link::kLan);
    server.node->on_event = [this, index](Instant now, const server::Event& event) { on_event(now, index, event); };
    server.node->on_done = [this, index](Instant now, const server::OperationDone& done) { on_done(now, index, done); };
    server.registrations_make_sense = std::make_unique<RegistrationsMakeSense>(complaints_);
    servers_.push_back(std::move(server));
  }
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
  for (const Server& server : servers_) device.setup.servers.push_back(network_.address(server.host));
  if (provisioning_) {
    equip(device);
  } else if (settings_.secure) {
    const std::string key = "key of " + device.endpoint;
    known_.psks[device.endpoint] = key;
    device.setup.credential = security::PskCredential{device.endpoint, Secret<Bytes>(to_bytes(key))};
    device.setup.dtls.watcher = &nonces_;
    if (settings_.one_without_id_in > 0 && network_.rng().below(settings_.one_without_id_in) == 0) {
      device.setup.dtls.connection_id = false;
      ++report_.without_id;
    }
  }
  device.setup.lifetime = 300 + static_cast<std::uint32_t>(network_.rng().below(3300));
  device.host = network_.attach(fresh_address(), nullptr, kRadios[index % kRadios.size()]);
  devices_.push_back(std::move(device));
  const Duration start = seconds(network_.rng().below(600));
  network_.at(Instant{} + start, [this, index](Instant now) { switch_on(devices_[index], now); });
}

void World::switch_on(Device& device, Instant now) {
  if (device.node) return;
  if (device.disk && network_.rng().below(4) == 0) device.setup.wall_offset += some_time(hours(1)) - minutes(30);
  device.setup.seed = network_.rng().next();
  periods_are_kept_.forget(device.endpoint);
  DeviceWatcher* watcher = this;
  device.node = std::make_unique<DeviceNode>(definitions_, device.setup, logs_[device.endpoint], watcher);
  network_.replace(device.host, device.node.get());
  device.node->start(now);
  if (provisioning_) {
    provisioning_->configuration_is_whole.started(now, device.endpoint, device.node->client(), device.adoption_lost);
    device.adoption_lost = false;
  }
  network_.flush(device.host);
}

void World::switch_off(Device& device, Instant now, Duration off) {
  network_.replace(device.host, nullptr);
  device.node.reset();
  const std::size_t index = static_cast<std::size_t>(&device - devices_.data());
  network_.at(now + off, [this, index](Instant at) { switch_on(devices_[index], at); });
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
      if (device.node && !device.setup.dtls.connection_id) ++report_.rebindings_without_id;
      network_.move(device.host, fresh_address());
      break;
    case 1:  // the device gets another address, and knows it
      network_.move(device.host, fresh_address());
      if (device.node) device.node->address_changed(now);
      break;
    case 2:  // power fails, and comes back
      if (device.node && device.disk && network_.rng().below(3) == 0) {
        device.node->release(now);
        network_.flush(device.host);
      }
      return switch_off(device, now, seconds(network_.rng().below(kOffSecondsMax)));
    case 3: network_.set_link(device.host, link::kDown); break;
    default: network_.set_link(device.host, kRadios[network_.rng().below(kRadios.size())]); break;
  }
  network_.flush(device.host);
}

void World::operation(Instant now) {
  const std::string& endpoint = some_device().endpoint;
  const auto server = static_cast<std::size_t>(network_.rng().below(static_cast<std::uint32_t>(servers_.size())));
  if (provisioning_ && network_.rng().below(8) == 0) {
    return ask(now, server, endpoint, lwm2m::Read{lwm2m::Path(0), std::nullopt, false});  // its keys
  }
  switch (network_.rng().below(8)) {
    case 0: return ask(now, server, endpoint, lwm2m::Read{lwm2m::Path(3, 0), std::nullopt, false});
    case 1: return ask(now, server, endpoint, lwm2m::Discover{lwm2m::Path(3303)});
    case 2: {
      const std::string offset = "+0" + std::to_string(network_.rng().below(10)) + ":00";
      return ask(now, server, endpoint,
                 lwm2m::Write{kUtcOffset, lwm2m::Write::Mode::Replace, lwm2m::format::kText, to_bytes(offset)});
    }
    case 3:
    case 4: return write_attributes(now, server, endpoint);
    case 5:
      if (servers_.size() > 1) return change_rights(now, endpoint);
      [[fallthrough]];
    default: {
      const std::string argument = std::to_string(tickets_ + 1);
      return ask(now, server, endpoint, lwm2m::Execute{kReset, "0='" + argument + "'"}, argument);
    }
  }
}

void World::write_attributes(Instant now, std::size_t server, const std::string& endpoint) {
  const auto number = [&](std::uint32_t below) { return std::to_string(network_.rng().below(below)); };
  lwm2m::WriteAttributes write{kTemperature, {}};
  if (network_.rng().below(3) == 0) write.path = kTemperature.prefix(2);
  switch (network_.rng().below(4)) {
    case 0: write.attributes = {"pmin=" + number(60), "pmax=" + std::to_string(60 + network_.rng().below(600))}; break;
    case 1: write.attributes = {"pmin=" + number(120)}; break;
    case 2: write.attributes = {"pmin", "pmax"}; break;
    // Of one resource only: at the instance it is refused.
    default:
      write.attributes = {"gt=" + std::to_string(25 + network_.rng().below(10)), "lt=" + number(10), "st"};
      break;
  }
  ask(now, server, endpoint, write);
}

/// The owner, server 1, gives one of the others or all of them other rights to the temperature.
void World::change_rights(Instant now, const std::string& endpoint) {
  const auto whose = static_cast<std::uint8_t>(network_.rng().below(static_cast<std::uint32_t>(servers_.size()) + 1));
  if (whose == 1) return;
  constexpr std::uint8_t kTlvResourceInstance = 0x41;  // identifier and length of a byte each (Core §6.4.3)
  const auto rights = static_cast<std::uint8_t>(network_.rng().below(8));
  ask(now, 0, endpoint,
      lwm2m::Write{kRights, lwm2m::Write::Mode::Update, lwm2m::format::kTlv,
                   Bytes{0x83, 2, kTlvResourceInstance, whose, rights}});
}

void World::change(Instant now) {
  Device& device = some_device();
  if (!device.node) return;
  device.node->set_temperature(now, static_cast<double>(network_.rng().below(4000)) / 100);
  network_.flush(device.host);
}

void World::restart(Instant now) {
  const auto index = static_cast<std::size_t>(network_.rng().below(static_cast<std::uint32_t>(servers_.size())));
  Server& server = servers_[index];
  const bool graceful = network_.rng().below(3) != 0;
  // A clock that is set while the server is down: a quarter of an hour in either direction.
  const Duration jump = network_.rng().below(2) == 0 ? seconds(0) : seconds(network_.rng().below(1800)) - minutes(15);
  std::erase_if(asked_, [&](const auto& asked) {
    if (asked.second.server != index || asked.second.durable) return false;
    operations_end_once_.forget(server::Ticket{asked.first});
    return true;
  });
  ++(graceful ? report_.restarts : report_.kills);
  server.node->restart(now, graceful, jump);
  network_.flush(server.host);
}

void World::ask(Instant now, std::size_t server, const std::string& endpoint, const lwm2m::Downlink& operation,
                std::string argument) {
  const server::Ticket ticket{++tickets_};
  ++report_.operations;
  const bool durable = network_.rng().below(2) == 0;
  asked_[ticket.value] = {server, endpoint, std::move(argument), std::holds_alternative<lwm2m::Observe>(operation),
                          durable};
  operations_end_once_.asked(ticket);
  server::OperationSettings settings;
  settings.durable = durable;
  servers_[server].node->operate(now, ticket, endpoint, operation, settings);
  network_.flush(servers_[server].host);
}

void World::observe(Instant now, std::size_t server, const std::string& endpoint) {
  ask(now, server, endpoint, lwm2m::Observe{kTemperature, lwm2m::format::kText, false});
}

void World::on_done(Instant now, std::size_t server, const server::OperationDone& done) {
  operations_end_once_.done(now, done.ticket);
  const auto asked = asked_.find(done.ticket.value);
  if (asked == asked_.end()) return;
  if (const auto* outcome = std::get_if<lwm2m::Outcome>(&done.result)) {
    ++report_.answered;
    if (provisioning_) provisioning_->secrets_stay_secret.said(now, "an answer", as_text(outcome->payload));
    if (!asked->second.argument.empty() && outcome->status == lwm2m::Status::Changed) {
      execute_at_most_once_.confirmed(asked->second.endpoint, asked->second.argument);
    }
  }
  const auto* no_answer = std::get_if<server::NoAnswer>(&done.result);
  if (asked->second.observe && no_answer != nullptr && *no_answer == server::NoAnswer::Timeout) {
    network_.at(now, [this, server, endpoint = asked->second.endpoint](Instant at) { observe(at, server, endpoint); });
  }
  asked_.erase(asked);
}

void World::on_event(Instant now, std::size_t server, const server::Event& event) {
  servers_[server].registrations_make_sense->event(now, event);
  if (provisioning_) provisioning_->secrets_stay_secret.said(now, event);
  if (event.kind == server::EventKind::Registered) {
    ++report_.registrations;
    // A command of its own: the server is in the middle of draining what it has to say.
    network_.at(now, [this, server, endpoint = event.endpoint](Instant at) { observe(at, server, endpoint); });
  }
  if (event.kind == server::EventKind::Notification && event.outcome && lwm2m::is_success(event.outcome->status)) {
    ++report_.notifications;
    const auto value = lwm2m::content::from_text(lwm2m::DataType::Float, as_text(event.outcome->payload));
    if (value) {
      servers_[server].last_seen[event.endpoint] = std::get<double>(*value);
    } else {
      complaints_.add(now, event.endpoint + " notified something that isn't a number");
    }
  }
}

// ---- what devices do
// -------------------------------------------------------------------------------------------------

void World::reported(Instant now, const std::string& endpoint, client::ServerId server, const coap::Message& message,
                     const client::Client& client) {
  periods_are_kept_.reported(now, endpoint, server, message, client);
}

void World::heard(Instant, const std::string& endpoint, client::ServerId server, const coap::Message& message) {
  periods_are_kept_.heard(endpoint, server, message);
}

void World::served(Instant now, const std::string& endpoint, const client::Served& served,
                   const client::Client& client) {
  access_is_checked_.served(now, endpoint, served, client);
  periods_are_kept_.changed(now, endpoint, client);
}

void World::registration_changed(Instant, const std::string& endpoint, client::ServerId server) {
  periods_are_kept_.forget(endpoint, server);
}

void World::heal(Instant now) {
  healed_ = true;
  end_thefts();
  if (settings_.flaw == Flaw::NoWayBack) {
    network_.set_link(provisioning_->host(), link::kDown);
    provisioning_->revoke(now, devices_.front().endpoint);
  }
  for (Device& device : devices_) {
    network_.set_link(device.host, link::kLan);
    if (device.node) device.node->fail_at(DeviceNode::Failure::Never);
    switch_on(device, now);
  }
}

void World::expect_convergence(Instant now) {
  for (const Device& device : devices_) {
    if (!device.node->is_registered()) complaints_.add(now, device.endpoint + " doesn't think that it is registered");
  }
  for (std::size_t server = 0; server < servers_.size(); ++server) expect_convergence(now, server);
}

void World::expect_convergence(Instant now, std::size_t server) {
  std::map<std::string, server::DeviceView> registered;
  for (const server::DeviceView& device : servers_[server].node->devices()) registered[device.endpoint] = device;
  const std::string where = " with server " + std::to_string(server + 1);
  if (registered.size() != devices_.size()) {
    complaints_.add(
        now, std::to_string(registered.size()) + " of " + std::to_string(devices_.size()) + " are registered" + where);
  }
  for (const Device& device : devices_) {
    const auto view = registered.find(device.endpoint);
    if (view == registered.end()) {
      complaints_.add(now, device.endpoint + " isn't registered" + where);
    } else if (view->second.address.as(transport::Kind::Udp) != network_.address(device.host)) {
      complaints_.add(now, device.endpoint + " is registered with an old address" + where);
    }
    const auto& last_seen = servers_[server].last_seen;
    const auto seen = last_seen.find(device.endpoint);
    if (seen == last_seen.end() || seen->second != device.node->temperature(now)) {
      complaints_.add(now, device.endpoint + "'s last notified value isn't its value" + where);
    }
  }
}

WorldReport World::run() {
  every(settings_.fault_every, &World::fault);
  every(settings_.operation_every, &World::operation);
  every(settings_.change_every, &World::change);
  if (settings_.secure) every(settings_.restart_every, &World::restart);
  if (provisioning_) every(settings_.trouble_every, &World::trouble);
  if (provisioning_) every(settings_.theft_every, &World::theft);
  const Instant end = Instant{} + settings_.length;
  for (Instant at = Instant{} + minutes(1); at < end; at += minutes(1)) {
    network_.at(at, [this](Instant now) {
      for (const Server& server : servers_) {
        const auto wall = std::chrono::floor<seconds>(now.time_since_epoch() + server.node->wall_offset()).count();
        server.registrations_make_sense->visible(now, server.node->devices(), wall);
      }
      if (provisioning_ && now.time_since_epoch() % hours(1) == Duration{}) look_at_keys(now);
      for (const Device& device : devices_) {
        if (device.node) periods_are_kept_.tick(now, device.endpoint, device.node->client());
      }
    });
  }
  bool bounded = network_.run_until(end);
  heal(network_.now());
  bounded = bounded && network_.run_until(end + kQuiet);
  // Everybody may read again, and asks again with nothing in the way.
  for (Device& device : devices_) {
    device.node->open_access(network_.now());
    network_.flush(device.host);
    for (std::size_t server = 0; server < servers_.size(); ++server) {
      for (const lwm2m::Path& path : {kTemperature, kTemperature.prefix(2)}) {
        ask(network_.now(), server, device.endpoint, lwm2m::WriteAttributes{path, {"pmin", "pmax", "gt", "lt", "st"}});
      }
      observe(network_.now(), server, device.endpoint);
    }
  }
  bounded = bounded && network_.run_until(end + kQuiet + kLastChange);
  for (Device& device : devices_) {
    device.node->set_temperature(network_.now(), device.node->temperature(network_.now()) + 1);
    network_.flush(device.host);
  }
  bounded = bounded && network_.run_until(end + kQuiet + 2 * kLastChange);
  if (!bounded) complaints_.add(network_.now(), "the world doesn't come to rest");
  expect_convergence(network_.now());
  operations_end_once_.at_end(network_.now());
  execute_at_most_once_.at_end(network_.now(), logs_);
  for (const auto& [endpoint, log] : logs_) {
    for (const auto& [argument, count] : log.executed) report_.executed += static_cast<std::uint64_t>(count);
  }
  report_.refusals = access_is_checked_.refusals();
  report_.held_periods = periods_are_kept_.held();
  report_.records = nonces_.count();
  report_.handshakes = nonces_.lines.size() / 2;  // both ends
  if (nonces_.reused > 0) complaints_.add(network_.now(), std::to_string(nonces_.reused) + " nonces were used twice");
  if (provisioning_) report_provisioning(network_.now());
  report_.schedule = network_.schedule();
  report_.complaints = complaints_.all();
  report_.datagrams = network_.sent();
  report_.trace = network_.trace();
  return report_;
}

}  // namespace drover::sim
