// SPDX-License-Identifier: Apache-2.0
// The line, the mishaps, and messages in both directions.
#include "virtual_modem.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "base/take_front.hpp"

namespace drover::smsc {

namespace tpdu = sms::tpdu;

namespace {

constexpr std::size_t kLineMax = 1024;
constexpr char kEscape = 0x1B, kSubstitute = 0x1A;  // 3GPP TS 27.005 §4.3
constexpr unsigned kInvalidPdu = 304, kNoNetwork = 331, kCongestion = 42;
constexpr std::uint8_t kClassMask = 0xF3, kClass2 = 0xF2;  // 3GPP TS 23.038 §4, data coding / message class
constexpr std::uint8_t kClassGroupMask = 0xD3, kClassGroup2 = 0x12;  // general data coding with a class

bool is_class_2(std::uint8_t dcs) {
  return (dcs & kClassMask) == kClass2 || ((dcs & 0x80U) == 0 && (dcs & kClassGroupMask) == kClassGroup2);
}

}  // namespace

void VirtualModem::say(std::string_view text) {
  if (!hangs_) output_ += text;
}

void VirtualModem::line(std::string_view text) { say("\r\n" + std::string(text) + "\r\n"); }

std::optional<Bytes> VirtualModem::poll_output() {
  if (output_.empty()) return std::nullopt;
  Bytes bytes = to_bytes(output_);
  output_.clear();
  return bytes;
}

void VirtualModem::receive(Instant now, ByteView bytes) {
  for (const std::uint8_t octet : bytes) {
    if (!hangs_) take(now, octet);
  }
}

void VirtualModem::take(Instant now, std::uint8_t octet) {
  const char character = static_cast<char>(octet);
  if (echo_) say(std::string_view(&character, 1));
  if (prompt_) {
    if (character == kEscape) {
      prompt_.reset();
      input_.clear();
      line("OK");
    } else if (character == kSubstitute) {
      const std::string text = std::exchange(input_, {});
      submit(text);
    } else if (input_.size() < kLineMax) {
      input_ += character;
    }
    return;
  }
  if (character == '\r' || character == '\n') {
    const std::string text = std::exchange(input_, {});
    if (!text.empty()) run(now, text);
  } else if (character == kEscape || character == kSubstitute) {
    input_.clear();
  } else if (input_.size() < kLineMax) {
    input_ += character;
  }
}

/// AT+CMGS=<length>.
void VirtualModem::prompt(const std::string& command) {
  const unsigned long length = std::strtoul(command.c_str() + sizeof("+CMGS=") - 1, nullptr, 10);
  if (length == 0 || length > tpdu::kTpduMax) {
    cms_error(kInvalidPdu);
    return;
  }
  prompt_ = length;
  say("\r\n> ");
}

void VirtualModem::submit(const std::string& text) {
  const std::size_t length = *std::exchange(prompt_, std::nullopt);
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits), [](char c) { return c > ' '; });
  const auto octets = tpdu::from_pdu_text(digits, length);
  const auto submit = octets ? tpdu::decode_submit(*octets) : tl::unexpected(octets.error());
  if (!submit) {
    cms_error(kInvalidPdu);
  } else if (!registered_) {
    cms_error(kNoNetwork);
  } else {
    submits_.push_back(*submit);
  }
}

std::optional<tpdu::Submit> VirtualModem::poll_submit() {
  is_cards_ = false;
  if (auto submit = take_front(submits_)) return submit;
  while (auto submit = card_.poll_submit()) {
    is_cards_ = true;
    if (registered_) return submit;
    card_.submitted(CardSlot::Sent::NotNow);
  }
  return std::nullopt;
}

std::uint8_t VirtualModem::submitted(std::optional<unsigned> error) {
  if (is_cards_) {
    const auto trouble = error == kCongestion ? CardSlot::Sent::NotNow : CardSlot::Sent::Never;
    card_.submitted(error ? trouble : CardSlot::Sent::Yes);
    return error ? std::uint8_t{0} : ++reference_;
  }
  if (error) {
    cms_error(*error);
    return 0;
  }
  line("+CMGS: " + std::to_string(++reference_));
  line("OK");
  return reference_;
}

void VirtualModem::deliver(Instant now, CopyId copy, const Message& message, UnixSeconds sent) {
  tpdu::Deliver deliver;
  deliver.originator = tpdu::Address::of(message.from);
  deliver.data = message.data;
  deliver.sent_at = sent;
  const auto octets = tpdu::encode(deliver);
  if (!octets) {
    done_.push_back({copy, Centre::Outcome::Refused});
    return;
  }
  const bool for_sim = is_class_2(message.data.dcs);
  incoming_.push_back({copy, *octets, for_sim, for_sim && message.data.pid == sms::kPidUsimDataDownload});
  flush(now);
}

void VirtualModem::tell(Instant now, const tpdu::StatusReport& report) {
  const auto octets = tpdu::encode(report);
  if (!octets || cnmi_[3] == 0) return;
  incoming_.push_back({std::nullopt, *octets});
  flush(now);
}

