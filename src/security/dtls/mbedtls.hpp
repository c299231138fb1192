// SPDX-License-Identifier: Apache-2.0
// The TLS library's structures with their lifetimes. For this folder alone.
#pragma once

// Fields that the library calls private are read in few places: it has no other way to ask for them.
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <string>

#include "base/bytes.hpp"
#include "base/random.hpp"

namespace drover::security::dtls {

template <class T, void (*Init)(T*), void (*Free)(T*)>
class Owned {
 public:
  Owned() { Init(&value_); }
  ~Owned() { Free(&value_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  T* get() { return &value_; }
  const T* get() const { return &value_; }
  T* operator->() { return &value_; }
  const T* operator->() const { return &value_; }

 private:
  T value_;
};

using Context = Owned<mbedtls_ssl_context, mbedtls_ssl_init, mbedtls_ssl_free>;
using Config = Owned<mbedtls_ssl_config, mbedtls_ssl_config_init, mbedtls_ssl_config_free>;
using Session = Owned<mbedtls_ssl_session, mbedtls_ssl_session_init, mbedtls_ssl_session_free>;
using Certificates = Owned<mbedtls_x509_crt, mbedtls_x509_crt_init, mbedtls_x509_crt_free>;
using Key = Owned<mbedtls_pk_context, mbedtls_pk_init, mbedtls_pk_free>;

/// The library's f_rng over an Rng.
inline int random_bytes(void* rng, unsigned char* out, std::size_t size) {
  auto& source = *static_cast<Rng*>(rng);
  for (std::size_t i = 0; i < size;) {
    std::uint64_t word = source.next();
    for (int k = 0; k < 8 && i < size; ++k, ++i, word >>= 8) out[i] = static_cast<unsigned char>(word);
  }
  return 0;
}

/// "the library's words (-0x6e00)".
std::string library_error(int code);

/// SHA-256, in lower-case hexadecimal.
std::string fingerprint(ByteView bytes);

}  // namespace drover::security::dtls
