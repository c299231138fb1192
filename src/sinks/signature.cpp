// SPDX-License-Identifier: Apache-2.0
#include "sinks/signature.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cassert>

#include "base/bytes.hpp"

namespace drover::sinks {

std::string signature_of(std::string_view secret, UnixSeconds at, std::string_view body) {
  const std::string time = std::to_string(at);
  std::string text = time + ".";
  text += body;
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const Bytes signed_text = to_bytes(text);
  [[maybe_unused]] const auto* const made = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                                                 signed_text.data(), signed_text.size(), digest.data(), &size);
  assert(made != nullptr);
  return "t=" + time + ",v1=" + to_hex(ByteView(digest.data(), size));
}

}  // namespace drover::sinks