std::optional<VirtualModem::Done> VirtualModem::poll_done() { return take_front(done_); }

void VirtualModem::done(const Incoming& incoming, Centre::Outcome outcome) {
  if (incoming.copy) done_.push_back({*incoming.copy, outcome});
}

/// The network delivers one after the other, the next when the one before is acknowledged (3GPP TS 24.011 §2.2).
void VirtualModem::flush(Instant now) {
  while (!incoming_.empty() && !unacknowledged_ && !hangs_) {
    Incoming incoming = std::move(incoming_.front());
    incoming_.pop_front();
    route(now, std::move(incoming));
  }
}

void VirtualModem::route(Instant now, Incoming incoming) {
  const bool is_report = !incoming.copy;
  if (incoming.for_card && hand_to_card(incoming)) return;
  if (!is_report && (cnmi_[1] != 2 || incoming.for_sim)) return store(std::move(incoming));
  const std::string length = std::to_string(incoming.tpdu.size());
  line((is_report ? "+CDS: " : "+CMT: ,") + length + "\r\n" + tpdu::to_pdu_text(incoming.tpdu));
  if (csms_ == 0) return done(incoming, Centre::Outcome::Delivered);
  unacknowledged_ = std::move(incoming);
  acknowledge_until_ = now + settings_.acknowledge_wait;
}

/// False: it is to be stored.
bool VirtualModem::hand_to_card(const Incoming& incoming) {
  std::string service_centre;  // the host may have set what isn't a number
  std::copy_if(service_centre_.begin(), service_centre_.end(), std::back_inserter(service_centre),
               [](char c) { return c >= '0' && c <= '9'; });
  if (service_centre.size() > tpdu::kAddressDigitsMax) service_centre.clear();
  switch (card_.deliver(incoming.tpdu, service_centre)) {
    case CardSlot::Taken::Yes: done(incoming, Centre::Outcome::Delivered); return true;
    case CardSlot::Taken::Busy: done(incoming, Centre::Outcome::TryAgain); return true;
    case CardSlot::Taken::Refused: done(incoming, Centre::Outcome::Refused); return true;
    case CardSlot::Taken::NotForIt: break;
  }
  return false;
}

void VirtualModem::store(Incoming incoming) {
  if (stored_.size() >= settings_.storage) return done(incoming, Centre::Outcome::TryAgain);
  unsigned index = 1;
  while (stored_.contains(index)) ++index;
  done(incoming, Centre::Outcome::Delivered);
  stored_[index] = {false, std::move(incoming.tpdu)};
  if (cnmi_[1] != 0) line("+CMTI: \"SM\"," + std::to_string(index));
}

VirtualModem::Answer VirtualModem::acknowledge(Instant now, const std::string& command) {
  constexpr unsigned kNotExpected = 340;
  const std::string value = command.size() > sizeof("+CNMA=") - 1 ? command.substr(sizeof("+CNMA=") - 1) : "0";
  if (command == "+CNMA=?") {
    line("+CNMA: (0-2)");
    return Answer::Ok;
  }
  if (!unacknowledged_) return cms_error(kNotExpected);
  const Incoming incoming = *std::exchange(unacknowledged_, std::nullopt);
  done(incoming, value.starts_with('2') ? Centre::Outcome::TryAgain : Centre::Outcome::Delivered);
  line("OK");
  flush(now);
  return Answer::Given;
}

void VirtualModem::reset(Instant now) {
  hangs_ = false;
  echo_ = true;
  unlocked_ = false;
  cmee_ = csms_ = creg_ = 0;
  cnmi_ = {};
  input_.clear();
  prompt_.reset();
  output_.clear();
  submits_.clear();
  if (unacknowledged_) done(*unacknowledged_, Centre::Outcome::TryAgain);
  unacknowledged_.reset();
  for (const Incoming& incoming : incoming_) done(incoming, Centre::Outcome::TryAgain);
  incoming_.clear();
  card_.reset();
  line("RDY");
  flush(now);
}

void VirtualModem::hang(Instant now, bool hangs) {
  hangs_ = hangs;
  flush(now);
}

void VirtualModem::set_registered(bool registered) {
  if (registered_ == registered) return;
  registered_ = registered;
  if (!registered) {
    incoming_.clear();
    unacknowledged_.reset();
  }
  if (registered) card_.ask();
  if (creg_ != 0) line(registered ? "+CREG: 1" : "+CREG: 2");
}

void VirtualModem::handle_timeout(Instant now) {
  if (!unacknowledged_ || acknowledge_until_ > now) return;
  // 3GPP TS 27.005 §3.4.1: a host that doesn't acknowledge gets no more by +CMT.
  cnmi_[1] = 0;
  cnmi_[3] = 0;
  const Incoming incoming = *std::exchange(unacknowledged_, std::nullopt);
  done(incoming, Centre::Outcome::TryAgain);
  flush(now);
}

std::optional<Instant> VirtualModem::deadline() const {
  if (!unacknowledged_) return std::nullopt;
  return acknowledge_until_;
}

}  // namespace drover::smsc
