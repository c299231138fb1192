// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/devices.hpp"

#include <algorithm>
#include <utility>

#include "coap/parameters.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::swarm {
namespace {

using std::chrono::seconds;

constexpr Duration kAckTimeout = seconds(2);             // ACK_TIMEOUT, RFC 7252 §4.8
constexpr std::uint8_t kMaxRetransmit = 4;               // MAX_RETRANSMIT
constexpr Duration kSeparateResponseWait = seconds(93);  // MAX_TRANSMIT_WAIT
constexpr Duration kRetryRegister = seconds(30);         // after a refusal or silence
constexpr const char* kTimeout = "timeout";

coap::Token token_of(std::uint32_t value) {
  const std::array<std::uint8_t, 4> bytes{static_cast<std::uint8_t>(value >> 24),
                                          static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 8),
                                          static_cast<std::uint8_t>(value)};
  return coap::Token::of(ByteView(bytes));
}

coap::MessageId take_id(coap::MessageId& next) {
  return std::exchange(next, {static_cast<std::uint16_t>(next.value + 1)});
}

std::string last_segment(const std::string& location) {
  return location.substr(location.rfind('/') + 1);
}

}  // namespace

Devices::Devices(const Options& options, Rng& rng, Send send, Associations* associations)
    : rng_(rng),
      send_(std::move(send)),
      associations_(associations),
      answers_(options.sensors),
      options_(options),
      update_every_(seconds(options.update_every > 0 ? options.update_every
                                                     : std::max<std::uint32_t>(1, options.lifetime / 4 * 3))),
      notify_every_(seconds(options.notify_every)),
      devices_(options.count) {
  lwm2m::Register shared;
  shared.lifetime = options.lifetime;
  shared.version = "1.0";
  shared.binding = "U";
  shared.announcement = answers_.announcement();
  register_ = std::move(shared);
  for (Device& device : devices_) {
    device.lifetime = options.lifetime;
    device.next_id.value = static_cast<std::uint16_t>(rng_.next());
  }
}

Readings Devices::readings(std::uint32_t device) const {
  return {number(device), devices_[device].lifetime, devices_[device].changes};
}

Duration Devices::up_to_half_more(Duration least) {
  return least + Duration(static_cast<Duration::rep>(rng_.below(static_cast<std::uint32_t>(least.count() / 2))));
}

// ---- exchanges of the devices' own ----------------------------------------------------------------------------------

bool Devices::begin(Instant now, std::uint32_t index, Exchange exchange) {
  Device& device = devices_[index];
  if (device.under_way != Exchange::None || exchange == Exchange::None) return false;
  if (exchange != Exchange::Register && !device.registered) return false;
  device.under_way = exchange;
  ++outstanding_;
  device.connecting = associations_ != nullptr && !associations_->is_up(index);
  if (device.connecting) {
    associations_->connect(now, index);
  } else {
    start(now, index);
  }
  return true;
}

void Devices::start(Instant now, std::uint32_t index) {
  Device& device = devices_[index];
  device.attempts = 0;
  device.acknowledged = false;
  device.own = take_id(device.next_id);
  device.token = static_cast<std::uint32_t>(rng_.next());
  device.first_sent = now;
  transmit(now, index);
}

void Devices::send(Instant now, std::uint32_t index, Bytes bytes) {
  if (associations_ == nullptr) return send_(index, std::move(bytes));
  associations_->send(now, index, bytes);
}

void Devices::handle_association(Instant now, const Associations::Event& event) {
  Device& device = devices_[event.device];
  if (event.up) {
    if (std::exchange(device.connecting, false)) start(now, event.device);
    return;
  }
  // A newer one may stand already.
  if (associations_->is_up(event.device)) return;
  if (device.under_way != Exchange::None && !device.connecting) return finish(now, event.device, "association lost");
  if (std::exchange(device.connecting, false)) {
    device.under_way = Exchange::None;  // the handshake is what failed, and counts as that
    --outstanding_;
  }
  unregister(device);
  plan(now, event.device, Exchange::Register);
}

void Devices::unregister(Device& device) {
  if (!std::exchange(device.registered, false)) return;
  --registered_;
}

coap::Request Devices::request_of(std::uint32_t index) {
  const Device& device = devices_[index];
  if (device.under_way == Exchange::Register) {
    auto& shared = std::get<lwm2m::Register>(register_);
    shared.endpoint = options_.endpoint(index);
    shared.lifetime = device.lifetime;
    return lwm2m::mapping::to_request(register_);
  }
  if (device.under_way == Exchange::Update) {
    lwm2m::Update update;
    update.location = device.location;
    if (device.update_wanted) update.lifetime = device.lifetime;
    return lwm2m::mapping::to_request(lwm2m::Uplink(std::move(update)));
  }
  return lwm2m::mapping::to_request(lwm2m::Uplink(lwm2m::Deregister{device.location}));
}

