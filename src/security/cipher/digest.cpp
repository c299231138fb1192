// SPDX-License-Identifier: Apache-2.0
#include "security/cipher/digest.hpp"

#include <openssl/evp.h>

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

}  // namespace drover::security::cipher
