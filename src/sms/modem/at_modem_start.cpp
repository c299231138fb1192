// SPDX-License-Identifier: Apache-2.0
// From a line that is open to a modem that is registered: echo, error codes, the SIM, PDU mode, routing.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "sms/modem/at_modem.hpp"

namespace drover::sms::modem {

namespace {

constexpr std::size_t kPinDigitsMin = 4, kPinDigitsMax = 8;  // 3GPP TS 31.101 §9.5.1
constexpr unsigned kPinTries = 3;

bool is_pin(std::string_view text) {
  return text.size() >= kPinDigitsMin && text.size() <= kPinDigitsMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// <mode>,<mt> of AT+CNMI (3GPP TS 27.005 §3.4.1): passed on at once, while the link is used held back (2) or not (1);
/// else stored, with a notice.
constexpr std::array<std::string_view, 4> kRoutings{"2,2", "1,2", "2,1", "1,1"};
/// <ds>: status reports passed on, stored with a notice, or neither.
constexpr std::array<std::string_view, 3> kReportRoutings{"1", "2", "0"};

/// What the SIM wants, where the modem says it as an error (3GPP TS 27.007 §9.2.1).
std::string sim_state_of(const ModemError& error) {
  constexpr int kPinRequired = 11, kPukRequired = 12, kNotInserted = 10;
  if (error.code == kPinRequired) return "SIM PIN";
  if (error.code == kPukRequired) return "SIM PUK";
  if (error.code == kNotInserted) return "NOT INSERTED";
  return "NOT READY";
}

}  // namespace

void AtModem::handle_start(Instant now, Job job, const Answer& answer) {
  // Right after its PIN a SIM is busy: what is refused for that isn't refused for good.
  const bool busy = answer.error && job > Job::EnterPin && remedy_of(*answer.error) == Remedy::Sim;
  if (busy) return wait_for_sim(now, "the SIM isn't ready: " + answer.error->to_string());
  switch (job) {
    case Job::Probe: step_ = Job::EchoOff; break;
    case Job::EchoOff:
      if (!answer.error) echo_ = Echo::Told;
      step_ = Job::ErrorCodes;
      break;
    case Job::ErrorCodes: step_ = Job::SimState; break;
    case Job::SimState: handle_sim_state(now, answer); break;
    case Job::SimTries: handle_sim_tries(now, answer); break;
    case Job::EnterPin:
      if (answer.error) pin_ = PinState::Refused;
      step_ = Job::SimState;
      pause_until_ = now + kBoot;
      break;
    case Job::PduMode:
      if (answer.error) return wait_for_sim(now, "the modem refuses PDU mode: " + answer.error->to_string());
      trouble_.clear();
      step_ = Job::Service;
      break;
    case Job::Service:
      acknowledges_ = !answer.error;
      step_ = answer.error ? Job::OldService : Job::Routing;
      break;
    case Job::OldService: step_ = Job::Routing; break;
    case Job::Routing: handle_routing(now, answer); break;
    case Job::Notices: begin_running(now); break;
    default: break;
  }
}

// ---- the SIM

void AtModem::handle_sim_state(Instant now, const Answer& answer) {
  if (!answer.lines.empty()) return handle_sim(now, fields_of(answer.lines.back().text)[0]);
  if (answer.error && answer.error->kind == ModemError::Kind::Plain) {
    return begin_messages(now);  // it knows no SIM
  }
  handle_sim(now, answer.error ? sim_state_of(*answer.error) : "NOT READY");
}

void AtModem::handle_sim(Instant now, const std::string& wants) {
  if (wants == "READY") {
    if (pin_ == PinState::Entered) pin_ = PinState::Right;
    trouble_.clear();
    sim_wait_ = CardAccess::State::NotYet;
    pause_until_ = now;
    begin_messages(now);
    return;
  }
  if (wants != "SIM PIN") {
    using State = CardAccess::State;
    if (wants == "SIM PUK") return wait_for_sim(now, "the SIM is locked and wants its PUK", State::Locked);
    if (wants == "NOT INSERTED") return wait_for_sim(now, "there is no SIM", State::Absent);
    if (wants == "NOT READY") return wait_for_sim(now, "the SIM isn't ready");
    return wait_for_sim(now, "the SIM or the modem wants another code", State::Locked);
  }
  if (may_enter_pin()) {
    step_ = Job::SimTries;
    return;
  }
  std::string why = "waiting for the SIM's PIN";
  if (pin_ == PinState::Entered || pin_ == PinState::Refused) why += ": the configured one was tried, once";
  if (pin_ == PinState::Withheld) why += ": the configured one isn't tried, since the SIM counts wrong ones";
  if (pin_ == PinState::Untried && !settings_.pin.empty()) why += ": the configured one isn't 4 to 8 digits";
  wait_for_sim(now, std::move(why), CardAccess::State::Locked);
}

bool AtModem::may_enter_pin() const {
  return (pin_ == PinState::Untried || pin_ == PinState::Right) && is_pin(settings_.pin.reveal());
}

/// 3GPP TS 27.007 §8.65: <code>,<retries>[,<default_retries>]. Many modems don't know it.
void AtModem::handle_sim_tries(Instant now, const Answer& answer) {
  if (!answer.error && !answer.lines.empty()) {
    const auto fields = fields_of(answer.lines.back().text);
    const auto left = fields.size() > 1 ? number_of(fields[1]) : std::nullopt;
    const auto all = fields.size() > 2 ? number_of(fields[2]) : std::nullopt;
    if (left && *left < all.value_or(kPinTries)) {
      pin_ = PinState::Withheld;
      step_ = Job::SimState;
      return handle_sim(now, "SIM PIN");
    }
  }
  // From here on it counts as tried: a modem that vanishes now may have passed it on.
  pin_ = PinState::Entered;
  step_ = Job::EnterPin;
}

/// The SIM is ready: what short messages want is next.
void AtModem::begin_messages(Instant now) {
  if (settings_.card_only) {
    begin_running(now);
  } else {
    step_ = Job::PduMode;
  }
}

/// Asks the same again, or the SIM's state.
void AtModem::wait_for_sim(Instant now, std::string why, CardAccess::State state) {
  if (step_ != Job::PduMode) step_ = Job::SimState;
  sim_wait_ = state;
  fail_apdu(ApduError::Kind::Refused, why);
  trouble_ = std::move(why);
  pause_until_ = now + kSimPoll;
}

// ---- routing

std::optional<std::string> AtModem::routing_command() const {
  // Without status reports only the last of kReportRoutings is of interest.
  const std::size_t first = settings_.status_reports ? 0 : kReportRoutings.size() - 1;
  const std::size_t reports = first + routing_ / kRoutings.size();
  if (reports >= kReportRoutings.size()) return std::nullopt;
  return "AT+CNMI=" + std::string(kRoutings[routing_ % kRoutings.size()]) + ",0," +
         std::string(kReportRoutings[reports]) + ",0";
}

void AtModem::handle_routing(Instant now, const Answer& answer) {
  if (answer.error) {
    ++routing_;
    if (routing_command()) return;
    no_notices_ = true;
  }
  step_ = Job::Notices;
  pause_until_ = now;
}

void AtModem::begin_running(Instant now) {
  step_ = Job::Running;
  registration_at_ = now;
  sweep_at_ = now;
}

// ---- the network

void AtModem::handle_registration(Instant now, Job job, const Answer& answer) {
  std::optional<unsigned> status;
  if (!answer.lines.empty()) {
    // <n>,<stat>[,...]; a notice between command and answer has <stat>[,"<lac>",...]: its second isn't a number.
    const auto fields = fields_of(answer.lines.back().text);
    status = fields.size() > 1 ? number_of(fields[1]) : std::nullopt;
    if (!status) status = number_of(fields[0]);
  }
  silences_ = 0;
  reopen_wait_ = kReopenFirst;
  if (job == Job::Registration) {
    constexpr unsigned kHome = 1;
    // A modem that doesn't know the command can only be tried.
    registration_ = answer.error ? std::optional(kHome) : status;
    asks_packet_ = !is_registered();
  } else {
    asks_packet_ = false;
    if (status && !answer.error) {
      const auto circuit = std::exchange(registration_, status);
      if (!is_registered()) registration_ = circuit;
    }
  }
  registration_at_ = now + (is_registered() ? kAlivePoll : kSearchPoll);
}

bool AtModem::is_registered() const {
  switch (registration_.value_or(0)) {  // 3GPP TS 27.007 §7.2
    case 1:                             // home
    case 5:                             // roaming
    case 6:                             // "SMS only", home
    case 7:                             // "SMS only", roaming
    case 9:                             // CSFB not preferred, home
    case 10:                            // CSFB not preferred, roaming
      return true;
    default: return false;
  }
}

std::string AtModem::registration_state() const {
  switch (registration_.value_or(0)) {
    case 2: return "searching for a network";
    case 3: return "the network denies the registration";
    case 5:
    case 7:
    case 10: return "registered with a network, roaming";
    default: return is_registered() ? "registered with the network" : "not registered with a network";
  }
}

std::string AtModem::start_state() const {
  if (!trouble_.empty()) return trouble_;
  if (step_ == Job::Probe) return "looking for the modem";
  if (step_ <= Job::EnterPin) return "asking for the SIM's state";
  return "setting the modem up";
}

}  // namespace drover::sms::modem