void Devices::transmit(Instant now, std::uint32_t index) {
  Device& device = devices_[index];
  coap::Request request = request_of(index);
  coap::Message message;
  message.type = coap::Type::Confirmable;
  message.code = request.method;
  message.id = device.own;
  message.token = token_of(device.token);
  message.options = std::move(request.options);
  message.payload = std::move(request.payload);
  send(now, index, coap::encode(message));
  if (device.attempts > 0) ++activity_.retransmissions;
  // A fresh draw each time stays within the range of RFC 7252 §4.2 and needs no memory of the first one.
  exchanges_.set(index, now + up_to_half_more(kAckTimeout * (1 << device.attempts)));
  ++device.attempts;
}

void Devices::after_success(Device& device, Exchange exchange) {
  if (exchange == Exchange::Register && !device.registered) {
    device.registered = true;
    ++registered_;
  }
  if (exchange == Exchange::Deregister) unregister(device);
}

void Devices::finish(Instant now, std::uint32_t index, const std::optional<std::string>& error) {
  Device& device = devices_[index];
  const Exchange ended = std::exchange(device.under_way, Exchange::None);
  exchanges_.cancel(index);
  --outstanding_;
  Count& count = counts_[ended];
  if (error) {
    ++count.errors[*error];
    unregister(device);
    // The server may not know it any more; keys of before a restart are gone (RFC 6347 §4.2.8).
    if (associations_ != nullptr && *error == kTimeout) associations_->drop(index);
  } else {
    ++count.done;
    count.latencies.add(now - device.first_sent);
    after_success(device, ended);
  }
  plan(now, index, ended);
}

/// The next exchange that the device begins by itself.
void Devices::plan(Instant now, std::uint32_t index, Exchange ended) {
  Device& device = devices_[index];
  if (ended == Exchange::Update) device.update_wanted = false;
  if (ended == Exchange::Deregister) return;
  if (device.reboot_wanted || (device.update_wanted && device.registered)) {
    exchanges_.set(index, now);
  } else if (device.registered) {
    exchanges_.set(index, now + update_every_);
  } else {
    exchanges_.set(index, now + (ended == Exchange::Update ? Duration::zero() : up_to_half_more(kRetryRegister)));
  }
}

void Devices::handle_timeout(Instant now) {
  while (const auto due = exchanges_.pop_due(now)) {
    Device& device = devices_[*due];
    if (device.under_way == Exchange::None) {
      const bool restarted = std::exchange(device.reboot_wanted, false);
      if (restarted && associations_ != nullptr) associations_->drop(*due);
      const bool anew = restarted || !device.registered;
      begin(now, *due, anew ? Exchange::Register : Exchange::Update);
    } else if (device.acknowledged || device.attempts > kMaxRetransmit) {
      finish(now, *due, kTimeout);
    } else {
      transmit(now, *due);
    }
  }
  while (const auto due = notifications_.pop_due(now)) notify(now, *due);
}

std::optional<Instant> Devices::deadline() const {
  const auto exchange = exchanges_.next();
  const auto notification = notifications_.next();
  if (!exchange) return notification;
  return notification ? std::min(*exchange, *notification) : *exchange;
}

// ---- what the server sends ------------------------------------------------------------------------------------------

void Devices::handle_datagram(Instant now, std::uint32_t index, ByteView bytes) {
  auto message = coap::decode(bytes);
  Device& device = devices_[index];
  if (!message) {
    ++activity_.malformed;
    const coap::Malformed& failure = message.error();
    if (failure.has_header && failure.type == coap::Type::Confirmable) send_empty(now, index, coap::Type::Reset, failure.id);
  } else if (message->code.is_request()) {
    handle_request(now, index, *message);
  } else if (message->code.is_response()) {
    handle_response(now, index, *message);
  } else if (message->type == coap::Type::Reset) {
    handle_reset(now, index, message->id);
  } else if (message->type == coap::Type::Confirmable) {
    send_empty(now, index, coap::Type::Reset, message->id);  // a ping, RFC 7252 §4.3
  } else if (message->type == coap::Type::Acknowledgement && device.under_way != Exchange::None &&
             message->id == device.own) {
    device.acknowledged = true;
    exchanges_.set(index, now + kSeparateResponseWait);
  } else {
    ++activity_.unmatched;
  }
}

void Devices::handle_response(Instant now, std::uint32_t index, const coap::Message& message) {
  Device& device = devices_[index];
  const bool piggybacked = message.type == coap::Type::Acknowledgement;
  const bool fits = device.under_way != Exchange::None && message.token == token_of(device.token) &&
                    (!piggybacked || message.id == device.own);
  if (message.type == coap::Type::Confirmable) {
    send_empty(now, index, fits ? coap::Type::Acknowledgement : coap::Type::Reset, message.id);
  }
  if (!fits) {
    ++activity_.unmatched;
    return;
  }
  if (message.code.is_success() && device.under_way == Exchange::Register) {
    device.location = last_segment(message.options.location_path());
    if (device.location.empty()) return finish(now, index, "no location");
  }
  finish(now, index, message.code.is_success() ? std::nullopt : std::optional(message.code.to_string()));
}

