// SPDX-License-Identifier: Apache-2.0
// What associations of one role and one set of credentials share.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "security/acceptor.hpp"
#include "security/credentials.hpp"
#include "security/dtls/mbedtls.hpp"
#include "security/dtls/parameters.hpp"
#include "security/dtls/sessions.hpp"

namespace drover::security::dtls {

class DtlsAssociation;

/// Made once, then read-only but for the sessions that it remembers. Pinned: the library keeps pointers into it.
/// Associations share it, so that it outlives its maker while one of them stands.
class Configuration : public std::enable_shared_from_this<Configuration> {
 public:
  /// `certificate_type` decides what Certificate messages hold; it means nothing where PSK is the only kind.
  static Result<std::shared_ptr<Configuration>> server(const ServerCredentials& own, CertificateType certificate_type,
                                                       const CredentialSource& source, const Parameters& parameters,
                                                       Rng& rng);
  static Result<std::shared_ptr<Configuration>> client(const ClientCredential& credential, const std::string& host,
                                                       const Parameters& parameters, Rng& rng);
  Configuration(const Configuration&) = delete;
  Configuration& operator=(const Configuration&) = delete;

  [[nodiscard]] const mbedtls_ssl_config* get() const { return config_.get(); }
  [[nodiscard]] bool is_server() const { return source_ != nullptr; }
  [[nodiscard]] const Parameters& parameters() const { return parameters_; }
  [[nodiscard]] const CredentialSource* source() const { return source_; }
  [[nodiscard]] const std::string& host() const { return host_; }
  /// The host is sent as SNI: it is no IP address (RFC 6066 §3).
  [[nodiscard]] bool sends_name() const { return sends_name_; }
  /// As ClientCredential::server_public_key.
  [[nodiscard]] const Bytes& server_public_key() const { return server_public_key_; }
  [[nodiscard]] bool uses_raw_keys() const { return raw_keys_; }
  [[nodiscard]] std::optional<UnixSeconds> wall(Instant now) const;
  void set_wall_clock(Duration unix_at_instant_zero) { unix_at_zero_ = unix_at_instant_zero; }

  Sessions& sessions() { return sessions_; }
  Rng& rng() { return rng_; }
  /// Whose handshake is under way; for the callbacks that aren't told.
  DtlsAssociation* current = nullptr;

 private:
  Configuration(const Parameters& parameters, Rng& rng);
  Result<void> set_up(int role);
  Result<void> use_raw_key(const RawKeyCredential& own);
  Result<void> use_certificate(const CertificateCredential& own);
  Result<void> use_psk(const PskCredential& own);
  Result<void> use_key(const Secret<Bytes>& key);
  Result<void> trust(ByteView certificate);
  void choose_suites(bool psk, bool ecdsa);
  void shorten_hello();

  Parameters parameters_;
  Rng& rng_;
  Config config_;
  Certificates chain_, anchors_;
  Key key_;
  std::vector<int> suites_;
  const CredentialSource* source_ = nullptr;
  std::string host_;
  bool sends_name_ = false;
  bool raw_keys_ = false;
  Bytes server_public_key_;
  std::optional<Duration> unix_at_zero_;
  Sessions sessions_;
};

}  // namespace drover::security::dtls
