// SPDX-License-Identifier: Apache-2.0
#include "store/sealer.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <cassert>

#include "store/openssl.hpp"

namespace drover::store {

namespace {

constexpr std::uint8_t kForm = 1;

tl::unexpected<Error> failure(const char* what) {
  return tl::unexpected(Error{Fault::Environment, 0, std::string(what) + ": " + openssl::error_text()});
}

int size_of(ByteView bytes) {
  return static_cast<int>(bytes.size());
}

}  // namespace

Result<Secret<Bytes>> random_secret(std::size_t size) {
  Bytes bytes(size);
  if (RAND_priv_bytes(bytes.data(), static_cast<int>(size)) != 1) return failure("no random bytes");
  return Secret<Bytes>(std::move(bytes));
}

Sealer::Sealer(Secret<Bytes> key) : key_(std::move(key)) {
  assert(key_.reveal().size() == kKeySize);
}

Sealer Sealer::random() {
  auto key = random_secret(kKeySize);
  assert(key);
  return Sealer(std::move(*key));
}

Result<Bytes> Sealer::seal(ByteView plaintext, ByteView about) const {
  assert(plaintext.size() <= kPlaintextMax && about.size() <= kPlaintextMax);
  Bytes sealed(plaintext.size() + kOverhead);
  sealed[0] = kForm;
  std::uint8_t* const nonce = sealed.data() + 1;
  std::uint8_t* const text = nonce + kNonceSize;
  std::uint8_t* const tag = text + plaintext.size();
  if (RAND_bytes(nonce, kNonceSize) != 1) return failure("no random bytes");
  const openssl::CipherContext context(EVP_CIPHER_CTX_new());
  int written = 0;
  const bool done =
      context != nullptr &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.reveal().data(), nonce) == 1 &&
      (about.empty() || EVP_EncryptUpdate(context.get(), nullptr, &written, about.data(), size_of(about)) == 1) &&
      (plaintext.empty() ||
       EVP_EncryptUpdate(context.get(), text, &written, plaintext.data(), size_of(plaintext)) == 1) &&
      EVP_EncryptFinal_ex(context.get(), tag, &written) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagSize, tag) == 1;
  if (!done) return failure("can't seal");
  return sealed;
}

Result<Secret<Bytes>> Sealer::open(ByteView sealed, ByteView about) const {
  const auto wrong = [] {
    ERR_clear_error();
    return tl::unexpected(Error{Fault::Us, 0, "sealed with another key, or changed since"});
  };
  if (sealed.size() < kOverhead || sealed.size() > kPlaintextMax || sealed[0] != kForm) return wrong();
  const ByteView nonce = sealed.subspan(1, kNonceSize);
  const ByteView text = sealed.subspan(1 + kNonceSize, sealed.size() - kOverhead);
  Bytes tag(sealed.end() - kTagSize, sealed.end());  // the library's interface isn't const
  Bytes plaintext(text.size());
  std::uint8_t none = 0;  // where the end of an authenticated text goes, which is nothing
  const openssl::CipherContext context(EVP_CIPHER_CTX_new());
  int written = 0;
  const bool done =
      context != nullptr &&
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.reveal().data(), nonce.data()) == 1 &&
      (about.empty() || EVP_DecryptUpdate(context.get(), nullptr, &written, about.data(), size_of(about)) == 1) &&
      (text.empty() ||
       EVP_DecryptUpdate(context.get(), plaintext.data(), &written, text.data(), size_of(text)) == 1) &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), &none, &written) == 1;
  if (!done) {
    std::fill(plaintext.begin(), plaintext.end(), std::uint8_t{0});
    return wrong();
  }
  return Secret<Bytes>(std::move(plaintext));
}

}  // namespace drover::store
