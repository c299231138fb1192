// SPDX-License-Identifier: Apache-2.0
// Delivery receipts, and times as SMPP writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "sms/smpp/pdu.hpp"

namespace drover::sms::smpp {

/// message_state (SMPP v3.4 §5.2.28).
enum class MessageState : std::uint8_t {
  EnRoute = 1,
  Delivered = 2,
  Expired = 3,
  Deleted = 4,
  Undeliverable = 5,
  Accepted = 6,
  Unknown = 7,
  Rejected = 8,
};
/// As a receipt's text says it: "DELIVRD", "EXPIRED" (SMPP v3.4 appendix B, "Message States").
const char* to_string(MessageState state);
/// The message's way is over.
constexpr bool is_final(MessageState state) {
  return state != MessageState::EnRoute && state != MessageState::Accepted;
}

struct Receipt {
  std::string message_id;
  MessageState state = MessageState::Unknown;
  friend bool operator==(const Receipt&, const Receipt&) = default;
};

/// deliver_sm as a receipt: its optional parameters go before its text. Nothing when neither names a message and what
/// became of it.
std::optional<Receipt> read_receipt(const Message& message);
/// "id:7 sub:001 dlvrd:001 submit date:... done date:... stat:DELIVRD err:000 text:" (SMPP v3.4 appendix B). The dates
/// are UTC.
std::string receipt_text(const Receipt& receipt, UnixSeconds submitted, UnixSeconds done);

/// validity_period relative to the SMSC's clock, "YYMMDDhhmmss000R" (SMPP v3.4 §7.1.1); at most 31 days.
std::string relative_time(Duration duration);
/// Both forms; an absolute one, "YYMMDDhhmmsstnnp", is taken relative to `now`, and is 0 when it has passed. Nothing
/// for any other text.
std::optional<Duration> read_time(std::string_view text, UnixSeconds now);

}  // namespace drover::sms::smpp
