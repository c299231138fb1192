// SPDX-License-Identifier: Apache-2.0
#include "secure_port.hpp"

#include <string_view>

#include "io/clock.hpp"
#include "io/resolve.hpp"
#include "security/cipher/digest.hpp"
#include "security/dtls/provider.hpp"

namespace drover::droverd {
namespace {

/// A key of its own from the store's, so that tickets open after a restart and the store's key has one use.
Secret<Bytes> ticket_secret(const store::Sealer& sealer) {
  constexpr std::string_view kUse = "drover session tickets";
  const auto derived = security::cipher::hmac_sha256(sealer.key().reveal(), as_bytes(kUse));
  return Secret<Bytes>(Bytes(derived.begin(), derived.end()));
}

}  // namespace

Result<security::ServerCredentials> read_own(const store::ServerCredentialFiles& files, const CredentialStore& credentials) {
  auto own = store::read_server_credentials(files);
  if (!own) return own;
  io::SystemRng rng;
  security::dtls::DtlsProvider provider({}, rng);
  const auto tried = provider.acceptor(*own, credentials.credentials->source(store::Purpose::Server));
  if (!tried) return tl::unexpected(tried.error());
  return own;
}

Result<std::optional<ShardThreads::Settings::Secure>> secure_port(const Config& config,
                                                                  const CredentialStore& credentials) {
  const security::ServerCredentials& own = credentials.own;
  if (config.secure_listen.empty() || (config.store.empty() && !own.raw_key && !own.certificate)) return std::nullopt;
  if (auto right = security::dtls::check_library(); !right) return tl::unexpected(right.error());
  const auto target = parse_host_port(config.secure_listen);
  if (!target) return tl::unexpected(target.error());
  const auto addresses = io::resolve(target->host, target->port);
  if (!addresses) return tl::unexpected(addresses.error());
  ShardThreads::Settings::Secure secure;
  secure.listen = addresses->front().as(transport::Kind::Dtls);
  secure.own = own;
  secure.credentials = &credentials.credentials->source(store::Purpose::Server);
  secure.dtls.ticket_secret = ticket_secret(credentials.sealer);
  secure.dtls.cbc = config.cbc;
  secure.listener.park_after = std::chrono::seconds(config.park_after);
  secure.listener.handshakes_max = config.handshakes_max;
  return secure;
}

}  // namespace drover::droverd
