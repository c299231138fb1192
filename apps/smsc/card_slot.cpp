// SPDX-License-Identifier: Apache-2.0
#include "card_slot.hpp"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/take_front.hpp"

namespace drover::smsc {

namespace toolkit = smartcard::toolkit;
namespace ins = smartcard::ins;
namespace tpdu = sms::tpdu;

namespace {

// +CME ERROR (3GPP TS 27.007 §9.2.1).
constexpr unsigned kNotFound = 22, kNoCard = 10, kMemoryFull = 20, kIncorrectParameters = 50;
constexpr std::uint8_t kStatus = 0xF2, kNoData = 0x0C;
constexpr std::uint8_t kChannelMask = 0x03;
/// Proactive commands that are answered one behind the other, lest a card keeps its modem busy.
constexpr int kProactiveMax = 64;

std::string upper_hex(ByteView bytes) {
  std::string text = to_hex(bytes);
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

std::vector<std::string> fields_of(const std::string& arguments) {
  std::vector<std::string> fields(1);
  for (const char c : arguments) {
    if (c == ',') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

std::optional<std::size_t> number(const std::string& text) {
  std::size_t value = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (bad != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Octets in hexadecimal digits, with quotes or without.
std::optional<Bytes> octets(const std::string& text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return from_hex(quoted ? std::string_view(text).substr(1, text.size() - 2) : std::string_view(text));
}

std::string line_of(const char* prefix, ByteView response) {
  const std::string digits = upper_hex(response);
  return prefix + std::to_string(digits.size()) + ",\"" + digits + "\"";
}

std::uint8_t sw1(ByteView response) { return response[response.size() - 2]; }

}  // namespace

void CardSlot::insert(std::unique_ptr<smartcard::uicc::Uicc> card) {
  card_ = std::move(card);
  terminal_.insert(card_.get());
  reset();
}

void CardSlot::reset() {
  opened_ = {};
  proactive_.reset();
  submits_.clear();
  if (card_ == nullptr) return;
  card_->reset();
  static_cast<void>(terminal_.connect());
  const smartcard::Command profile = toolkit::terminal_profile();
  const Bytes response = command(profile.cla, profile.ins, profile.p1, profile.p2, profile.data, false);
  if (sw1(response) == 0x91) fetch();
}

// ---- for the card

/// 3GPP TS 31.111 §7.1.1.1: 9000 and 91xx are acknowledged to the network, 9300 is "(U)SIM Application Toolkit busy".
CardSlot::Taken CardSlot::deliver(ByteView tpdu, const std::string& service_centre) {
  if (card_ == nullptr) return Taken::NotForIt;
  const auto delivered = toolkit::deliver(terminal_, tpdu, service_centre);
  if (delivered) {
    if (*delivered) fetch();
    return Taken::Yes;
  }
  const smartcard::Status status{delivered.error().status};
  if (status == smartcard::status::kUnknownInstruction || status == smartcard::status::kUnknownClass) {
    return Taken::NotForIt;
  }
  return status.sw1() == 0x93 ? Taken::Busy : Taken::Refused;
}

void CardSlot::fetch() {
  for (int i = 0; i < kProactiveMax && card_ != nullptr && !proactive_; ++i) {
    const auto command = toolkit::fetch(terminal_, 0);
    if (!command) return;
    proactive_ = *command;
    if (command->type == toolkit::kSendShortMessage) {
      const auto submit = tpdu::decode_submit(command->submit);
      if (submit) return submits_.push_back(*submit);
      answer(toolkit::kBeyondCapabilities);
    } else {
      answer(command->type == toolkit::kMoreTime ? toolkit::kPerformed : toolkit::kBeyondCapabilities);
    }
  }
}

/// Fetches the next one when there is one; within fetch() its loop does.
void CardSlot::answer(std::uint8_t result) {
  static_cast<void>(toolkit::answer(terminal_, *std::exchange(proactive_, std::nullopt), result));
}

std::optional<tpdu::Submit> CardSlot::poll_submit() { return take_front(submits_); }

void CardSlot::submitted(Sent sent) {
  if (!proactive_) return;
  const auto command = *std::exchange(proactive_, std::nullopt);
  const std::uint8_t result = sent == Sent::Yes      ? toolkit::kPerformed
                              : sent == Sent::NotNow ? toolkit::kNetworkBusy
                                                     : toolkit::kSmsError;
  const auto next = toolkit::answer(terminal_, command, result);
  if (next && *next) fetch();
}

void CardSlot::ask() {
  if (card_ == nullptr || proactive_) return;
  if (sw1(command(0x80, kStatus, 0, kNoData, {}, false)) == 0x91) fetch();
}

// ---- for the host

Bytes CardSlot::command(std::uint8_t cla, std::uint8_t ins, std::uint8_t p1, std::uint8_t p2, ByteView data,
                        bool answered) {
  smartcard::Command command{cla, ins, p1, p2, Bytes(data.begin(), data.end()), {}};
  if (answered) command.expected = 1;
  const auto encoded = smartcard::encode(command);
  return card_->transmit(encoded ? *encoded : Bytes());
}

/// The response as it comes, 61xx and 6Cxx included: they are the host's.
tl::expected<Bytes, unsigned> CardSlot::exchange(const std::string& length, const std::string& quoted,
                                                 std::optional<std::uint8_t> channel) {
  if (card_ == nullptr) return tl::unexpected(kNoCard);
  auto command = octets(quoted);
  const auto digits = number(length);
  if (!command || !digits || *digits != command->size() * 2) return tl::unexpected(kIncorrectParameters);
  if (channel && !command->empty()) {
    (*command)[0] = static_cast<std::uint8_t>(((*command)[0] & ~kChannelMask) | *channel);
  }
  Bytes response = card_->transmit(*command);
  if (sw1(response) == 0x91) fetch();
  return response;
}

CardSlot::Answer CardSlot::pass(const std::string& arguments) {
  const auto fields = fields_of(arguments);
  if (card_ == nullptr) return tl::unexpected(kNoCard);
  if (fields.size() != 2) return tl::unexpected(kIncorrectParameters);
  const auto response = exchange(fields[0], fields[1], std::nullopt);
  if (!response) return tl::unexpected(response.error());
  return line_of("+CSIM: ", *response);
}

CardSlot::Answer CardSlot::open(const std::string& arguments) {
  if (card_ == nullptr) return tl::unexpected(kNoCard);
  const auto name = octets(arguments);
  if (!name || name->empty() || name->size() > 16) return tl::unexpected(kIncorrectParameters);
  const Bytes opened = command(0x00, ins::kManageChannel, 0x00, 0x00, {}, true);
  if (opened.size() != 3 || opened[0] >= kChannelsEnd) return tl::unexpected(kMemoryFull);
  constexpr std::uint8_t kByName = 0x04, kNothing = 0x0C;
  const Bytes selected = command(opened[0], ins::kSelect, kByName, kNothing, *name, false);
  if (selected.size() != 2 || (selected[0] != 0x90 && selected[0] != 0x91)) {
    command(0x00, ins::kManageChannel, 0x80, opened[0], {}, false);
    return tl::unexpected(kNotFound);
  }
  opened_[opened[0]] = true;
  if (sw1(selected) == 0x91) fetch();
  return "+CCHO: " + std::to_string(opened[0]);
}

CardSlot::Answer CardSlot::pass_on_channel(const std::string& arguments) {
  const auto fields = fields_of(arguments);
  if (card_ == nullptr) return tl::unexpected(kNoCard);
  if (fields.size() != 3) return tl::unexpected(kIncorrectParameters);
  const auto channel = number(fields[0]);
  if (!channel || *channel >= kChannelsEnd || !opened_[*channel]) return tl::unexpected(kIncorrectParameters);
  const auto response = exchange(fields[1], fields[2], static_cast<std::uint8_t>(*channel));
  if (!response) return tl::unexpected(response.error());
  return line_of("+CGLA: ", *response);
}

CardSlot::Answer CardSlot::close(const std::string& arguments) {
  if (card_ == nullptr) return tl::unexpected(kNoCard);
  const auto channel = number(arguments);
  if (!channel || *channel >= kChannelsEnd || !std::exchange(opened_[*channel], false)) {
    return tl::unexpected(kIncorrectParameters);
  }
  command(0x00, ins::kManageChannel, 0x80, static_cast<std::uint8_t>(*channel), {}, false);
  return "";
}

}  // namespace drover::smsc
