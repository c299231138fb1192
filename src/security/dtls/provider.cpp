// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/provider.hpp"

#include <mbedtls/version.h>

#include <algorithm>

#include "security/dtls/association.hpp"
#include "security/dtls/configuration.hpp"

namespace drover::security::dtls {
namespace {

class DtlsConnector final : public Connector {
 public:
  explicit DtlsConnector(std::unique_ptr<Configuration> configuration) : configuration_(std::move(configuration)) {}
  std::unique_ptr<Association> connect(Instant now, const Secret<Bytes>& session) override {
    return DtlsAssociation::connect(now, *configuration_, session);
  }
  Result<std::unique_ptr<Association>> restore(Instant now, const Secret<Bytes>& released) override {
    return DtlsAssociation::restore(now, *configuration_, released.reveal());
  }

 private:
  std::unique_ptr<Configuration> configuration_;
};

/// A configuration of the library holds one kind of certificates: the ClientHello says which it is to be.
class DtlsAcceptor final : public Acceptor {
 public:
  DtlsAcceptor(std::unique_ptr<Configuration> certificates, std::unique_ptr<Configuration> raw_keys)
      : certificates_(std::move(certificates)), raw_keys_(std::move(raw_keys)) {}

  std::unique_ptr<Association> accept(Instant now, const ClientHello& hello, ByteView connection_id) override {
    const ByteView id = hello.has_connection_id ? connection_id : ByteView();
    return DtlsAssociation::accept(now, wants_raw_keys(hello) ? *raw_keys_ : *certificates_, id);
  }
  Result<std::unique_ptr<Association>> restore(Instant now, ByteView released) override {
    return DtlsAssociation::restore(now, *certificates_, released);
  }
  [[nodiscard]] std::optional<ReleasedPeer> inspect(ByteView released) const override {
    return DtlsAssociation::inspect(released);
  }

 private:
  [[nodiscard]] bool wants_raw_keys(const ClientHello& hello) const {
    const auto has = [](const std::vector<CertificateType>& types, CertificateType type) {
      return std::find(types.begin(), types.end(), type) != types.end();
    };
    const auto both = [&](CertificateType type) { return has(hello.client_types, type) && has(hello.server_types, type); };
    const bool raw_keys = raw_keys_ && both(CertificateType::RawPublicKey);
    const bool certificates = certificates_->get()->key_cert != nullptr && both(CertificateType::X509);
    // Its lists are in the order of its preference (RFC 7250 §4.1).
    return raw_keys && (!certificates || hello.server_types.front() == CertificateType::RawPublicKey);
  }

  std::unique_ptr<Configuration> certificates_;
  std::unique_ptr<Configuration> raw_keys_;  ///< or none
};

}  // namespace

Result<std::unique_ptr<Connector>> DtlsProvider::connector(const ClientCredential& credential,
                                                           const std::string& host) {
  auto configuration = Configuration::client(credential, host, parameters_, rng_);
  if (!configuration) return tl::unexpected(configuration.error());
  if (unix_at_zero_) (*configuration)->set_wall_clock(*unix_at_zero_);
  return std::make_unique<DtlsConnector>(std::move(*configuration));
}

Result<std::unique_ptr<Acceptor>> DtlsProvider::acceptor(const ServerCredentials& own,
                                                         const CredentialSource& source) {
  auto certificates = Configuration::server(own, CertificateType::X509, source, parameters_, rng_);
  if (!certificates) return tl::unexpected(certificates.error());
  if (unix_at_zero_) (*certificates)->set_wall_clock(*unix_at_zero_);
  std::unique_ptr<Configuration> raw_keys;
  if (own.raw_key) {
    auto made = Configuration::server(own, CertificateType::RawPublicKey, source, parameters_, rng_);
    if (!made) return tl::unexpected(made.error());
    if (unix_at_zero_) (*made)->set_wall_clock(*unix_at_zero_);
    raw_keys = std::move(*made);
  }
  return std::make_unique<DtlsAcceptor>(std::move(*certificates), std::move(raw_keys));
}

std::string library_version() {
  std::array<char, 32> text{};
  mbedtls_version_get_string_full(text.data());
  std::string name(text.data());
  return name.starts_with("mbed TLS") || name.starts_with("Mbed TLS") ? "Mbed TLS" + name.substr(8) : name;
}

Result<void> check_library() {
  if ((mbedtls_version_get_number() >> 16) == 0x0306) return {};
  return tl::unexpected(Error{Fault::Environment, 0, "DTLS needs Mbed TLS 3.6, not " + library_version()});
}

}  // namespace drover::security::dtls
