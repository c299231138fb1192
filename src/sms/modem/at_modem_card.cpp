// SPDX-License-Identifier: Apache-2.0
// The card in the modem: AT+CSIM (3GPP TS 27.007 §8.17).
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/take_front.hpp"
#include "sms/modem/at_modem.hpp"

namespace drover::sms::modem {

namespace {

using Kind = ApduError::Kind;

std::string upper_hex(ByteView bytes) {
  std::string digits = to_hex(bytes);
  std::transform(digits.begin(), digits.end(), digits.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  return digits;
}

/// Of the instruction alone: the rest of a command may be secret.
std::string name_of(std::uint8_t instruction) {
  constexpr std::uint8_t kManageChannel = 0x70, kSelect = 0xA4;
  if (instruction == kManageChannel) return "MANAGE CHANNEL";
  if (instruction == kSelect) return "SELECT";
  return "the instruction " + upper_hex(std::array{instruction});
}

/// 3GPP TS 27.007 §9.2.1.
bool is_prohibition(const ModemError& error) {
  constexpr int kNotAllowed = 3, kNotSupported = 4, kIncorrectParameters = 50;
  if (error.kind == ModemError::Kind::Plain) return true;
  return error.kind == ModemError::Kind::Cme &&
         (error.code == kNotAllowed || error.code == kNotSupported || error.code == kIncorrectParameters);
}

/// +CSIM: <length>,<response>, where <length> counts characters.
tl::expected<Bytes, std::string> read_response(std::string_view line) {
  const auto fields = fields_of(line);
  if (fields.size() != 2) return tl::unexpected<std::string>("+CSIM: it has no length and response");
  const auto length = number_of(fields[0]);
  if (!length || *length != fields[1].size()) {
    return tl::unexpected<std::string>("+CSIM: its response hasn't the length that it says");
  }
  auto response = from_hex(fields[1]);
  if (!response) return tl::unexpected<std::string>("+CSIM: its response isn't hexadecimal");
  if (response->size() < kResponseApduMin || response->size() > kResponseApduMax) {
    return tl::unexpected<std::string>("+CSIM: its response has " + std::to_string(response->size()) +
                                       " octets, which no response APDU has");
  }
  return std::move(*response);
}

}  // namespace

CardAccess AtModem::card_access() const {
  using State = CardAccess::State;
  if (!open_ || hung_) return {State::NotYet, card_session_};
  if (step_ == Job::Running) return {State::Usable, card_session_};
  return {step_ == Job::SimState ? sim_wait_ : State::NotYet, card_session_};
}

bool AtModem::transmit_apdu(Instant now, std::uint64_t id, Bytes command) {
  if (apdu_ || card_access().state != CardAccess::State::Usable) return false;
  if (command.size() < kCommandApduMin || command.size() > kCommandApduMax) return false;
  apdu_ = Apdu{id, std::move(command)};
  advance(now);
  return true;
}

std::optional<ApduAnswer> AtModem::poll_apdu_answer() {
  return take_front(apdu_answers_);
}

Command AtModem::card_command() const {
  const std::string digits = upper_hex(apdu_->command);
  Command command;
  command.text = "AT+CSIM=" + std::to_string(digits.size()) + ",\"" + digits + "\"";
  command.prefix = "+CSIM:";
  command.timeout = kCardTimeout;
  return command;
}

void AtModem::answer_apdu(tl::expected<Bytes, ApduError> response) {
  apdu_answers_.push_back({apdu_->id, std::move(response)});
  apdu_.reset();
}

/// Nothing happens when no command waits for its answer.
void AtModem::fail_apdu(ApduError::Kind kind, std::string reason) {
  if (apdu_) answer_apdu(tl::unexpected(ApduError{kind, std::move(reason)}));
}

void AtModem::handle_apdu(Instant now, const Answer& answer) {
  if (!apdu_) return;
  if (answer.error) return handle_apdu_refused(*answer.error);
  if (answer.lines.empty()) {
    // As behind AT+CMGS: that OK belongs to something else, and the two sides are out of step.
    fail_apdu(Kind::Malformed, "the modem says OK to AT+CSIM and gives no response");
    return handle_silence(now, Job::Card);
  }
  auto response = answer.lines.size() == 1
                      ? read_response(answer.lines.front().text)
                      : tl::unexpected<std::string>("+CSIM: more than one response to one command");
  if (!response) {
    ++unreadable_;
    return fail_apdu(Kind::Malformed, std::move(response.error()));
  }
  silences_ = 0;
  knows_csim_ = true;
  answer_apdu(std::move(*response));
}

void AtModem::handle_apdu_refused(const ModemError& error) {
  constexpr int kNotInserted = 10;
  const std::string said = error.to_string();
  if (error.kind == ModemError::Kind::Cme && error.code == kNotInserted) {
    return fail_apdu(Kind::NoCard, "there is no card in the modem: " + said);
  }
  const std::string what = name_of(apdu_->command[1]);
  if (!is_prohibition(error)) return fail_apdu(Kind::Refused, "the modem couldn't pass " + what + " to its card: " + said);
  std::string reason = "the modem doesn't let " + what + " through AT+CSIM: " + said;
  if (!knows_csim_) reason += " (it has let nothing through yet: maybe it doesn't know AT+CSIM)";
  fail_apdu(Kind::NotAllowed, std::move(reason));
}

}  // namespace drover::sms::modem
