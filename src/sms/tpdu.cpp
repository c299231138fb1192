// SPDX-License-Identifier: Apache-2.0
#include "sms/tpdu.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/reader.hpp"

namespace drover::sms::tpdu {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// The first octet (3GPP TS 23.040 §9.2.3.1 to 9.2.3.7, 9.2.3.23, 9.2.3.25).
constexpr std::uint8_t kTypeMask = 0x03;
constexpr std::uint8_t kTypeDeliver = 0x00;
constexpr std::uint8_t kTypeSubmit = 0x01;
constexpr std::uint8_t kTypeStatusReport = 0x02;
constexpr std::uint8_t kNoMoreToSend = 0x04;      // TP-MMS
constexpr std::uint8_t kRejectDuplicates = 0x04;  // TP-RD
constexpr std::uint8_t kValidityMask = 0x18;      // TP-VPF
constexpr std::uint8_t kValidityRelative = 0x10;
constexpr std::uint8_t kValidityEnhanced = 0x08;
constexpr std::uint8_t kValidityAbsolute = 0x18;
constexpr std::uint8_t kReportRequest = 0x20;  // TP-SRR
constexpr std::uint8_t kHasHeader = 0x40;      // TP-UDHI

constexpr std::uint8_t kFiller = 0x0F;  // the semi-octet behind an odd number of digits
constexpr std::size_t kTimestampSize = 7;
constexpr std::size_t kSeptetsMax = 160;

using Timestamp = std::array<std::uint8_t, kTimestampSize>;

tl::unexpected<Error> malformed(std::string reason) {
  return peer_error(0, std::move(reason));
}

std::size_t octets_of_septets(std::size_t septets) {
  return (septets * 7 + 7) / 8;
}

Result<Address> read_address(ByteReader& reader) {
  const auto count = reader.u8();
  const auto type = reader.u8();
  if (!count || !type) return malformed("the address is cut off");
  if (*count > kAddressDigitsMax) return malformed("the address is longer than ten octets");
  const auto octets = reader.bytes((std::size_t{*count} + 1) / 2);
  if (!octets) return malformed("the address is cut off");
  Address address{*type, {}};
  constexpr std::uint8_t kTypeOfNumber = 0x70, kAlphanumeric = 0x50;
  if ((*type & kTypeOfNumber) == kAlphanumeric) return address;
  for (std::size_t i = 0; i < *count; ++i) {
    const std::uint8_t octet = (*octets)[i / 2];
    const unsigned digit = i % 2 == 0 ? octet & 0x0FU : octet >> 4U;
    if (digit > 9) return Address{*type, {}};
    address.digits.push_back(static_cast<char>('0' + digit));
  }
  return address;
}

Result<void> write_address(ByteWriter& writer, const Address& address) {
  const bool digits =
      std::all_of(address.digits.begin(), address.digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (address.digits.empty() || address.digits.size() > kAddressDigitsMax || !digits) {
    return tl::unexpected(Error{Fault::Us, 0, "an address is 1 to 20 digits"});
  }
  writer.u8(static_cast<std::uint8_t>(address.digits.size()));
  writer.u8(address.type);
  for (std::size_t i = 0; i < address.digits.size(); i += 2) {
    const auto low = static_cast<unsigned>(address.digits[i] - '0');
    const unsigned high = i + 1 < address.digits.size() ? static_cast<unsigned>(address.digits[i + 1] - '0') : kFiller;
    writer.u8(static_cast<std::uint8_t>(high << 4U | low));
  }
  return {};
}

std::optional<unsigned> swapped_bcd(std::uint8_t octet) {
  const unsigned tens = octet & 0x0FU;
  const unsigned ones = octet >> 4U;
  if (tens > 9 || ones > 9) return std::nullopt;
  return tens * 10 + ones;
}

std::uint8_t to_swapped_bcd(unsigned value) {
  return static_cast<std::uint8_t>((value % 10) << 4U | value / 10);
}

/// TP-SCTS: year to second, and how many quarters of an hour the local time is ahead of UTC (§9.2.3.11). Nothing for
/// what isn't a date. Years are those of this century.
std::optional<UnixSeconds> parse_timestamp(ByteView octets) {
  std::array<unsigned, 6> fields{};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto value = swapped_bcd(octets[i]);
    if (!value) return std::nullopt;
    fields[i] = *value;
  }
  constexpr std::uint8_t kBehind = 0x08;  // algebraic sign, in the first semi-octet
  const auto quarters = swapped_bcd(octets[6] & static_cast<std::uint8_t>(~kBehind));
  const std::chrono::year_month_day date(std::chrono::year(2000 + static_cast<int>(fields[0])),
                                         std::chrono::month(fields[1]), std::chrono::day(fields[2]));
  if (!date.ok() || !quarters || fields[3] > 23 || fields[4] > 59 || fields[5] > 59) return std::nullopt;
  const auto local =
      std::chrono::sys_days(date).time_since_epoch() + hours(fields[3]) + minutes(fields[4]) + seconds(fields[5]);
  const int sign = (octets[6] & kBehind) != 0 ? -1 : 1;
  const seconds ahead = minutes(15 * sign * static_cast<int>(*quarters));
  return (local - ahead).count();
}

/// In UTC; zeros without a time, and outside of this century.
Timestamp to_timestamp(std::optional<UnixSeconds> time) {
  if (!time) return {};
  const std::chrono::sys_seconds at{seconds(*time)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const int year = static_cast<int>(date.year()) - 2000;
  if (year < 0 || year > 99) return {};
  const std::chrono::hh_mm_ss clock(at - day);
  return {to_swapped_bcd(static_cast<unsigned>(year)),
          to_swapped_bcd(static_cast<unsigned>(date.month())),
          to_swapped_bcd(static_cast<unsigned>(date.day())),
          to_swapped_bcd(static_cast<unsigned>(clock.hours().count())),
          to_swapped_bcd(static_cast<unsigned>(clock.minutes().count())),
          to_swapped_bcd(static_cast<unsigned>(clock.seconds().count())),
          0};
}

/// §9.2.3.12.1.
Duration relative_validity(std::uint8_t value) {
  if (value <= 143) return minutes(5) * (value + 1);
  if (value <= 167) return hours(12) + minutes(30) * (value - 143);
  if (value <= 196) return hours(24) * (value - 166);
  return hours(24 * 7) * (value - 192);
}

/// The shortest that isn't shorter.
std::uint8_t to_relative_validity(Duration validity) {
  unsigned value = 0;
  while (value < 255 && relative_validity(static_cast<std::uint8_t>(value)) < validity) ++value;
  return static_cast<std::uint8_t>(value);
}

/// §9.2.3.12.3. Nothing without a validity period, and for reserved formats.
std::optional<Duration> enhanced_validity(ByteView octets) {
  constexpr std::uint8_t kExtended = 0x80, kFormat = 0x07;
  const std::uint8_t format = octets[0] & kFormat;
  // Each octet of the indicator may announce another; the last two carry a time in no format.
  std::size_t at = 0;
  while (at < 3 && (octets[at] & kExtended) != 0) ++at;
  ++at;
  if (format == 1) return relative_validity(octets[at]);
  if (format == 2) return seconds(octets[at]);
  if (format != 3) return std::nullopt;
  const auto h = swapped_bcd(octets[at]);
  const auto m = swapped_bcd(octets[at + 1]);
  const auto s = swapped_bcd(octets[at + 2]);
  if (!h || !m || !s) return std::nullopt;
  return hours(*h) + minutes(*m) + seconds(*s);
}

Result<void> read_validity(ByteReader& reader, std::uint8_t first, Submit& submit) {
  const std::uint8_t format = first & kValidityMask;
  if (format == 0) return {};
  const auto octets = reader.bytes(format == kValidityRelative ? 1 : kTimestampSize);
  if (!octets) return malformed("TP-VP is cut off");
  if (format == kValidityRelative) submit.validity = relative_validity((*octets)[0]);
  if (format == kValidityEnhanced) submit.validity = enhanced_validity(*octets);
  if (format == kValidityAbsolute) {
    submit.valid_until = parse_timestamp(*octets);
    if (!submit.valid_until) return malformed("TP-VP isn't a date");
  }
  return {};
}

Result<void> read_identifiers(ByteReader& reader, UserData& data) {
  const auto pid = reader.u8();
  const auto dcs = reader.u8();
  if (!pid || !dcs) return malformed("TP-PID and TP-DCS are missing");
  data.pid = *pid;
  data.dcs = *dcs;
  return {};
}

Result<void> read_user_data(ByteReader& reader, UserData& data) {
  const auto length = reader.u8();
  if (!length) return malformed("TP-UDL is missing");
  const bool septets = data.alphabet() == Alphabet::Septets;
  if (septets && *length > kSeptetsMax) return malformed("TP-UDL says more than 160 septets");
  if (septets) data.septets = *length;
  const std::size_t size = septets ? octets_of_septets(*length) : *length;
  if (size > kUserDataMax) return malformed("TP-UDL says more than 140 octets");
  const auto octets = reader.bytes(size);
  if (!octets) return malformed("TP-UD is shorter than TP-UDL says");
  if (!reader.empty()) return malformed("there are octets behind TP-UD");
  data.octets.assign(octets->begin(), octets->end());
  return {};
}

Result<void> write_user_data(ByteWriter& writer, const UserData& data) {
  if (data.octets.size() > kUserDataMax) return tl::unexpected(Error{Fault::Us, 0, "user data is at most 140 octets"});
  const bool septets = data.alphabet() == Alphabet::Septets;
  if (septets && (data.septets > kSeptetsMax || octets_of_septets(data.septets) != data.octets.size())) {
    return tl::unexpected(Error{Fault::Us, 0, "user data isn't as long as its septets are"});
  }
  writer.u8(septets ? data.septets : static_cast<std::uint8_t>(data.octets.size()));
  writer.bytes(data.octets);
  return {};
}

Result<ShortMessage> to_short_message(const Address& other, const UserData& data) {
  if (!other.is_number()) return malformed("the other side isn't a number");
  if (data.alphabet() != Alphabet::Octets) return malformed("the user data isn't 8-bit data");
  return ShortMessage{other.digits, data.pid, data.dcs, data.has_header, data.octets};
}

UserData user_data_of(const ShortMessage& message) {
  return {message.pid, message.dcs, message.has_header, message.user_data, 0};
}

}  // namespace

Address Address::of(std::string_view msisdn) {
  return {msisdn.size() <= kShortCodeDigitsMax ? kUnknown : kInternational, std::string(msisdn)};
}

Alphabet alphabet_of(std::uint8_t dcs) {
  const unsigned group = dcs >> 4U;
  if (group < 8) {  // general data coding, with and without automatic deletion
    if ((dcs & 0x20U) != 0) return Alphabet::Compressed;
    const unsigned alphabet = dcs >> 2U & 3U;
    if (alphabet == 1) return Alphabet::Octets;
    return alphabet == 2 ? Alphabet::Ucs2 : Alphabet::Septets;
  }
  if (group == 0x0E) return Alphabet::Ucs2;  // message waiting
  if (group == 0x0F && (dcs & 0x04U) != 0) return Alphabet::Octets;
  return Alphabet::Septets;
}

std::optional<Report::What> outcome(std::uint8_t status) {
  constexpr std::uint8_t kReplaced = 0x02, kPermanent = 0x40, kReserved = 0x80;
  if (status == 0) return Report::What::Delivered;
  if (status == kReplaced || (status >= kPermanent && status < kReserved)) return Report::What::Lost;
  return std::nullopt;
}

std::optional<std::uint8_t> type_indicator(ByteView tpdu) {
  if (tpdu.empty()) return std::nullopt;
  return static_cast<std::uint8_t>(tpdu.front() & kTypeMask);
}

Result<Submit> decode_submit(ByteView tpdu) {
  ByteReader reader(tpdu);
  const auto first = reader.u8();
  if (!first || (*first & kTypeMask) != kTypeSubmit) return malformed("not an SMS-SUBMIT");
  const auto reference = reader.u8();
  if (!reference) return malformed("TP-MR is missing");
  auto destination = read_address(reader);
  if (!destination) return tl::unexpected(destination.error());
  Submit submit;
  submit.reference = *reference;
  submit.destination = std::move(*destination);
  submit.reject_duplicates = (*first & kRejectDuplicates) != 0;
  submit.wants_report = (*first & kReportRequest) != 0;
  submit.data.has_header = (*first & kHasHeader) != 0;
  if (auto read = read_identifiers(reader, submit.data); !read) return tl::unexpected(read.error());
  if (auto read = read_validity(reader, *first, submit); !read) return tl::unexpected(read.error());
  if (auto read = read_user_data(reader, submit.data); !read) return tl::unexpected(read.error());
  return submit;
}

Result<Deliver> decode_deliver(ByteView tpdu) {
  ByteReader reader(tpdu);
  const auto first = reader.u8();
  if (!first || (*first & kTypeMask) != kTypeDeliver) return malformed("not an SMS-DELIVER");
  auto originator = read_address(reader);
  if (!originator) return tl::unexpected(originator.error());
  Deliver deliver;
  deliver.originator = std::move(*originator);
  deliver.more_to_send = (*first & kNoMoreToSend) == 0;
  deliver.data.has_header = (*first & kHasHeader) != 0;
  if (auto read = read_identifiers(reader, deliver.data); !read) return tl::unexpected(read.error());
  const auto sent_at = reader.bytes(kTimestampSize);
  if (!sent_at) return malformed("TP-SCTS is cut off");
  deliver.sent_at = parse_timestamp(*sent_at);
  if (auto read = read_user_data(reader, deliver.data); !read) return tl::unexpected(read.error());
  return deliver;
}

Result<StatusReport> decode_status_report(ByteView tpdu) {
  ByteReader reader(tpdu);
  const auto first = reader.u8();
  if (!first || (*first & kTypeMask) != kTypeStatusReport) return malformed("not an SMS-STATUS-REPORT");
  const auto reference = reader.u8();
  if (!reference) return malformed("TP-MR is missing");
  auto recipient = read_address(reader);
  if (!recipient) return tl::unexpected(recipient.error());
  const auto sent_at = reader.bytes(kTimestampSize);
  const auto discharged_at = reader.bytes(kTimestampSize);
  const auto status = reader.u8();
  if (!sent_at || !discharged_at || !status) return malformed("TP-SCTS, TP-DT or TP-ST is cut off");
  return StatusReport{*reference,
                      std::move(*recipient),
                      parse_timestamp(*sent_at),
                      parse_timestamp(*discharged_at),
                      *status,
                      (*first & kNoMoreToSend) == 0};
}

Result<Bytes> encode(const Submit& submit) {
  ByteWriter writer;
  writer.u8(static_cast<std::uint8_t>(
      kTypeSubmit | (submit.reject_duplicates ? kRejectDuplicates : 0) | (submit.validity ? kValidityRelative : 0) |
      (submit.wants_report ? kReportRequest : 0) | (submit.data.has_header ? kHasHeader : 0)));
  writer.u8(submit.reference);
  if (auto written = write_address(writer, submit.destination); !written) return tl::unexpected(written.error());
  writer.u8(submit.data.pid);
  writer.u8(submit.data.dcs);
  if (submit.validity) writer.u8(to_relative_validity(*submit.validity));
  if (auto written = write_user_data(writer, submit.data); !written) return tl::unexpected(written.error());
  return writer.take();
}

Result<Bytes> encode(const Deliver& deliver) {
  ByteWriter writer;
  writer.u8(static_cast<std::uint8_t>(kTypeDeliver | (deliver.more_to_send ? 0 : kNoMoreToSend) |
                                      (deliver.data.has_header ? kHasHeader : 0)));
  if (auto written = write_address(writer, deliver.originator); !written) return tl::unexpected(written.error());
  writer.u8(deliver.data.pid);
  writer.u8(deliver.data.dcs);
  writer.bytes(to_timestamp(deliver.sent_at));
  if (auto written = write_user_data(writer, deliver.data); !written) return tl::unexpected(written.error());
  return writer.take();
}

Result<Bytes> encode(const StatusReport& report) {
  ByteWriter writer;
  writer.u8(static_cast<std::uint8_t>(kTypeStatusReport | (report.more_to_send ? 0 : kNoMoreToSend)));
  writer.u8(report.reference);
  if (auto written = write_address(writer, report.recipient); !written) return tl::unexpected(written.error());
  writer.bytes(to_timestamp(report.sent_at));
  writer.bytes(to_timestamp(report.discharged_at));
  writer.u8(report.status);
  return writer.take();
}

Submit to_submit(const ShortMessage& message, Duration validity, bool wants_report) {
  Submit submit;
  submit.destination = Address::of(message.msisdn);
  submit.data = user_data_of(message);
  submit.wants_report = wants_report;
  submit.validity = validity;
  return submit;
}

Deliver to_deliver(const ShortMessage& message, std::optional<UnixSeconds> sent_at) {
  return {Address::of(message.msisdn), user_data_of(message), false, sent_at};
}

Result<ShortMessage> to_short_message(const Submit& submit) {
  return to_short_message(submit.destination, submit.data);
}

Result<ShortMessage> to_short_message(const Deliver& deliver) {
  return to_short_message(deliver.originator, deliver.data);
}

std::string to_pdu_text(ByteView tpdu) {
  std::string text = "00" + to_hex(tpdu);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

Result<Bytes> from_pdu_text(std::string_view text, std::size_t length) {
  if (text.size() > 2 * (kSmscAddressMax + kTpduMax)) return malformed("the PDU is too long");
  const auto octets = from_hex(text);
  if (!octets) return malformed("the PDU isn't hexadecimal");
  ByteReader reader(*octets);
  const auto smsc = reader.u8();
  if (!smsc || *smsc >= kSmscAddressMax || !reader.bytes(*smsc)) return malformed("the SMSC's address is cut off");
  if (reader.remaining() != length) return malformed("the PDU isn't as long as announced");
  return Bytes(reader.rest().begin(), reader.rest().end());
}

}  // namespace drover::sms::tpdu