void Devices::handle_reset(Instant now, std::uint32_t index, coap::MessageId id) {
  Device& device = devices_[index];
  if (device.under_way != Exchange::None && id == device.own) return finish(now, index, "reset");
  if (device.observations) {
    auto& all = *device.observations;
    const auto found = std::find_if(all.begin(), all.end(), [&](const Observation& one) { return one.last == id; });
    if (found != all.end()) return end_observation(device, index, static_cast<std::size_t>(found - all.begin()));
  }
  ++activity_.unmatched;
}

void Devices::handle_request(Instant now, std::uint32_t index, coap::Message& message) {
  Device& device = devices_[index];
  const bool confirmable = message.type == coap::Type::Confirmable;
  if (!device.answer.empty() && message.id == device.theirs) {
    ++activity_.repeated_requests;
    send(now, index, device.answer);
    return;
  }
  coap::Message answer;
  answer.type = confirmable ? coap::Type::Acknowledgement : coap::Type::NonConfirmable;
  answer.id = confirmable ? message.id : take_id(device.next_id);
  answer.token = message.token;
  coap::Response response;
  if (message.options.bad_critical()) {
    response.code = coap::code::kBadOption;
  } else {
    const coap::Request request{message.code, std::move(message.options), std::move(message.payload)};
    const auto operation = lwm2m::mapping::to_downlink(request, "");
    if (!operation) {
      response = lwm2m::mapping::to_response(operation.error());
    } else {
      Effects effects;
      response = lwm2m::mapping::to_response(answers_.answer(*operation, readings(index), effects));
      if (response.code.is_success() && observe(now, device, index, *operation, message.token)) {
        response.options.set_observe(1);
      }
      if (effects.lifetime) device.lifetime = *effects.lifetime;
      device.update_wanted = device.update_wanted || effects.update;
      device.reboot_wanted = device.reboot_wanted || effects.reboot;
      if ((effects.update || effects.reboot) && device.under_way == Exchange::None) exchanges_.set(index, now);
    }
  }
  answer.code = response.code;
  answer.options = std::move(response.options);
  answer.payload = std::move(response.payload);
  device.answer = coap::encode(answer);
  device.theirs = message.id;
  ++activity_.requests_answered;
  send(now, index, device.answer);
}

void Devices::send_empty(Instant now, std::uint32_t index, coap::Type type, coap::MessageId id) {
  coap::Message message;
  message.type = type;
  message.id = id;
  send(now, index, coap::encode(message));
}

// ---- observations ---------------------------------------------------------------------------------------------------

bool Devices::observe(Instant now, Device& device, std::uint32_t index, const lwm2m::Downlink& operation,
                      const coap::Token& token) {
  const bool begins = std::holds_alternative<lwm2m::Observe>(operation);
  if (!begins && !std::holds_alternative<lwm2m::CancelObservation>(operation)) return false;
  if (!device.observations) device.observations = std::make_unique<std::vector<Observation>>();
  auto& all = *device.observations;
  const auto found = std::find_if(all.begin(), all.end(), [&](const Observation& one) { return one.token == token; });
  if (found != all.end()) end_observation(device, index, static_cast<std::size_t>(found - all.begin()));
  if (!begins || all.size() >= kObservationsMax) return false;
  const auto& observe = std::get<lwm2m::Observe>(operation);
  all.push_back({observe.path, observe.accept, token, {}, 1});
  ++activity_.observations;
  if (!notifications_.is_set(index)) notifications_.set(index, now + notify_every_);
  return true;
}

void Devices::end_observation(Device& device, std::uint32_t index, std::size_t at) {
  device.observations->erase(device.observations->begin() + static_cast<std::ptrdiff_t>(at));
  if (device.observations->empty()) notifications_.cancel(index);
}

void Devices::notify(Instant now, std::uint32_t index) {
  Device& device = devices_[index];
  if (!device.observations || device.observations->empty()) return;
  ++device.changes;
  for (Observation& observation : *device.observations) {
    coap::Response response =
        lwm2m::mapping::to_response(answers_.read(observation.path, observation.accept, readings(index)));
    coap::Message message;
    message.type = coap::Type::NonConfirmable;
    message.code = response.code;
    message.id = observation.last = take_id(device.next_id);
    message.token = observation.token;
    message.options = std::move(response.options);
    message.options.set_observe(++observation.number);
    message.payload = std::move(response.payload);
    send(now, index, coap::encode(message));
    ++activity_.notifications;
  }
  notifications_.set(index, now + notify_every_);
}

PhaseReport Devices::take_report(Exchange exchange) {
  Count count = std::exchange(counts_[exchange], Count{});
  PhaseReport report;
  report.done = count.done;
  report.latencies = count.latencies;
  report.errors = std::move(count.errors);
  return report;
}

}  // namespace drover::swarm
