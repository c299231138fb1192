// SPDX-License-Identifier: Apache-2.0
// The keys that a Bootstrap-Server hands out: made or found, kept in the credential store before a device gets them, and
// retired when it has others.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bootstrap/session.hpp"
#include "security/credentials.hpp"
#include "store/credentials.hpp"

namespace drover::provision {

/// One thread at a time. provide() and ended() wait for the store's disk.
///
/// An entry that it makes says for which server in its issuer. A pre-shared key is kept when a device comes back, unless
/// its plan rotates; of key pairs the private half isn't kept, so a device that comes back gets another one. While a
/// session is under way the device's old and new entries are valid both; behind a Finish that was taken only the new
/// ones are, behind a failure only the old ones. When nobody knows what the device took, both stay until its next
/// bootstrap.
class KeyKeeper {
 public:
  struct Settings {
    /// What the LwM2M Server proves itself with: its public halves go to devices that have a raw key or a certificate.
    security::ServerCredentials server;
    /// The same of the Bootstrap-Server, for its new accounts.
    security::ServerCredentials bootstrap;
    /// Who signs devices' certificates: the certificate first in the chain, with its key. Nothing: certificates that a
    /// plan leaves to us can't be made.
    std::optional<security::CertificateCredential> authority{};
    std::uint32_t certificate_days = 3650;
  };

  /// `credentials` outlives it.
  KeyKeeper(store::Credentials& credentials, Settings settings)
      : credentials_(credentials), settings_(std::move(settings)) {}

  [[nodiscard]] const Settings& settings() const { return settings_; }
  /// For keys that are asked for from now on.
  void renew(Settings settings) { settings_ = std::move(settings); }
  /// The answer to KeysWanted. The store has the matching entries then. Errors say what is missing, and hold no key.
  Result<std::vector<security::ClientCredential>> provide(const bootstrap::KeysWanted& wanted);
  /// Retires what isn't valid any more. The error is the store's; then entries stay that should go.
  Result<void> ended(const bootstrap::SessionEnded& ended);

 private:
  /// What a session has brought into the store, and what that would replace.
  struct Exchange {
    std::vector<store::CredentialId> added;
    std::vector<store::CredentialId> older;
  };
  struct Made {
    security::ClientCredential keys;
    std::optional<store::NewCredential> entry;  ///< nothing: the store has it
  };
  Result<Made> make(const bootstrap::KeysWanted& wanted, const bootstrap::KeyRequest& request, Exchange& exchange) const;
  Result<Made> make_psk(const bootstrap::KeyRequest& request, const std::vector<store::Credential>& own, bool rotate,
                        Exchange& exchange) const;
  Result<Made> make_raw_key(const bootstrap::KeyRequest& request) const;
  Result<Made> make_certificate(const std::string& endpoint, const bootstrap::KeyRequest& request) const;

  store::Credentials& credentials_;
  Settings settings_;
  std::map<bootstrap::SessionId, Exchange> exchanges_;
};

/// What the issuer of an entry for this server is: "bootstrap/101"; without a Short Server ID, of the Bootstrap-Server's
/// own accounts, "bootstrap/account".
std::string issuer_of(std::optional<std::uint16_t> short_server_id);

}  // namespace drover::provision
