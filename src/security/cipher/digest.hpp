// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/bytes.hpp"

namespace drover::security::cipher {

/// SHA-256 (FIPS 180-4) of the parts one behind the other, by OpenSSL's libcrypto.
std::array<std::uint8_t, 32> sha256(std::initializer_list<ByteView> parts);

/// HMAC-SHA256 (RFC 2104), by the same.
std::array<std::uint8_t, 32> hmac_sha256(ByteView key, ByteView message);

}  // namespace drover::security::cipher
