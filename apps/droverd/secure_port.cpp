// SPDX-License-Identifier: Apache-2.0
#include "secure_port.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string_view>

#include "handover_file.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"
#include "io/resolve.hpp"
#include "security/dtls/provider.hpp"

namespace drover::droverd {
namespace {

/// A key of its own from the store's, so that tickets open after a restart and the store's key has one use.
Secret<Bytes> ticket_secret(const store::Sealer& sealer) {
  constexpr std::string_view kUse = "drover session tickets";
  const Bytes& key = sealer.key().reveal();
  Bytes derived(32);
  unsigned size = 0;
  const ByteView use = as_bytes(kUse);
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), use.data(), use.size(), derived.data(), &size) ==
      nullptr) {
    return {};
  }
  return Secret<Bytes>(std::move(derived));
}

}  // namespace

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

void take_over(const Config& config, const CredentialStore& credentials, ShardThreads& shards) {
  if (config.store.empty()) return;
  const Instant begun = io::now();
  auto handed = take_handover(handover_file(config.store), credentials.sealer);
  if (!handed) {
    io::log::warn("nothing is taken over; devices register again", {{"why", handed.error().reason}});
    return;
  }
  if (handed->empty()) return;
  if (handed->front().shards != shards.shards()) {
    io::log::warn("nothing is taken over; devices register again", {{"why", "another number of shards"}});
    return;
  }
  const std::size_t taken = shards.take_over(std::move(*handed));
  io::log::info("taken over", {{"registrations", taken},
                               {"milliseconds", std::chrono::duration_cast<std::chrono::milliseconds>(io::now() - begun).count()}});
}

void hand_over(const Config& config, const CredentialStore& credentials, ShardThreads& shards) {
  if (config.store.empty()) return;
  const Instant begun = io::now();
  const auto handed = shards.hand_over();
  std::size_t registrations = 0, associations = 0;
  for (const server::Handover& shard : handed) {
    registrations += shard.registrations.size();
    associations += shard.associations.size();
  }
  if (const auto written = write_handover(handover_file(config.store), credentials.sealer, handed); !written) {
    io::log::warn("nothing is handed over; devices register again", {{"why", written.error().reason}});
    return;
  }
  io::log::info("handed over", {{"registrations", registrations},
                                {"associations", associations},
                                {"milliseconds", std::chrono::duration_cast<std::chrono::milliseconds>(io::now() - begun).count()}});
}

}  // namespace drover::droverd
