// SPDX-License-Identifier: Apache-2.0
#include "api/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509err.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>

namespace drover::api::http {

namespace {

/// Of TLS 1.2; those of TLS 1.3 are all good.
constexpr const char* kSuites = "ECDHE+AESGCM:ECDHE+CHACHA20";

tl::unexpected<Error> unusable(const char* what, const std::string& file, const std::string& why) {
  return tl::unexpected(Error{Fault::Us, 0, std::string(what) + " " + file + ": " + why});
}

/// The cause of what failed, and empties OpenSSL's queue. Its reasons name neither passwords nor keys.
std::string first_reason() {
  const char* const text = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return text != nullptr ? text : "it isn't PEM";
}

Result<void> check_readable(const char* what, const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (stream && stream.peek() != std::ifstream::traits_type::eof()) return {};
  return unusable(what, file, stream.is_open() ? "it is empty or no file" : std::strerror(errno));
}

UnixSeconds seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<UnixSeconds>(::timegm(&parts)) : 0;
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const std::string& certificate,
                                                           const std::string& private_key) {
  constexpr const char* kCertificate = "certificate";
  constexpr const char* kKey = "private key";
  for (const auto& [what, file] : {std::pair{kCertificate, certificate}, std::pair{kKey, private_key}}) {
    if (auto readable = check_readable(what, file); !readable) return tl::unexpected(readable.error());
  }
  ERR_clear_error();
  const std::shared_ptr<TlsContext> made(new TlsContext());
  made->context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = made->context_.get();
  assert(context != nullptr);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kSuites);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  // Without one OpenSSL would ask for a password on the terminal and wait.
  bool locked = false;
  SSL_CTX_set_default_passwd_cb_userdata(context, &locked);
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
  });
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return unusable(kCertificate, certificate, first_reason());
  }
  const bool suits = SSL_CTX_use_PrivateKey_file(context, private_key.c_str(), SSL_FILETYPE_PEM) == 1;
  // The networking library takes what it finds there for its own.
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  if (!suits) {
    const unsigned long code = ERR_peek_error();
    const int reason = ERR_GET_REASON(code);
    const bool foreign = ERR_GET_LIB(code) == ERR_LIB_X509 &&
                         (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH);
    const std::string why = first_reason();
    if (foreign) return unusable(kKey, private_key, "it isn't the key of certificate " + certificate);
    return unusable(kKey, private_key, locked ? "it is encrypted; give it without a password" : why);
  }
  const X509* const own = SSL_CTX_get0_certificate(context);
  made->valid_from_ = seconds_of(X509_get0_notBefore(own));
  made->valid_until_ = seconds_of(X509_get0_notAfter(own));
  return std::shared_ptr<const TlsContext>(made);
}

}  // namespace drover::api::http
