// SPDX-License-Identifier: Apache-2.0
// The API's certificate and private key, ready for TLS.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"

struct ssl_ctx_st;

namespace drover::api::http {

/// TLS 1.2 with forward secrecy and AEAD suites, and TLS 1.3 (RFC 9325 §3.1, §4.2); neither renegotiation nor
/// resumption, so no ticket key is kept. Connections that began with it hold it; thread-safe once it is made.
class TlsContext {
 public:
  /// PEM files: the certificate with its chain behind it, and its private key without a password. Fault::Us, naming
  /// the file, when one can't be read or they don't belong together.
  static Result<std::shared_ptr<const TlsContext>> load(const std::string& certificate, const std::string& private_key);

  [[nodiscard]] ssl_ctx_st* native() const { return context_.get(); }
  /// notBefore and notAfter of the certificate. One that is out of date is served all the same: clients say so, and a
  /// server that can't be reached can't be mended.
  [[nodiscard]] UnixSeconds valid_from() const { return valid_from_; }
  [[nodiscard]] UnixSeconds valid_until() const { return valid_until_; }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  TlsContext() = default;
  std::unique_ptr<ssl_ctx_st, Free> context_;
  UnixSeconds valid_from_ = 0;
  UnixSeconds valid_until_ = 0;
};

}  // namespace drover::api::http
