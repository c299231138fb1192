// SPDX-License-Identifier: Apache-2.0
// Short messages as modems and SMSCs write them: the TPDUs SMS-SUBMIT, SMS-DELIVER and SMS-STATUS-REPORT (3GPP TS
// 23.040 §9.2.2), and the hexadecimal text of PDU mode around them (3GPP TS 27.005 §3.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "sms/message.hpp"

namespace drover::sms::tpdu {

/// Digits of a TP-DA, TP-OA or TP-RA: ten octets of semi-octets (3GPP TS 23.040 §9.1.2.5).
inline constexpr std::size_t kAddressDigitsMax = 20;
/// An address of at most so many digits is a short code of one network and never begins with a country code.
inline constexpr std::size_t kShortCodeDigitsMax = 6;
/// The longest of them is SMS-SUBMIT: 1 first octet, 1 TP-MR, 12 TP-DA, 1 TP-PID, 1 TP-DCS, 7 TP-VP, 1 TP-UDL, TP-UD.
inline constexpr std::size_t kTpduMax = 24 + kUserDataMax;
/// Octets of the SMSC's address in front of a TPDU: its length, its type, ten of digits (3GPP TS 24.011 §8.2.5.1).
inline constexpr std::size_t kSmscAddressMax = 12;

/// Type-of-number and numbering plan in an octet (3GPP TS 23.040 §9.1.2.5).
inline constexpr std::uint8_t kInternational = 0x91;
inline constexpr std::uint8_t kUnknown = 0x81;

struct Address {
  std::uint8_t type = kInternational;
  /// "" of what isn't a number: letters (type-of-number 101), or more than digits in it ("*", "#").
  std::string digits = {};

  [[nodiscard]] bool is_number() const { return !digits.empty(); }
  /// kUnknown for a short code, else kInternational.
  static Address of(std::string_view msisdn);
  friend bool operator==(const Address&, const Address&) = default;
};

/// What TP-DCS says about TP-UD (3GPP TS 23.038 §4). Reserved codings count as Septets, as asked there.
enum class Alphabet : std::uint8_t {
  Septets,     ///< GSM 7-bit default alphabet: TP-UDL counts septets
  Octets,      ///< 8-bit data
  Ucs2,        ///< two octets a character
  Compressed,  ///< text that is compressed (3GPP TS 23.042)
};
Alphabet alphabet_of(std::uint8_t dcs);

/// TP-UD with what tells how it is to be read.
struct UserData {
  std::uint8_t pid = kPidDefault;
  std::uint8_t dcs = kDcs8Bit;
  bool has_header = false;       ///< TP-UDHI
  Bytes octets = {};             ///< at most kUserDataMax
  std::uint8_t septets = 0;      ///< TP-UDL of Alphabet::Septets; without meaning for others
  [[nodiscard]] Alphabet alphabet() const { return alphabet_of(dcs); }
  friend bool operator==(const UserData&, const UserData&) = default;
};

struct Submit {
  std::uint8_t reference = 0;  ///< TP-MR; a modem puts its own number there (3GPP TS 27.005 §3.5.1)
  Address destination;
  UserData data;
  bool reject_duplicates = false;  ///< TP-RD
  bool wants_report = false;       ///< TP-SRR
  /// TP-VP of the relative and the enhanced form. Written in the relative form, rounded up: 5 minutes to 63 weeks.
  std::optional<Duration> validity = {};
  /// TP-VP of the absolute form; only read.
  std::optional<UnixSeconds> valid_until = {};
  friend bool operator==(const Submit&, const Submit&) = default;
};

struct Deliver {
  Address originator;
  UserData data;
  bool more_to_send = false;           ///< the SMSC has more (TP-MMS)
  std::optional<UnixSeconds> sent_at;  ///< TP-SCTS; nothing where it isn't a date. Written as zeros without one.
  friend bool operator==(const Deliver&, const Deliver&) = default;
};

struct StatusReport {
  std::uint8_t reference = 0;  ///< TP-MR of the SMS-SUBMIT
  Address recipient;
  std::optional<UnixSeconds> sent_at = {};
  std::optional<UnixSeconds> discharged_at = {};  ///< TP-DT
  std::uint8_t status = 0;                        ///< TP-ST
  bool more_to_send = false;
  friend bool operator==(const StatusReport&, const StatusReport&) = default;
};
/// What TP-ST means (3GPP TS 23.040 §9.2.3.15): Delivered for 0; Lost for "replaced by the SMSC" and for permanent and
/// final temporary errors; nothing while the SMSC goes on trying, or where it doesn't know.
std::optional<Report::What> outcome(std::uint8_t status);

/// Errors say which field is wrong or missing. Octets behind TP-UD are an error.
Result<Submit> decode_submit(ByteView tpdu);
Result<Deliver> decode_deliver(ByteView tpdu);
/// What follows TP-ST (TP-PI and what it announces) isn't read.
Result<StatusReport> decode_status_report(ByteView tpdu);
/// Errors: an address that isn't 1 to kAddressDigitsMax digits, user data longer than kUserDataMax or not `septets`.
Result<Bytes> encode(const Submit& submit);
Result<Bytes> encode(const Deliver& deliver);
Result<Bytes> encode(const StatusReport& report);

/// The number of the TPDU type that an SMSC sends (TP-MTI): 0 SMS-DELIVER, 2 SMS-STATUS-REPORT; nothing without octets.
std::optional<std::uint8_t> type_indicator(ByteView tpdu);

Submit to_submit(const ShortMessage& message, Duration validity, bool wants_report);
Deliver to_deliver(const ShortMessage& message, std::optional<UnixSeconds> sent_at);
/// Errors: not 8-bit data, or the other side isn't a number: never a peer.
Result<ShortMessage> to_short_message(const Submit& submit);
Result<ShortMessage> to_short_message(const Deliver& deliver);

/// Upper-case hexadecimal of a TPDU behind an empty SMSC address: the modem takes the SIM's.
std::string to_pdu_text(ByteView tpdu);
/// The TPDU in a text with an SMSC address in front. `length` is what the command or answer says: octets of the TPDU.
/// Errors: not hexadecimal, too long, or of another length.
Result<Bytes> from_pdu_text(std::string_view text, std::size_t length);

}  // namespace drover::sms::tpdu
