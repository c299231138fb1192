// SPDX-License-Identifier: Apache-2.0
// DTLS 1.2 (RFC 6347) by Mbed TLS, as one thread's maker of associations.
#pragma once

#include <memory>
#include <string>

#include "base/random.hpp"
#include "security/acceptor.hpp"
#include "security/dtls/parameters.hpp"

namespace drover::security::dtls {

/// `rng` and the watcher outlive it and what it makes. One thread at a time.
class DtlsProvider final : public Provider {
 public:
  DtlsProvider(Parameters parameters, Rng& rng) : parameters_(std::move(parameters)), rng_(rng) {}

  /// The time since 1970 (UTC) at Instant{}, for the dates in certificates: what is made from now on checks them. Not
  /// set: they aren't looked at.
  void set_wall_clock(Duration unix_at_instant_zero) { unix_at_zero_ = unix_at_instant_zero; }

  using Provider::connector;
  Result<std::unique_ptr<Connector>> connector(const ClientCredential& credential, const std::string& host,
                                               Path path) override;
  Result<std::unique_ptr<Acceptor>> acceptor(const ServerCredentials& own, const CredentialSource& source) override;

 private:
  Parameters parameters_;
  Rng& rng_;
  std::optional<Duration> unix_at_zero_;
};

/// "Mbed TLS 3.6.6"; the library that runs, which may be another than the headers'.
std::string library_version();
/// An error when the library that runs isn't one of the 3.6 series.
Result<void> check_library();

}  // namespace drover::security::dtls
