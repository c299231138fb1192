// SPDX-License-Identifier: Apache-2.0
#include "provision/key_keeper.hpp"

#include <algorithm>
#include <utility>

#include "store/certificates.hpp"
#include "store/openssl.hpp"

namespace drover::provision {

using bootstrap::KeyRequest;
using bootstrap::KeysWanted;
using bootstrap::SecurityMode;
using security::ClientCredential;
using security::IdentityKind;
using store::Credential;
using store::Purpose;
namespace openssl = store::openssl;

namespace {

constexpr const char* kLabel = "bootstrap";

tl::unexpected<Error> refused(std::string reason) {
  return tl::unexpected(Error{Fault::Us, 0, std::move(reason)});
}

Purpose purpose_of(const KeyRequest& request) {
  return request.short_server_id ? Purpose::Server : Purpose::Bootstrap;
}

IdentityKind kind_of(SecurityMode mode) {
  switch (mode) {
    case SecurityMode::Psk: return IdentityKind::Psk;
    case SecurityMode::RawPublicKey: return IdentityKind::PublicKey;
    case SecurityMode::Certificate: return IdentityKind::Certificate;
    case SecurityMode::NoSec: break;
  }
  return IdentityKind::None;
}

std::string about(const KeyRequest& request) {
  if (!request.short_server_id) return "the new Bootstrap-Server account";
  return "server " + std::to_string(*request.short_server_id);
}

struct KeyPair {
  openssl::Key key;
  Bytes public_key;
  Secret<Bytes> private_key;
};
/// P-256, the curve that RFC 7925 §4.4 and §9 ask for.
Result<KeyPair> make_key_pair() {
  KeyPair pair{openssl::Key(EVP_EC_gen("P-256")), {}, {}};
  if (pair.key == nullptr) return refused("no key can be made: " + openssl::error_text());
  pair.public_key = openssl::to_der<const EVP_PKEY*>(i2d_PUBKEY, pair.key.get());
  const openssl::PrivateKeyInfo info(EVP_PKEY2PKCS8(pair.key.get()));
  pair.private_key = Secret<Bytes>(openssl::to_der<const PKCS8_PRIV_KEY_INFO*>(i2d_PKCS8_PRIV_KEY_INFO, info.get()));
  return pair;
}

}  // namespace

std::string issuer_of(std::optional<std::uint16_t> short_server_id) {
  return "bootstrap/" + (short_server_id ? std::to_string(*short_server_id) : std::string("account"));
}

Result<std::vector<ClientCredential>> KeyKeeper::provide(const KeysWanted& wanted) {
  Exchange exchange;
  std::vector<ClientCredential> keys;
  std::vector<store::NewCredential> entries;
  for (const KeyRequest& request : wanted.requests) {
    auto made = make(wanted, request, exchange);
    if (!made) return refused(about(request) + ": " + made.error().reason);
    keys.push_back(std::move(made->keys));
    if (!made->entry) continue;
    made->entry->purpose = purpose_of(request);
    made->entry->kind = kind_of(request.mode);
    made->entry->endpoint = wanted.endpoint;
    made->entry->label = kLabel;
    made->entry->issuer = issuer_of(request.short_server_id);
    entries.push_back(std::move(*made->entry));
  }
  if (!entries.empty()) {
    auto batch = credentials_.exchange(std::move(entries), {});
    if (!batch) return refused(batch.error().reason);
    for (const auto& refusal : batch->refusals) {
      if (refusal) return refused(refusal->reason);
    }
    for (const Credential& entry : batch->added) exchange.added.push_back(entry.id);
  }
  exchanges_[wanted.session] = std::move(exchange);
  return keys;
}

Result<KeyKeeper::Made> KeyKeeper::make(const KeysWanted& wanted, const KeyRequest& request, Exchange& exchange) const {
  const std::string issuer = issuer_of(request.short_server_id);
  std::vector<Credential> own = credentials_.of_endpoint(purpose_of(request), wanted.endpoint);
  std::erase_if(own, [&](const Credential& entry) { return entry.issuer != issuer; });
  for (const Credential& entry : own) exchange.older.push_back(entry.id);
  switch (request.mode) {
    case SecurityMode::Psk: return make_psk(request, own, wanted.rotate, exchange);
    case SecurityMode::RawPublicKey: return make_raw_key(request);
    case SecurityMode::Certificate: return make_certificate(wanted.endpoint, request);
    case SecurityMode::NoSec: break;
  }
  return refused("there are no keys without security");
}

Result<KeyKeeper::Made> KeyKeeper::make_psk(const KeyRequest& request, const std::vector<Credential>& own, bool rotate,
                                            Exchange& exchange) const {
  // The newest: an older one may be what a session that came to nothing has left.
  for (auto entry = own.rbegin(); entry != own.rend() && !rotate; ++entry) {
    if (entry->kind != IdentityKind::Psk || !entry->enabled || entry->expires_at) continue;
    auto key = credentials_.key(entry->id);
    if (!key || key->reveal().size() != request.key_bytes) continue;
    std::erase(exchange.older, entry->id);
    return Made{{security::PskCredential{entry->identity, std::move(*key)}, {}}, std::nullopt};
  }
  auto key = store::random_secret(request.key_bytes);
  if (!key) return tl::unexpected(key.error());
  store::NewCredential entry;
  entry.identity = request.identity;
  entry.key = *key;
  return Made{{security::PskCredential{request.identity, std::move(*key)}, {}}, std::move(entry)};
}

Result<KeyKeeper::Made> KeyKeeper::make_raw_key(const KeyRequest& request) const {
  const auto& server = request.short_server_id ? settings_.server : settings_.bootstrap;
  Bytes server_key = request.server_public_key;
  if (server_key.empty() && server.raw_key) server_key = server.raw_key->public_key;
  if (server_key.empty()) {
    return refused("the server has no raw public key: give server_public_key in the plan, or raw_private_key to the server");
  }
  auto pair = make_key_pair();
  if (!pair) return tl::unexpected(pair.error());
  store::NewCredential entry;
  entry.identity = std::string(as_text(pair->public_key));
  return Made{{security::RawKeyCredential{std::move(pair->public_key), std::move(pair->private_key)}, std::move(server_key)},
              std::move(entry)};
}

Result<KeyKeeper::Made> KeyKeeper::make_certificate(const std::string& endpoint, const KeyRequest& request) const {
  const auto& server = request.short_server_id ? settings_.server : settings_.bootstrap;
  Bytes server_certificate = request.server_public_key;
  if (server_certificate.empty() && server.certificate) server_certificate = server.certificate->chain.front();
  if (server_certificate.empty()) {
    return refused("the server has no certificate: give server_public_key in the plan, or a certificate to the server");
  }
  if (!settings_.authority) return refused("there is nobody to sign certificates: [bootstrap] needs an authority");
  if (endpoint.size() > store::kCommonNameMax && !endpoint.starts_with("urn:")) {
    return refused("the endpoint name is too long for a certificate");
  }
  const Bytes& issuer_der = settings_.authority->chain.front();
  const Bytes& key_der = settings_.authority->private_key.reveal();
  const unsigned char* at = issuer_der.data();
  const openssl::Certificate issuer(d2i_X509(nullptr, &at, static_cast<long>(issuer_der.size())));
  at = key_der.data();
  const openssl::Key issuer_key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(key_der.size())));
  auto pair = make_key_pair();
  if (!pair) return tl::unexpected(pair.error());
  openssl::Certificate certificate;
  if (issuer != nullptr && issuer_key != nullptr) {
    certificate = store::make_device_certificate(endpoint, pair->key.get(), issuer.get(), issuer_key.get(),
                                                 settings_.certificate_days);
  }
  if (certificate == nullptr) return refused("no certificate can be made: " + openssl::error_text());
  Bytes der = openssl::to_der<const X509*>(i2d_X509, certificate.get());
  store::NewCredential entry;
  entry.identity = store::fingerprint(der);
  return Made{{security::CertificateCredential{{std::move(der)}, std::move(pair->private_key)}, std::move(server_certificate)},
              std::move(entry)};
}

Result<void> KeyKeeper::ended(const bootstrap::SessionEnded& ended) {
  const auto found = exchanges_.find(ended.session);
  if (found == exchanges_.end()) return {};
  const Exchange exchange = std::move(found->second);
  exchanges_.erase(found);
  if (ended.applied == bootstrap::Applied::Unknown) return {};
  const auto& gone = ended.applied == bootstrap::Applied::Yes ? exchange.older : exchange.added;
  if (gone.empty()) return {};
  auto done = credentials_.exchange({}, gone);
  if (!done) return refused(done.error().reason);
  return {};
}

}  // namespace drover::provision
