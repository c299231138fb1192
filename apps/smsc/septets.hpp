// SPDX-License-Identifier: Apache-2.0
// GSM 7-bit text, packed as TPDUs have it and one septet an octet as SMPP has it (3GPP TS 23.038 §6.1.2).
#pragma once

#include <cstddef>

#include "base/bytes.hpp"

namespace drover::smsc {

/// `skip` bits at the beginning are zeros: the fill bits behind a user data header.
Bytes pack_septets(ByteView septets, std::size_t skip);
/// `count` septets; fewer when `packed` has fewer.
Bytes unpack_septets(ByteView packed, std::size_t skip, std::size_t count);
/// Fill bits behind a header of so many octets, its length included, up to the next septet.
constexpr std::size_t fill_bits(std::size_t header_octets) { return (7 - header_octets * 8 % 7) % 7; }

}  // namespace drover::smsc
