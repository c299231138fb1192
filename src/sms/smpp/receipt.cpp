// SPDX-License-Identifier: Apache-2.0
#include "sms/smpp/receipt.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace drover::sms::smpp {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::array kStates{MessageState::EnRoute,       MessageState::Delivered, MessageState::Expired,
                             MessageState::Deleted,       MessageState::Undeliverable, MessageState::Accepted,
                             MessageState::Unknown,       MessageState::Rejected};

constexpr std::size_t kRelativeDaysMax = 31;
constexpr int kCentury = 2000;
constexpr int kDaysOfMonth = 30, kDaysOfYear = 365;  // of a relative time

/// What stands behind `name`, up to the next space.
std::optional<std::string_view> field(std::string_view text, std::string_view name) {
  const auto begin = text.find(name);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(begin + name.size());
  return rest.substr(0, rest.find(' '));
}

std::optional<MessageState> state_of(std::string_view name) {
  for (const MessageState state : kStates) {
    if (name == to_string(state)) return state;
  }
  return std::nullopt;
}

std::optional<int> number(std::string_view digits) {
  int value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + (digit - '0');
  }
  return value;
}

/// "YYMMDDhhmm".
std::string date(UnixSeconds at) {
  const std::chrono::sys_seconds time{seconds(at)};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day civil(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const auto two = [](auto value) {
    const auto reduced = static_cast<unsigned>(static_cast<long>(value) % 100);
    return std::string{static_cast<char>('0' + reduced / 10), static_cast<char>('0' + reduced % 10)};
  };
  return two(static_cast<int>(civil.year())) + two(static_cast<unsigned>(civil.month())) +
         two(static_cast<unsigned>(civil.day())) + two(clock.hours().count()) + two(clock.minutes().count());
}

/// Year, month, day, hours, minutes, seconds of both forms.
using SixNumbers = std::array<int, 6>;

Duration from_relative(const SixNumbers& at) {
  return days(std::int64_t{at[0]} * kDaysOfYear + std::int64_t{at[1]} * kDaysOfMonth + at[2]) + hours(at[3]) +
         minutes(at[4]) + seconds(at[5]);
}

std::optional<Duration> from_absolute(const SixNumbers& at, std::string_view zone, UnixSeconds now) {
  const std::chrono::year_month_day day(std::chrono::year(kCentury + at[0]),
                                        std::chrono::month(static_cast<unsigned>(at[1])),
                                        std::chrono::day(static_cast<unsigned>(at[2])));
  const auto quarters = number(zone.substr(0, 2));
  if (!day.ok() || !quarters || at[3] > 23 || at[4] > 59 || at[5] > 59) return std::nullopt;
  const auto local = std::chrono::sys_days(day) + hours(at[3]) + minutes(at[4]) + seconds(at[5]);
  const auto offset = minutes(15 * *quarters);
  const std::chrono::sys_seconds utc = zone.back() == '+' ? local - offset : local + offset;
  return std::max<Duration>(utc - std::chrono::sys_seconds(seconds(now)), Duration::zero());
}

}  // namespace

const char* to_string(MessageState state) {
  switch (state) {
    case MessageState::EnRoute: return "ENROUTE";
    case MessageState::Delivered: return "DELIVRD";
    case MessageState::Expired: return "EXPIRED";
    case MessageState::Deleted: return "DELETED";
    case MessageState::Undeliverable: return "UNDELIV";
    case MessageState::Accepted: return "ACCEPTD";
    case MessageState::Unknown: return "UNKNOWN";
    case MessageState::Rejected: return "REJECTD";
  }
  return "UNKNOWN";
}

std::optional<Receipt> read_receipt(const Message& message) {
  const std::string_view text = as_text(message.user_data());
  Receipt receipt;
  if (const Tlv* id = find(message.tlvs, tag::kReceiptedMessageId)) {
    receipt.message_id = as_text(id->value);
    receipt.message_id.resize(std::min(receipt.message_id.find('\0'), receipt.message_id.size()));
  } else if (const auto in_text = field(text, "id:")) {
    receipt.message_id = *in_text;
  }
  if (receipt.message_id.empty() || receipt.message_id.size() > kMessageIdMax) return std::nullopt;
  if (const Tlv* state = find(message.tlvs, tag::kMessageState); state != nullptr && state->value.size() == 1) {
    const auto known = std::find(kStates.begin(), kStates.end(), static_cast<MessageState>(state->value[0]));
    if (known == kStates.end()) return std::nullopt;
    receipt.state = *known;
    return receipt;
  }
  const auto state = state_of(field(text, "stat:").value_or(""));
  if (!state) return std::nullopt;
  receipt.state = *state;
  return receipt;
}

std::string receipt_text(const Receipt& receipt, UnixSeconds submitted, UnixSeconds done) {
  const bool delivered = receipt.state == MessageState::Delivered;
  return "id:" + receipt.message_id + " sub:001 dlvrd:" + (delivered ? "001" : "000") + " submit date:" +
         date(submitted) + " done date:" + date(done) + " stat:" + to_string(receipt.state) + " err:000 text:";
}

std::string relative_time(Duration duration) {
  const auto whole = std::clamp<std::int64_t>(std::chrono::ceil<seconds>(duration).count(), 0,
                                              seconds(days(kRelativeDaysMax)).count());
  // Days alone: months and years have no length that everybody agrees on. The field has 31 at most.
  const std::chrono::hh_mm_ss clock(seconds(whole % seconds(days(1)).count()));
  char text[64];
  std::snprintf(text, sizeof text, "0000%02d%02d%02d%02d000R", static_cast<int>(whole / seconds(days(1)).count()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

std::optional<Duration> read_time(std::string_view text, UnixSeconds now) {
  if (text.size() != kTimeMax) return std::nullopt;
  SixNumbers at{};
  for (std::size_t i = 0; i < at.size(); ++i) {
    const auto two = number(text.substr(2 * i, 2));
    if (!two) return std::nullopt;
    at[i] = *two;
  }
  const std::string_view zone = text.substr(12);
  if (!number(zone.substr(0, 1))) return std::nullopt;
  switch (zone.back()) {
    case 'R': return from_relative(at);
    case '+':
    case '-': return from_absolute(at, zone.substr(1), now);
    default: return std::nullopt;
  }
}

}  // namespace drover::sms::smpp
