// SPDX-License-Identifier: Apache-2.0
// Commands to a card and its answers as values (ISO/IEC 7816-4 §5.1; ETSI TS 102 221 §10.1, §10.2). Short forms alone:
// no UICC command needs an extended length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace drover::smartcard {

inline constexpr std::size_t kDataMax = 255;      ///< Lc
inline constexpr std::size_t kExpectedMax = 256;  ///< Le, which 00 stands for

/// Instructions of ISO/IEC 7816-4, ETSI TS 102 221 §10.1.2 and GlobalPlatform.
namespace ins {
inline constexpr std::uint8_t kSelect = 0xA4;
inline constexpr std::uint8_t kReadBinary = 0xB0;
inline constexpr std::uint8_t kReadRecord = 0xB2;
inline constexpr std::uint8_t kGetResponse = 0xC0;
inline constexpr std::uint8_t kVerifyPin = 0x20;
inline constexpr std::uint8_t kManageChannel = 0x70;
inline constexpr std::uint8_t kTerminalProfile = 0x10;
inline constexpr std::uint8_t kFetch = 0x12;
inline constexpr std::uint8_t kTerminalResponse = 0x14;
inline constexpr std::uint8_t kEnvelope = 0xC2;
inline constexpr std::uint8_t kInitializeUpdate = 0x50;
inline constexpr std::uint8_t kExternalAuthenticate = 0x82;
inline constexpr std::uint8_t kGetData = 0xCA;
inline constexpr std::uint8_t kStoreData = 0xE2;
}  // namespace ins

struct Command {
  std::uint8_t cla = 0;
  std::uint8_t ins = 0;
  std::uint8_t p1 = 0;
  std::uint8_t p2 = 0;
  Bytes data = {};                            ///< at most kDataMax
  std::optional<std::uint16_t> expected = {};  ///< Le, 1 to kExpectedMax; nothing: no answer but the status is expected

  friend bool operator==(const Command&, const Command&) = default;
};

/// SW1 and SW2 (TS 102 221 §10.2.1).
struct Status {
  std::uint16_t value = 0;

  [[nodiscard]] std::uint8_t sw1() const { return static_cast<std::uint8_t>(value >> 8); }
  [[nodiscard]] std::uint8_t sw2() const { return static_cast<std::uint8_t>(value); }
  /// 9000, and 91xx: a proactive command waits.
  [[nodiscard]] bool is_success() const { return value == 0x9000 || sw1() == 0x91; }
  /// 62xx and 63xx: done, with a warning.
  [[nodiscard]] bool is_warning() const { return sw1() == 0x62 || sw1() == 0x63; }
  /// "6982 (security status not satisfied)".
  [[nodiscard]] std::string describe() const;
  friend bool operator==(const Status&, const Status&) = default;
};

namespace status {
inline constexpr Status kDone{0x9000};
inline constexpr Status kWrongLength{0x6700};
inline constexpr Status kChannelNotSupported{0x6881};
inline constexpr Status kSecureMessagingNotSupported{0x6882};
inline constexpr Status kIncompatibleFile{0x6981};
inline constexpr Status kSecurityNotSatisfied{0x6982};
inline constexpr Status kPinBlocked{0x6983};
inline constexpr Status kConditionsNotSatisfied{0x6985};
inline constexpr Status kNoFileSelected{0x6986};
inline constexpr Status kWrongData{0x6A80};
inline constexpr Status kFileNotFound{0x6A82};
inline constexpr Status kRecordNotFound{0x6A83};
inline constexpr Status kNoMemory{0x6A84};
inline constexpr Status kWrongP1P2{0x6A86};
inline constexpr Status kReferenceNotFound{0x6A88};
inline constexpr Status kWrongOffset{0x6B00};
inline constexpr Status kUnknownInstruction{0x6D00};
inline constexpr Status kUnknownClass{0x6E00};
}  // namespace status

struct Response {
  Bytes data = {};
  Status status = {};

  friend bool operator==(const Response&, const Response&) = default;
};

/// Fault::Us when a field is out of its range.
Result<Bytes> encode(const Command& command);
Bytes encode(const Response& response);
/// An error: shorter than a header, or a length that isn't that of what follows.
Result<Command> decode_command(ByteView bytes);
/// An error: without a status, or more data than kExpectedMax.
Result<Response> decode_response(ByteView bytes);

}  // namespace drover::smartcard
