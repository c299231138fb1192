// SPDX-License-Identifier: Apache-2.0
#include "sinks/signature.hpp"

#include "base/bytes.hpp"
#include "security/cipher/digest.hpp"

namespace drover::sinks {

std::string signature_of(std::string_view secret, UnixSeconds at, std::string_view body) {
  const std::string time = std::to_string(at);
  const std::string text = time + "." + std::string(body);
  return "t=" + time + ",v1=" + to_hex(security::cipher::hmac_sha256(as_bytes(secret), as_bytes(text)));
}

}  // namespace drover::sinks
