// SPDX-License-Identifier: Apache-2.0
// libcrypto's structures with their lifetimes. Only for .cpp files.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "base/bytes.hpp"

namespace drover::store::openssl {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Deleter<EVP_CIPHER_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using PrivateKeyInfo = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Deleter<PKCS8_PRIV_KEY_INFO_free>>;

/// What an i2d function writes; empty on an error.
template <class T>
Bytes to_der(int (*encode)(T, unsigned char**), T value) {
  unsigned char* buffer = nullptr;
  const int size = encode(value, &buffer);
  Bytes der;
  if (size > 0) der.assign(buffer, buffer + size);
  if (size > 0) OPENSSL_clear_free(buffer, static_cast<std::size_t>(size));
  return der;
}

inline Bio borrow(ByteView bytes) {
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

/// The newest error's text, and forgets all of them. It names functions and reasons, no data.
inline std::string error_text() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown error" : reason;
}

}  // namespace drover::store::openssl
