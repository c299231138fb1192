// SPDX-License-Identifier: Apache-2.0
// TPDUs that an SMSC or a modem sends: what is read is written as something that reads the same.
#include "sms/tpdu.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>

namespace {

using namespace drover;
namespace tpdu = sms::tpdu;

void check_data(const tpdu::UserData& data) {
  assert(data.octets.size() <= sms::kUserDataMax);
  assert(data.alphabet() != tpdu::Alphabet::Septets || data.octets.size() == (data.septets * std::size_t{7} + 7) / 8);
}

void check_submit(ByteView bytes) {
  auto submit = tpdu::decode_submit(bytes);
  if (!submit) return;
  check_data(submit->data);
  const auto encoded = tpdu::encode(*submit);
  assert(encoded.has_value() == submit->destination.is_number());
  if (!encoded) return;
  const auto again = tpdu::decode_submit(*encoded);
  assert(again.has_value());
  // A validity is rounded up to what the relative form can say, but for one that is longer than its longest.
  constexpr Duration kLongest = std::chrono::hours(24 * 7 * 63);
  assert(!submit->validity || (again->validity && *again->validity >= std::min(*submit->validity, kLongest)));
  submit->validity = again->validity;
  submit->valid_until.reset();
  assert(*again == *submit);
  if (const auto message = tpdu::to_short_message(*submit)) {
    assert(message->msisdn == submit->destination.digits && message->user_data == submit->data.octets);
  }
}

void check_deliver(ByteView bytes) {
  const auto deliver = tpdu::decode_deliver(bytes);
  if (!deliver) return;
  check_data(deliver->data);
  const auto encoded = tpdu::encode(*deliver);
  assert(encoded.has_value() == deliver->originator.is_number());
  if (!encoded) return;
  const auto again = tpdu::decode_deliver(*encoded);
  // The time is written in UTC, which may be the first or last hours of another century.
  assert(again && again->originator == deliver->originator && again->data == deliver->data);
  if (const auto message = tpdu::to_short_message(*deliver)) {
    assert(tpdu::to_short_message(*again).value() == *message);
    assert(deliver->data.alphabet() == tpdu::Alphabet::Octets && !message->msisdn.empty());
  }
}

void check_report(ByteView bytes) {
  const auto report = tpdu::decode_status_report(bytes);
  if (!report) return;
  (void)tpdu::outcome(report->status);
  const auto encoded = tpdu::encode(*report);
  assert(encoded.has_value() == report->recipient.is_number());
  if (!encoded) return;
  const auto again = tpdu::decode_status_report(*encoded);
  assert(again && again->reference == report->reference && again->status == report->status);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  check_submit(bytes);
  check_deliver(bytes);
  check_report(bytes);
  if (size > 0) (void)tpdu::from_pdu_text(as_text(bytes.subspan(1)), data[0]);
  const auto whole = tpdu::from_pdu_text(tpdu::to_pdu_text(bytes.first(std::min(size, tpdu::kTpduMax))),
                                         std::min(size, tpdu::kTpduMax));
  assert(whole.has_value());
  return 0;
}
