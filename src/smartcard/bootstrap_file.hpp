// SPDX-License-Identifier: Apache-2.0
// EF LwM2M_Bootstrap (Core G.3.3): the objects that a card brings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace drover::smartcard {

inline constexpr std::size_t kBootstrapFileMax = 32 * 1024;
/// Number of objects and their size, in front of them.
inline constexpr std::size_t kBootstrapHeader = 4;

struct CardObject {
  std::uint16_t id = 0;
  /// MAJOR (1 to 255) and MINOR; nothing: the implicit version, 1.0 or the enabler's.
  std::optional<std::pair<std::uint8_t, std::uint8_t>> version = {};
  Bytes instances = {};  ///< LwM2M TLV (Core §6.4.3), unread

  friend bool operator==(const CardObject&, const CardObject&) = default;
};

/// Octets of the file that count, by its header: what is behind is padding. An error: no whole header, or more than
/// kBootstrapFileMax.
Result<std::size_t> bootstrap_file_size(ByteView beginning);
/// All of a file, padding included. Errors say at which octet what is missing or left over; of a card without objects,
/// too; of an object that comes twice.
Result<std::vector<CardObject>> parse_bootstrap_file(ByteView file);
/// An error: more objects or octets than the fields can say, or than kBootstrapFileMax.
Result<Bytes> encode_bootstrap_file(const std::vector<CardObject>& objects);

}  // namespace drover::smartcard
