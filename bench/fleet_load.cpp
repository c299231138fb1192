// SPDX-License-Identifier: Apache-2.0
#include "bench/fleet_load.hpp"

#include <algorithm>
#include <cassert>
#include <string>

#include "coap/message/message.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::bench {
namespace {

constexpr lwm2m::InstanceId kSensors = 8;  // with /1/0 and /3/0: ten object links
constexpr std::size_t kIdAt = 2;           // RFC 7252 §3

Bytes encode(coap::Request request, std::uint16_t id) {
  coap::Message message;
  message.code = request.method;
  message.id = {id};
  message.token = coap::Token::of(ByteView(std::array<std::uint8_t, 4>{1, 2, 3, 4}));
  message.options = std::move(request.options);
  message.payload = std::move(request.payload);
  return coap::encode(message);
}

lwm2m::Register registration(const char* binding) {
  lwm2m::Register request;
  request.lifetime = 86400;
  request.version = "1.0";
  request.binding = binding;
  request.queue = request.binding->find('Q') != std::string::npos;
  request.announcement.objects = {{1, std::nullopt, {0}}, {3, std::nullopt, {0}}, {3303, std::nullopt, {}}};
  for (lwm2m::InstanceId i = 0; i < kSensors; ++i) request.announcement.objects.back().instances.push_back(i);
  return request;
}

}  // namespace

FleetLoad::FleetLoad(std::uint32_t devices, const char* binding)
    : step_(kUpdateEvery / devices), registration_(registration(binding)), updates_(devices) {}

std::string FleetLoad::name(std::uint32_t device) {
  return "urn:dev:os:bench-" + std::to_string(device);
}

transport::PeerAddress FleetLoad::address(std::uint32_t device) const {
  return transport::PeerAddress::v4(0x0A000000 + device, 5683);
}

std::vector<Bytes> FleetLoad::say(std::uint32_t device, ByteView bytes) {
  if (const auto deadline = shard_->deadline(); deadline && deadline->at <= now_) shard_->handle_timeout(now_);
  shard_->handle_datagram(now_, {address(device), bytes});
  std::vector<Bytes> said;
  while (auto transmit = shard_->poll_transmit()) said.push_back(std::move(transmit->bytes));
  while (shard_->poll_event()) {
  }
  while (shard_->poll_mail()) {
  }
  return said;
}

Bytes FleetLoad::exchange(std::uint32_t device, ByteView bytes) {
  now_ += step_;
  std::vector<Bytes> said = say(device, bytes);
  return said.empty() ? Bytes{} : std::move(said.front());
}

std::vector<Bytes> FleetLoad::wake(std::uint32_t device) {
  Datagram& datagram = updates_[device];
  ++round_;
  datagram.bytes[kIdAt] = static_cast<std::uint8_t>(round_ >> 8);
  datagram.bytes[kIdAt + 1] = static_cast<std::uint8_t>(round_);
  return say(device, ByteView(datagram.bytes).first(datagram.size));
}

void FleetLoad::remember_update(std::uint32_t device, const Bytes& created) {
  const auto message = coap::decode(created);
  assert(message && message->code == coap::code::kCreated);
  const std::string location = message->options.location_path();
  lwm2m::Update update;
  update.location = location.substr(location.rfind('/') + 1);
  const Bytes bytes = encode(lwm2m::mapping::to_request(lwm2m::Uplink(update)), 0);
  assert(bytes.size() <= kDatagramMax);
  std::copy(bytes.begin(), bytes.end(), updates_[device].bytes.begin());
  updates_[device].size = static_cast<std::uint8_t>(bytes.size());
}

Bytes FleetLoad::register_datagram(std::uint32_t device, std::uint16_t id) {
  std::get<lwm2m::Register>(registration_).endpoint = name(device);
  return encode(lwm2m::mapping::to_request(registration_), id);
}

void FleetLoad::register_all() {
  server::ShardConfig config;
  config.events = false;
  shard_ = std::make_unique<server::Shard>(config, rng_);
  for (std::uint32_t device = 0; device < devices(); ++device) {
    remember_update(device, exchange(device, register_datagram(device, 0xFFFF)));
  }
}

void FleetLoad::prepare_registers() {
  for (std::uint32_t device = 0; device < devices(); ++device) registers_.push_back(register_datagram(device, 0));
}

void FleetLoad::register_again() {
  if (next_ == 0) ++round_;
  Bytes& datagram = registers_[next_];
  datagram[kIdAt] = static_cast<std::uint8_t>(round_ >> 8);
  datagram[kIdAt + 1] = static_cast<std::uint8_t>(round_);
  const Bytes answer = exchange(next_, datagram);
  assert(answer.size() >= 2 && answer[1] == coap::code::kCreated.value);
  advance();
}

void FleetLoad::advance() {
  ++answered_;
  next_ = next_ + 1 == devices() ? 0 : next_ + 1;
}

void FleetLoad::update() {
  // A device's ids ascend; none comes twice within EXCHANGE_LIFETIME.
  if (next_ == 0) ++round_;
  Datagram& datagram = updates_[next_];
  datagram.bytes[kIdAt] = static_cast<std::uint8_t>(round_ >> 8);
  datagram.bytes[kIdAt + 1] = static_cast<std::uint8_t>(round_);
  const Bytes answer = exchange(next_, ByteView(datagram.bytes).first(datagram.size));
  assert(answer.size() >= 2 && answer[1] == coap::code::kChanged.value);
  advance();
}

}  // namespace drover::bench
