// SPDX-License-Identifier: Apache-2.0
#include "security/cipher/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cassert>
#include <memory>

namespace drover::security::cipher {

std::array<std::uint8_t, 32> sha256(std::initializer_list<ByteView> parts) {
  const auto free = [](EVP_MD_CTX* context) { EVP_MD_CTX_free(context); };
  const std::unique_ptr<EVP_MD_CTX, decltype(free)> context(EVP_MD_CTX_new(), free);
  bool is_fine = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const ByteView part : parts) {
    is_fine = is_fine && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  std::array<std::uint8_t, 32> digest{};
  is_fine = is_fine && EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  // It fails only when memory is at its end.
  assert(is_fine);
  return digest;
}

std::array<std::uint8_t, 32> hmac_sha256(ByteView key, ByteView message) {
  std::array<std::uint8_t, 32> code{};
  // A key without bytes is one, too, and has to have an address.
  constexpr std::uint8_t kNothing = 0;
  [[maybe_unused]] const auto* const made =
      HMAC(EVP_sha256(), key.empty() ? &kNothing : key.data(), static_cast<int>(key.size()), message.data(),
           message.size(), code.data(), nullptr);
  // It fails only when memory is at its end.
  assert(made != nullptr);
  return code;
}

}  // namespace drover::security::cipher
