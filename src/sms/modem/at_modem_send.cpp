// SPDX-License-Identifier: Apache-2.0
// Short messages that go: AT+CMGS, and what is done about refusals.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "sms/modem/at_modem.hpp"
#include "sms/tpdu.hpp"

namespace drover::sms::modem {

namespace {

/// The element with that number, of a const or another queue; null when there is none.
template <class Queue>
auto* with_number(Queue& queue, std::optional<std::uint64_t> number) {
  const auto found = std::find_if(queue.begin(), queue.end(), [&](const auto& one) { return one.number == number; });
  return found == queue.end() ? nullptr : &*found;
}

}  // namespace

void AtModem::submit(Instant now, Submission submission) {
  const auto tpdu =
      tpdu::encode(tpdu::to_submit(submission.message, submission.validity, settings_.status_reports));
  if (!tpdu) return fail(submission.id, tpdu.error().reason);
  if (settings_.card_only) return fail(submission.id, "the modem is used for its card alone");
  if (tpdu::alphabet_of(submission.message.dcs) != tpdu::Alphabet::Octets) {
    return fail(submission.id, "the user data isn't 8-bit data");
  }
  if (waiting_.size() >= kSubmissionsMax) return fail(submission.id, "queue full");
  Waiting waiting;
  waiting.number = next_number_++;
  waiting.id = submission.id;
  waiting.msisdn = std::move(submission.message.msisdn);
  waiting.tpdu = *tpdu;
  waiting.until = now + submission.validity;
  waiting_.push_back(std::move(waiting));
  advance(now);
}

void AtModem::fail(SubmissionId id, std::string reason) {
  ++counters_.failed;
  reports_.push_back({id, Report::What::Failed, std::move(reason)});
}

const AtModem::Waiting* AtModem::sendable(Instant now) const {
  if (now < hold_until_) return nullptr;
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
    return waiting.next_try <= now && waiting.until > now;
  });
  return found == waiting_.end() ? nullptr : &*found;
}

void AtModem::begin_sending(Instant now) {
  sending_ = sendable(now)->number;
  if (with_number(waiting_, sending_)->tries++ > 0) ++counters_.retried;
}

Command AtModem::send_command() const {
  const Bytes& tpdu = with_number(waiting_, sending_)->tpdu;
  Command command;
  command.text = "AT+CMGS=" + std::to_string(tpdu.size());
  command.prefix = "+CMGS:";
  command.payload = tpdu::to_pdu_text(tpdu);
  command.timeout = kPromptTimeout;
  command.payload_timeout = kSendTimeout;
  return command;
}

void AtModem::end_sending() {
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.number == sending_; });
  sending_.reset();
}

void AtModem::handle_sent(Instant now, const Answer& answer) {
  if (answer.error) {
    handle_refused(now, *answer.error);
    return expire(now);
  }
  // An OK without a reference belongs to something else: the two sides are out of step.
  if (answer.lines.empty()) return handle_silence(now, Job::Send);
  Waiting& sent = *with_number(waiting_, sending_);
  ++counters_.sent;
  reports_.push_back({sent.id, Report::What::Taken, {}});
  const auto reference = number_of(fields_of(answer.lines.back().text)[0]);
  if (settings_.status_reports && reference) {
    std::erase_if(awaited_, [&](const Awaited& other) {
      return other.reference == *reference && other.msisdn == sent.msisdn;
    });
    if (awaited_.size() == kAwaitedMax) awaited_.pop_front();
    awaited_.push_back({*reference, sent.msisdn, sent.id});
  }
  hold_wait_ = kRetryFirst;
  end_sending();
}

void AtModem::handle_refused(Instant now, const ModemError& error) {
  Waiting& refused = *with_number(waiting_, sending_);
  const Remedy remedy = remedy_of(error);
  refused.trouble = error.to_string();
  const bool unexplained = error.kind == ModemError::Kind::Plain && ++refused.unexplained >= kUnexplainedMax;
  if (remedy == Remedy::None || unexplained) {
    fail(refused.id, refused.trouble);
    return end_sending();
  }
  if (remedy == Remedy::Later) {
    hold_until_ = now + hold_wait_;
    hold_wait_ = std::min(hold_wait_ * 2, kRetryMax);
  } else {
    try_later(now, refused);
  }
  sending_.reset();
  if (remedy == Remedy::Sim) restart(now, kBoot);
}

void AtModem::try_later(Instant now, Waiting& waiting) {
  waiting.next_try = now + waiting.wait;
  waiting.wait = std::min(waiting.wait * 2, kRetryMax);
}

/// The line, or the modem, went away under it. Whether the network has it, nobody knows; a receiver of CoAP recognises
/// the second one.
void AtModem::give_back_sending(Instant now) {
  if (Waiting* waiting = with_number(waiting_, sending_)) {
    waiting->trouble = ModemError{ModemError::Kind::Silence, -1}.to_string();
    try_later(now, *waiting);
  }
  sending_.reset();
}

void AtModem::expire(Instant now) {
  for (const Waiting& waiting : waiting_) {
    if (waiting.until > now || waiting.number == sending_) continue;
    fail(waiting.id, "not sent while it was valid: " + (waiting.trouble.empty() ? state() : waiting.trouble));
  }
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.until <= now && waiting.number != sending_; });
}

std::optional<Instant> AtModem::next_submission() const {
  std::optional<Instant> first;
  const bool can_send = is_ready() && queue_.is_idle();
  for (const Waiting& waiting : waiting_) {
    if (waiting.number == sending_) continue;
    const Instant at = can_send ? std::min(waiting.until, std::max(hold_until_, waiting.next_try)) : waiting.until;
    if (!first || at < *first) first = at;
  }
  return first;
}

}  // namespace drover::sms::modem
