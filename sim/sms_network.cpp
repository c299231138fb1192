// SPDX-License-Identifier: Apache-2.0
#include "sim/sms_network.hpp"

#include <utility>

namespace drover::sim {

// ---- the network

Duration SmsNetwork::some(Duration least, Duration most) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(most - least).count();
  return least + std::chrono::milliseconds(network_.rng().below(static_cast<std::uint32_t>(milliseconds) + 1));
}

void SmsNetwork::submit(Instant now, const std::string& from, sms::ShortMessage message) {
  ++sent_;
  const std::string to = std::exchange(message.msisdn, from);
  if (happens(link_.replay_permille)) {
    ++replayed_;
    deliver_at(now + some(link_.delay_max, link_.delay_max + link_.replay_within), to, message);
  }
  if (happens(link_.loss_permille)) return;
  if (happens(link_.alter_permille) && !message.user_data.empty()) {
    ++altered_;
    const auto at = network_.rng().below(static_cast<std::uint32_t>(message.user_data.size()));
    message.user_data[at] ^= static_cast<std::uint8_t>(1 + network_.rng().below(255));
  }
  if (happens(link_.duplicate_permille)) deliver_at(now + some(link_.delay_min, link_.delay_max), to, message);
  deliver_at(now + some(link_.delay_min, link_.delay_max), to, std::move(message));
}

void SmsNetwork::deliver_at(Instant when, const std::string& to, sms::ShortMessage message) {
  network_.at(when, [this, to, message = std::move(message)](Instant now) {
    if (const auto receiver = receivers_.find(to); receiver != receivers_.end()) receiver->second(now, message);
  });
}

// ---- a carrier

void MemoryCarrier::deliver(sms::ShortMessage message) {
  ++counters_.received;
  deliveries_.push_back(std::move(message));
}

void MemoryCarrier::submit(Instant now, sms::Submission submission) {
  ++counters_.sent;
  reports_.push_back({submission.id, sms::Report::What::Taken});
  network_.submit(now, msisdn_, std::move(submission.message));
}

std::optional<sms::ShortMessage> MemoryCarrier::poll_delivery() {
  if (deliveries_.empty()) return std::nullopt;
  auto first = std::move(deliveries_.front());
  deliveries_.pop_front();
  return first;
}

std::optional<sms::Report> MemoryCarrier::poll_report() {
  if (reports_.empty()) return std::nullopt;
  auto first = std::move(reports_.front());
  reports_.pop_front();
  return first;
}

// ---- a disk

sms::Counters CounterDisk::read(std::uint64_t key) const {
  const auto found = kept_.find(key);
  return found == kept_.end() ? sms::Counters{} : found->second;
}

bool CounterDisk::save(std::uint64_t key, const sms::Counters& counters) {
  sms::Counters& kept = kept_[key];
  const bool forward = counters.reserved >= kept.reserved && counters.received >= kept.received;
  kept = counters;
  return forward;
}

// ---- a host

SmsHost::SmsHost(Network& network, SmsNetwork& sms_network, std::string msisdn, const sms::Peers& peers,
                 CounterDisk& disk, std::uint64_t seed, Deliver deliver)
    : network_(network),
      sms_network_(sms_network),
      msisdn_(std::move(msisdn)),
      disk_(disk),
      rng_(seed),
      deliver_(std::move(deliver)),
      carrier_(sms_network, msisdn_),
      gateway_(sms::GatewaySettings{}, peers, rng_) {
  sms_network_.attach(msisdn_, [this](Instant now, const sms::ShortMessage& message) {
    carrier_.deliver(message);
    drain(now);
  });
}

SmsHost::~SmsHost() {
  *alive_ = false;
  sms_network_.detach(msisdn_);
}

void SmsHost::send(Instant now, const Transmit& transmit) {
  gateway_.send(now, transmit);
  drain(now);
}

void SmsHost::drain(Instant now) {
  if (draining_) return;  // an answer to what is being handed out
  draining_ = true;
  for (bool busy = true; busy;) {
    busy = false;
    for (; const auto wanted = gateway_.poll_save(); busy = true) {
      if (!disk_.save(wanted->key, wanted->counters)) gone_back_ = true;
      gateway_.saved(now, wanted->key);
    }
    for (; auto submission = gateway_.poll_submission(); busy = true) carrier_.submit(now, std::move(*submission));
    for (; const auto delivery = carrier_.poll_delivery(); busy = true) gateway_.handle_delivery(now, *delivery);
    for (; const auto report = carrier_.poll_report(); busy = true) gateway_.handle_report(now, *report);
    for (; const auto datagram = gateway_.poll_datagram(); busy = true) deliver_(now, {datagram->to, datagram->bytes});
    while (gateway_.poll_note()) {
    }
  }
  draining_ = false;
  schedule();
}

void SmsHost::schedule() {
  const auto deadline = gateway_.deadline();
  if (!deadline || (scheduled_ && *scheduled_ <= deadline->at)) return;
  scheduled_ = deadline->at;
  network_.at(deadline->at, [this, alive = alive_](Instant now) {
    if (!*alive) return;
    scheduled_.reset();
    gateway_.handle_timeout(now);
    drain(now);
  });
}

}  // namespace drover::sim
