// SPDX-License-Identifier: Apache-2.0
#include <mbedtls/sha256.h>

#include <array>
#include <cstdio>

#include "security/dtls/mbedtls.hpp"

namespace drover::security::dtls {

std::string library_error(int code) {
  std::array<char, 160> words{};
  mbedtls_strerror(code, words.data(), words.size());
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), " (-0x%04x)", static_cast<unsigned>(-code));
  return std::string(words.data()) + number.data();
}

std::string fingerprint(ByteView bytes) {
  std::array<std::uint8_t, 32> digest{};
  mbedtls_sha256(bytes.data(), bytes.size(), digest.data(), 0);
  return to_hex(digest);
}

}  // namespace drover::security::dtls
