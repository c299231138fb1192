// SPDX-License-Identifier: Apache-2.0
#include "sms/modem/at_modem.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <variant>

#include "base/take_front.hpp"

namespace drover::sms::modem {

namespace {

/// What modems of several makers say when they begin, or stop.
constexpr std::array<std::string_view, 5> kResetLines{"RDY", "SYSSTART", "^SYSSTART", "NORMAL POWER DOWN",
                                                      "POWERED DOWN"};

bool is_silence(const Answer& answer) {
  return answer.error && answer.error->kind == ModemError::Kind::Silence;
}

}  // namespace

AtModem::AtModem(ModemSettings settings) : settings_(std::move(settings)) {}

std::optional<ShortMessage> AtModem::poll_delivery() {
  return take_front(deliveries_);
}

std::optional<Report> AtModem::poll_report() {
  return take_front(reports_);
}

// ---- the line

void AtModem::line_opened(Instant now) {
  if (std::exchange(opened_before_, true)) ++counters_.restarts;
  open_ = true;
  hung_ = false;
  reopen_at_.reset();
  silences_ = 0;
  queue_.reset();
  // Whoever used the modem before may have left it at a prompt.
  queue_.escape();
  restart(now, kFlush);
}

void AtModem::line_closed(Instant now, std::string reason) {
  give_back_sending(now);
  ++card_session_;
  fail_apdu(ApduError::Kind::Restarted, "the line to the modem broke: " + reason);
  queue_.reset();
  open_ = false;
  hung_ = false;
  line_trouble_ = std::move(reason);
  reopen_at_ = now + reopen_wait_;
  reopen_wait_ = std::min(reopen_wait_ * 2, kReopenMax);
}

void AtModem::line_received(Instant now, ByteView bytes) {
  if (!open_) return;
  queue_.receive(now, bytes);
  advance(now);
}

void AtModem::handle_timeout(Instant now) {
  if (reopen_at_ && now >= *reopen_at_) reopen_at_.reset();
  if (open_ && !hung_) queue_.handle_timeout(now);
  advance(now);
  expire(now);
}

// ---- one job after the other

void AtModem::advance(Instant now) {
  for (;;) {
    while (auto arrival = queue_.poll_arrival()) {
      std::visit([&](const auto& what) { handle(now, what); }, *arrival);
    }
    if (!open_ || hung_ || !queue_.is_idle() || now < pause_until_) break;
    if (step_ == Job::Running && now >= sweep_at_ && !settings_.card_only) begin_sweep(now);
    const auto job = next_job(now);
    if (!job) break;
    ask(now, *job);
  }
  counters_.malformed = unreadable_ + queue_.malformed();
}

std::optional<AtModem::Job> AtModem::next_job(Instant now) const {
  // The network waits for these.
  if (unacknowledged_ > 0) return Job::Acknowledge;
  if (declined_ > 0) return Job::Decline;
  if (step_ != Job::Running) return step_;
  if (apdu_) return Job::Card;
  if (settings_.card_only) {
    // Asked for as a sign of life alone.
    return now >= registration_at_ ? std::optional(Job::Registration) : std::nullopt;
  }
  if (asks_packet_) return Job::PacketRegistration;
  if (now >= registration_at_) return Job::Registration;
  const auto storage = storage_job();
  const bool can_send = is_ready() && sendable(now) != nullptr;
  if (can_send && (!storage || !sent_last_)) return Job::Send;
  return storage;
}

void AtModem::ask(Instant now, Job job) {
  if (job == Job::Send) begin_sending(now);
  sent_last_ = job == Job::Send;
  Command command = command_for(job);
  command.tag = static_cast<std::uint64_t>(job);
  queue_.push(now, std::move(command));
}

Command AtModem::command_for(Job job) const {
  const auto simple = [](std::string text, Duration timeout, std::string prefix = "") {
    return Command{0, std::move(text), std::move(prefix), {}, timeout, {}};
  };
  switch (job) {
    case Job::Probe: return simple("AT", kProbeTimeout);
    case Job::EchoOff: return simple("ATE0", kCommandTimeout);
    case Job::ErrorCodes: return simple("AT+CMEE=1", kCommandTimeout);
    case Job::SimState: return simple("AT+CPIN?", kSimTimeout, "+CPIN:");
    case Job::SimTries: return simple("AT+CPINR=\"SIM PIN\"", kSimTimeout, "+CPINR:");
    case Job::EnterPin: return simple("AT+CPIN=\"" + settings_.pin.reveal() + "\"", kSimTimeout);
    case Job::PduMode: return simple("AT+CMGF=0", kCommandTimeout);
    case Job::Service: return simple("AT+CSMS=1", kSimTimeout, "+CSMS:");
    case Job::OldService: return simple("AT+CSMS=0", kSimTimeout, "+CSMS:");
    case Job::Routing: return simple(routing_command().value_or("AT"), kCommandTimeout);
    case Job::Notices: return simple("AT+CREG=1", kCommandTimeout);
    case Job::Running: break;
    case Job::Registration: return simple("AT+CREG?", kCommandTimeout, "+CREG:");
    case Job::PacketRegistration: return simple("AT+CEREG?", kCommandTimeout, "+CEREG:");
    case Job::Acknowledge: return simple("AT+CNMA", kCommandTimeout);
    case Job::Decline: return simple("AT+CNMA=2", kCommandTimeout);
    case Job::SelectStorage:
      return simple("AT+CPMS=\"" + wanted_storage().value_or("") + "\"", kSimTimeout, "+CPMS:");
    case Job::List: return simple("AT+CMGL=4", kStorageTimeout, "+CMGL:");
    case Job::Read: return simple("AT+CMGR=" + std::to_string(to_read_.front().index), kSimTimeout, "+CMGR:");
    case Job::Delete: return simple("AT+CMGD=" + std::to_string(to_delete_.front().index), kSimTimeout);
    case Job::Send: return send_command();
    case Job::Card: return card_command();
  }
  return simple("AT", kCommandTimeout);
}

void AtModem::handle(Instant now, const Answer& answer) {
  const auto job = static_cast<Job>(answer.tag);
  if (is_silence(answer)) return handle_silence(now, job);
  const bool reset = answer.echoed && echo_ == Echo::Off;
  if (!answer.echoed && echo_ == Echo::Told) echo_ = Echo::Off;
  // The card was reset with it: what answered isn't the channel that was meant.
  if (reset) fail_apdu(ApduError::Kind::Restarted, "the modem began anew");
  switch (job) {
    case Job::Registration:
    case Job::PacketRegistration: handle_registration(now, job, answer); break;
    case Job::Acknowledge:
    case Job::Decline: handle_acknowledged(job, answer); break;
    case Job::SelectStorage:
    case Job::List:
    case Job::Read:
    case Job::Delete: handle_storage(job, answer); break;
    case Job::Send: handle_sent(now, answer); break;
    case Job::Card: handle_apdu(now, answer); break;
    default: handle_start(now, job, answer); break;
  }
  // It forgot ATE0, and with it the rest of what it was told.
  if (reset) handle_reset(now);
}

void AtModem::handle(Instant now, const Line& line) {
  const auto is = [&](std::string_view prefix) { return line.text.starts_with(prefix); };
  const bool message = is("+CMT") || is("+CDS") || is("+CBM:");
  if (settings_.card_only && message) return;
  if (is("+CMT:") || is("+CDS:")) return handle_routed(line);
  if (is("+CMTI:") || is("+CDSI:")) return handle_notice(line);
  if (is("+CBM:")) {
    ++counters_.foreign;
  } else if (is("+CREG:") || is("+CEREG:")) {
    // Which of the two networks it is about doesn't matter: both are asked, if need be.
    if (step_ == Job::Running) registration_at_ = now;
  } else if (is("+CPIN:")) {
    const std::string wants = fields_of(line.text)[0];
    if (step_ == Job::SimState && queue_.is_idle()) {
      handle_sim(now, wants);
    } else if (step_ == Job::Running && wants != "READY") {
      if (wants == "NOT INSERTED") fail_apdu(ApduError::Kind::NoCard, "the card was taken out of the modem");
      give_back_sending(now);
      restart(now, kBoot);
    }
  } else if (std::find(kResetLines.begin(), kResetLines.end(), line.text) != kResetLines.end()) {
    handle_reset(now);
  }
}

void AtModem::handle_acknowledged(Job job, const Answer& answer) {
  constexpr int kNoneExpected = 340;
  if (!answer.error) {
    --(job == Job::Acknowledge ? unacknowledged_ : declined_);
    return;
  }
  unacknowledged_ = declined_ = 0;
  // A modem that misses one stops to pass messages on until it is told again (3GPP TS 27.005 §3.4.4).
  const bool late = answer.error->kind == ModemError::Kind::Cms && answer.error->code == kNoneExpected;
  if (!late && step_ == Job::Running) {
    routing_ = 0;
    step_ = Job::Routing;
  }
}

/// Begins to set the modem up, from the beginning.
void AtModem::restart(Instant now, Duration pause) {
  queue_.cancel();
  ++card_session_;
  sim_wait_ = CardAccess::State::NotYet;
  fail_apdu(ApduError::Kind::Restarted, "the modem began anew");
  step_ = Job::Probe;
  pause_until_ = now + pause;
  echo_ = Echo::On;
  trouble_.clear();
  acknowledges_ = false;
  routing_ = 0;
  no_notices_ = false;
  registration_.reset();
  asks_packet_ = false;
  unacknowledged_ = declined_ = 0;
  storage_.clear();
  sweep_.clear();
}

void AtModem::handle_reset(Instant now) {
  ++counters_.restarts;
  give_back_sending(now);
  restart(now, kBoot);
}

void AtModem::handle_silence(Instant now, Job job) {
  if (job == Job::Send) give_back_sending(now);
  if (job == Job::Card) fail_apdu(ApduError::Kind::Silence, "no answer of the modem to AT+CSIM");
  ++counters_.retried;
  if (++silences_ >= kSilencesMax) {
    hung_ = true;
    queue_.cancel();
    ++card_session_;
    fail_apdu(ApduError::Kind::Restarted, "the modem doesn't answer any more");
    return;
  }
  restart(now, CommandQueue::kQuiet);
}

// ---- what others see

bool AtModem::is_ready() const {
  return open_ && !hung_ && step_ == Job::Running && is_registered() && !settings_.card_only;
}

std::string AtModem::state() const {
  if (!open_) return line_trouble_.empty() ? "the line isn't open yet" : "the line is closed: " + line_trouble_;
  if (hung_) return "the modem doesn't answer";
  if (step_ != Job::Running) return start_state();
  return settings_.card_only ? "used for its card alone" : registration_state();
}

std::optional<Deadline> AtModem::deadline() const {
  std::optional<Deadline> first;
  const auto add = [&first](std::optional<Instant> at, Reason reason) {
    if (at && (!first || *at < first->at)) first = Deadline{*at, reason};
  };
  add(reopen_at_, Reason::Line);
  if (open_ && !hung_) {
    add(queue_.deadline(), Reason::Line);
    if (queue_.is_idle()) {
      const bool running = step_ == Job::Running;
      const Instant next = settings_.card_only ? registration_at_ : std::min(registration_at_, sweep_at_);
      add(std::max(pause_until_, running ? next : pause_until_), Reason::Line);
    }
  }
  add(next_submission(), Reason::Retry);
  return first;
}

}  // namespace drover::sms::modem
