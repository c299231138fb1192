// SPDX-License-Identifier: Apache-2.0
// TP-UD of short messages with 8-bit data: its header, and how a message is cut into several (3GPP TS 23.040
// §9.2.3.24).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sms/message.hpp"

namespace drover::sms {

/// One of several short messages that make up a message (§9.2.3.24.1, §9.2.3.24.8).
struct Concatenation {
  bool is_wide = false;  ///< a reference of 16 bits, IEI 08, instead of 8 bits, IEI 00
  std::uint16_t reference = 0;
  std::uint8_t count = 1;   ///< of the parts
  std::uint8_t number = 1;  ///< this one's, from 1
  friend bool operator==(const Concatenation&, const Concatenation&) = default;
};

/// Application ports: IEI 05, or 04 with 8 bits each when they come in (§9.2.3.24.3, §9.2.3.24.4).
struct Ports {
  std::uint16_t destination = 0;
  std::uint16_t source = 0;
  friend bool operator==(const Ports&, const Ports&) = default;
};

/// What follows the header (3GPP TS 31.115 §4).
enum class PacketType : std::uint8_t {
  None,
  Command,   ///< IEI 70
  Response,  ///< IEI 71
};

struct UserDataHeader {
  std::optional<Concatenation> concatenation;
  std::optional<Ports> ports;
  PacketType packet = PacketType::None;

  /// UDHL and the information elements; nothing when there are none.
  [[nodiscard]] Bytes octets() const;
  friend bool operator==(const UserDataHeader&, const UserDataHeader&) = default;
};

struct UserData {
  UserDataHeader header;
  ByteView text;  ///< what is behind the header
};

/// Reads TP-UD with 8-bit data; `has_header` is TP-UDHI. Elements come in any order, of equal ones the last counts,
/// others than the above are skipped, and so is a concatenation without a possible number (§9.2.3.24.1). An error:
/// elements that are cut off or of a wrong size, a command that is a response as well. Borrows from `octets`.
Result<UserData> parse_user_data(ByteView octets, bool has_header);

/// TP-DCS says that TP-UD are octets (3GPP TS 23.038 §4).
bool is_8bit(std::uint8_t dcs);

/// Parts that a message can have.
inline constexpr std::size_t kPartsMax = 255;
/// Octets that fit into so many short messages (0 to kPartsMax) with these elements besides the concatenation's. Ports
/// stand in each, the packet's type in the first.
std::size_t room(std::size_t parts, bool ports, PacketType packet);

/// TP-UD of the short messages that move `message`, which fits into kPartsMax: one of them when that is enough, else
/// parts with an 8-bit `reference`.
std::vector<Bytes> split(ByteView message, const std::optional<Ports>& ports, PacketType packet,
                         std::uint8_t reference);

}  // namespace drover::sms
