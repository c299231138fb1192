// SPDX-License-Identifier: Apache-2.0
#include "io/sms_link.hpp"

#include <algorithm>
#include <utility>

namespace drover::io {

SmsLink::SmsLink(EventLoop& loop, std::unique_ptr<sms::Carrier> carrier, CarrierLine::Opener opener,
                 sms::GatewaySettings settings, const sms::Peers& peers, Rng& rng, Uses uses)
    : loop_(loop),
      carrier_(std::move(carrier)),
      gateway_(std::move(settings), peers, rng),
      uses_(std::move(uses)),
      line_(loop, *carrier_, std::move(opener), [this](Instant at) { drain(at); }) {
  waker_ = loop_.add_waker([this] { return next(); }, [this](Instant at) { wake(at); });
}

SmsLink::~SmsLink() {
  loop_.remove_waker(waker_);
}

void SmsLink::send(Instant at, const transport::Transmit& transmit) {
  gateway_.send(at, transmit);
  if (draining_) return;  // it is an answer to what is being handed out
  drain(at);
  line_.flush(at);
}

void SmsLink::submit(Instant at, sms::Submission submission) {
  carrier_->submit(at, std::move(submission));
  if (draining_) return;
  drain(at);
  line_.flush(at);
}

void SmsLink::drain(Instant at) {
  draining_ = true;
  for (bool busy = true; busy;) {
    save(at);
    busy = drain_gateway(at);
    busy = drain_carrier(at) || busy;
  }
  if (uses_.drained) uses_.drained(at);
  draining_ = false;
  std::string state = carrier_->state();
  if (state == told_state_) return;
  told_state_ = std::move(state);
  uses_.state(told_state_, carrier_->is_ready());
}

void SmsLink::save(Instant at) {
  while (const auto wanted = gateway_.poll_save()) unsaved_[wanted->key] = *wanted;
  if (unsaved_.empty() || (save_again_at_ && at < *save_again_at_)) return;
  save_again_at_.reset();
  while (!unsaved_.empty()) {
    const auto first = unsaved_.begin();
    if (const auto saved = uses_.save(first->second); !saved) {
      uses_.note({"", "counters can't be saved, so secured packets wait: " + saved.error().reason});
      save_again_at_ = at + kSaveAgain;
      return;
    }
    const std::uint64_t key = first->first;
    unsaved_.erase(first);
    gateway_.saved(at, key);
    while (const auto wanted = gateway_.poll_save()) unsaved_[wanted->key] = *wanted;
  }
}

bool SmsLink::drain_gateway(Instant at) {
  bool busy = false;
  for (; auto submission = gateway_.poll_submission(); busy = true) carrier_->submit(at, std::move(*submission));
  for (; const auto datagram = gateway_.poll_datagram(); busy = true) {
    uses_.datagram(at, {datagram->to, datagram->bytes});
  }
  while (const auto note = gateway_.poll_note()) uses_.note(*note);
  return busy;
}

bool SmsLink::drain_carrier(Instant at) {
  bool busy = false;
  for (; const auto delivery = carrier_->poll_delivery(); busy = true) {
    const bool for_card = delivery->pid == sms::kPidUsimDataDownload && delivery->dcs == sms::kDcs8BitClass2;
    if (for_card && uses_.card_message && uses_.card_message(*delivery)) continue;
    gateway_.handle_delivery(at, *delivery);
  }
  for (; const auto report = carrier_->poll_report(); busy = true) {
    gateway_.handle_report(at, *report);
    if (uses_.report) uses_.report(*report);
  }
  return busy;
}

void SmsLink::wake(Instant at) {
  gateway_.handle_timeout(at);
  drain(at);
  line_.flush(at);
}

std::optional<Instant> SmsLink::next() const {
  std::optional<Instant> at = save_again_at_;
  if (const auto deadline = gateway_.deadline(); deadline && (!at || deadline->at < *at)) at = deadline->at;
  return at;
}

}  // namespace drover::io
