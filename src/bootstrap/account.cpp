// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/account.hpp"

namespace drover::bootstrap {

using lwm2m::Opaque;
using lwm2m::ResourceNode;
using security::CertificateCredential;
using security::ClientCredential;
using security::PskCredential;
using security::RawKeyCredential;

namespace {

/// /0/x (Core E.1).
enum SecurityResource : lwm2m::ResourceId {
  kServerUri = 0,
  kBootstrapServer = 1,
  kSecurityMode = 2,
  kPublicKeyOrIdentity = 3,
  kServerPublicKey = 4,
  kSecretKey = 5,
  kShortServerId = 10,
  kClientHoldOffTime = 11,
  kAccountTimeout = 12,
};

}  // namespace

const Secret<Bytes>& secret_key(const ClientCredential& keys) {
  if (const auto* psk = std::get_if<PskCredential>(&keys.own)) return psk->key;
  if (const auto* raw = std::get_if<RawKeyCredential>(&keys.own)) return raw->private_key;
  return std::get<CertificateCredential>(keys.own).private_key;
}

Bytes public_part(const ClientCredential& keys) {
  if (const auto* psk = std::get_if<PskCredential>(&keys.own)) return to_bytes(psk->identity);
  if (const auto* raw = std::get_if<RawKeyCredential>(&keys.own)) return raw->public_key;
  Bytes row;
  for (const Bytes& certificate : std::get<CertificateCredential>(keys.own).chain) {
    row.insert(row.end(), certificate.begin(), certificate.end());
  }
  return row;
}

Result<void> check_keys(SecurityMode mode, const ClientCredential& keys) {
  const auto bad = [](const char* reason) { return tl::unexpected(Error{Fault::Environment, 0, reason}); };
  if (keys.own.index() != static_cast<std::size_t>(mode)) return bad("they are of another security mode");
  const Bytes shown = public_part(keys);
  if (shown.empty()) return bad("resource 3 (Public Key or Identity) is empty");
  if (secret_key(keys).empty()) return bad("resource 5 (Secret Key) is empty");
  if (mode == SecurityMode::Psk) {
    if (shown.size() > security::kPskIdentityMax) return bad("the PSK identity has more than 128 bytes");
    if (secret_key(keys).reveal().size() > security::kPskMax) return bad("the pre-shared key has more than 64 bytes");
  } else if (keys.server_public_key.empty()) {
    return bad("resource 4 (Server Public Key) is empty");
  }
  return {};
}

lwm2m::InstanceNode security_instance(const Account& account, lwm2m::InstanceId id, const std::string& uri,
                                      const ClientCredential* keys) {
  lwm2m::InstanceNode node{id, {}};
  node.resources.reserve(9);
  const auto add = [&](lwm2m::ResourceId resource, lwm2m::Value value) {
    node.resources.push_back(ResourceNode::single(resource, std::move(value)));
  };
  add(kServerUri, uri);
  add(kBootstrapServer, account.is_bootstrap());
  add(kSecurityMode, static_cast<std::int64_t>(account.mode));
  // Resources 3 to 5 are mandatory (Core E.1): what a mode doesn't use is empty.
  const bool secure = account.mode != SecurityMode::NoSec;
  add(kPublicKeyOrIdentity, Opaque{secure ? public_part(*keys) : Bytes{}});
  add(kServerPublicKey, Opaque{secure ? keys->server_public_key : Bytes{}});
  add(kSecretKey, Opaque{secure ? secret_key(*keys).reveal() : Bytes{}});
  if (account.short_server_id) add(kShortServerId, std::int64_t{*account.short_server_id});
  if (account.hold_off) add(kClientHoldOffTime, std::int64_t{*account.hold_off});
  if (account.account_timeout) add(kAccountTimeout, std::int64_t{*account.account_timeout});
  return node;
}

}  // namespace drover::bootstrap
