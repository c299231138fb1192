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
  explicit DtlsConnector(std::shared_ptr<Configuration> configuration) : configuration_(std::move(configuration)) {}
  std::unique_ptr<Association> connect(Instant now, const Secret<Bytes>& session) override {
    return DtlsAssociation::connect(now, *configuration_, session);
  }
  Result<std::unique_ptr<Association>> restore(Instant now, const Secret<Bytes>& released) override {
    return DtlsAssociation::restore(now, *configuration_, released.reveal());
  }

 private:
  std::shared_ptr<Configuration> configuration_;
};

/// A configuration of the library holds one kind of certificates: the ClientHello says which it is to be.
struct Configurations {
  std::shared_ptr<Configuration> certificates;
  std::shared_ptr<Configuration> raw_keys;  ///< or none

  [[nodiscard]] Configuration& for_hello(const ClientHello& hello) const {
    const auto has = [](const std::vector<CertificateType>& types, CertificateType type) {
      return std::find(types.begin(), types.end(), type) != types.end();
    };
    const auto both = [&](CertificateType type) {
      return has(hello.client_types, type) && has(hello.server_types, type);
    };
    const bool can_raw = raw_keys && both(CertificateType::RawPublicKey);
    const bool can_x509 = certificates->get()->key_cert != nullptr && both(CertificateType::X509);
    // Its lists are in the order of its preference (RFC 7250 §4.1).
    const bool raw = can_raw && (!can_x509 || hello.server_types.front() == CertificateType::RawPublicKey);
    return raw ? *raw_keys : *certificates;
  }
};

class DtlsAcceptor final : public Acceptor {
 public:
  DtlsAcceptor(const CredentialSource& source, Parameters parameters, Rng& rng, std::optional<Duration> unix_at_zero)
      : source_(source), parameters_(std::move(parameters)), rng_(rng), unix_at_zero_(unix_at_zero) {}

  Result<void> renew(const ServerCredentials& own) override {
    auto network = make(own, parameters_);
    if (!network) return tl::unexpected(network.error());
    auto sms = make(own, parameters_.over_sms());
    if (!sms) return tl::unexpected(sms.error());
    network_ = std::move(*network);
    sms_ = std::move(*sms);
    return {};
  }

  std::unique_ptr<Association> accept(Instant now, const ClientHello& hello, ByteView connection_id,
                                      Path path) override {
    return DtlsAssociation::accept(now, of(path).for_hello(hello),
                                   hello.has_connection_id ? connection_id : ByteView());
  }
  Result<std::unique_ptr<Association>> restore(Instant now, ByteView released, Path path) override {
    return DtlsAssociation::restore(now, *of(path).certificates, released);
  }
  bool advance(Bytes& released, const RecordCounters& past) const override {
    return DtlsAssociation::advance(released, past);
  }
  [[nodiscard]] std::optional<ReleasedPeer> inspect(ByteView released) const override {
    return DtlsAssociation::inspect(released);
  }

 private:
  [[nodiscard]] const Configurations& of(Path path) const { return path == Path::Sms ? sms_ : network_; }
  Result<Configurations> make(const ServerCredentials& own, const Parameters& parameters) const {
    Configurations made;
    const auto add = [&](CertificateType type, std::shared_ptr<Configuration>& to) -> Result<void> {
      auto configuration = Configuration::server(own, type, source_, parameters, rng_);
      if (!configuration) return tl::unexpected(configuration.error());
      to = std::move(*configuration);
      if (unix_at_zero_) to->set_wall_clock(*unix_at_zero_);
      return {};
    };
    if (auto done = add(CertificateType::X509, made.certificates); !done) return tl::unexpected(done.error());
    if (own.raw_key) {
      if (auto done = add(CertificateType::RawPublicKey, made.raw_keys); !done) return tl::unexpected(done.error());
    }
    return made;
  }

  const CredentialSource& source_;
  const Parameters parameters_;
  Rng& rng_;
  const std::optional<Duration> unix_at_zero_;
  Configurations network_, sms_;
};

}  // namespace

Result<std::unique_ptr<Connector>> DtlsProvider::connector(const ClientCredential& credential, const std::string& host,
                                                           Path path) {
  auto configuration =
      Configuration::client(credential, host, path == Path::Sms ? parameters_.over_sms() : parameters_, rng_);
  if (!configuration) return tl::unexpected(configuration.error());
  if (unix_at_zero_) (*configuration)->set_wall_clock(*unix_at_zero_);
  return std::make_unique<DtlsConnector>(std::move(*configuration));
}

Result<std::unique_ptr<Acceptor>> DtlsProvider::acceptor(const ServerCredentials& own,
                                                         const CredentialSource& source) {
  auto made = std::make_unique<DtlsAcceptor>(source, parameters_, rng_, unix_at_zero_);
  if (auto done = made->renew(own); !done) return tl::unexpected(done.error());
  return made;
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
