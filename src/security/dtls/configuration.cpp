// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/configuration.hpp"

#include <mbedtls/md.h>
#include <mbedtls/ssl_ciphersuites.h>

#include <algorithm>
#include <cstring>

#include "security/dtls/association.hpp"
#include "security/dtls/verification.hpp"

namespace drover::security::dtls {
namespace {

// RFC 7925 §4.4: P-256; the other two for certificates of other people's authorities.
constexpr std::uint16_t kGroups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
                                     MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
/// RFC 7925 §4.3, §4.4 and nothing else.
constexpr std::uint16_t kShortGroups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
constexpr std::uint16_t kShortSignatures[] = {MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_NONE};
constexpr std::size_t kConnectionIdSize = 8;

tl::unexpected<Error> refused(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}

int find_psk(void*, mbedtls_ssl_context* ssl, const unsigned char* bytes, std::size_t size) {
  auto& association = *static_cast<DtlsAssociation*>(mbedtls_ssl_get_user_data_p(ssl));
  Identity identity{IdentityKind::Psk, std::string(as_text({bytes, size})), {}};
  const CredentialSource* source = association.configuration().source();
  const auto known = size > kPskIdentityMax ? std::nullopt : source->find_psk(identity.name);
  if (!known) {
    association.refuse("unknown PSK identity: " + identity.to_string());
    return MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY;
  }
  const Bytes& key = known->key.reveal();
  const int code = mbedtls_ssl_set_hs_psk(ssl, key.data(), key.size());
  if (code != 0) {
    association.refuse("the pre-shared key of " + identity.to_string() + " can't be used");
    return code;
  }
  association.prove(std::move(identity), known->credential);
  return 0;
}

/// Days are counted from wherever instants are, when no wall clock is known.
std::uint32_t day(const Configuration& configuration, Instant now) {
  const auto seconds = configuration.wall(now).value_or(
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  return static_cast<std::uint32_t>(seconds / 86400);
}

Secret<Bytes> save(const mbedtls_ssl_session* session) {
  std::size_t size = 0;
  mbedtls_ssl_session_save(session, nullptr, 0, &size);
  Bytes saved(size);
  if (mbedtls_ssl_session_save(session, saved.data(), saved.size(), &size) != 0) saved.clear();
  return Secret<Bytes>(std::move(saved));
}

/// False when what was proved then doesn't hold any more.
bool take_up(Configuration& configuration, const ProvedSession& proved, mbedtls_ssl_session* session) {
  if (configuration.current == nullptr || !configuration.source()->holds(proved.credential, proved.peer)) return false;
  const Bytes& saved = proved.session.reveal();
  if (mbedtls_ssl_session_load(session, saved.data(), saved.size()) != 0) return false;
  configuration.current->resume(proved);
  return true;
}

int keep_session(void* self, const unsigned char* id, std::size_t size, const mbedtls_ssl_session* session) {
  auto& configuration = *static_cast<Configuration*>(self);
  const DtlsAssociation* association = configuration.current;
  if (association == nullptr) return 0;
  configuration.sessions().keep(association->now(), {id, size},
                                {association->proved(), association->credential(), save(session)});
  return 0;
}

int find_session(void* self, const unsigned char* id, std::size_t size, mbedtls_ssl_session* session) {
  auto& configuration = *static_cast<Configuration*>(self);
  const DtlsAssociation* association = configuration.current;
  if (association == nullptr) return MBEDTLS_ERR_SSL_CACHE_ENTRY_NOT_FOUND;
  const ProvedSession* found = configuration.sessions().find(association->now(), {id, size});
  if (found == nullptr || !take_up(configuration, *found, session)) return MBEDTLS_ERR_SSL_CACHE_ENTRY_NOT_FOUND;
  return 0;
}

int write_ticket(void* self, const mbedtls_ssl_session* session, unsigned char* start, const unsigned char* end,
                 std::size_t* size, std::uint32_t* lifetime) {
  auto& configuration = *static_cast<Configuration*>(self);
  const DtlsAssociation* association = configuration.current;
  *size = 0;
  if (association == nullptr) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
  const Secret<Bytes> packed =
      ProvedSession{association->proved(), association->credential(), save(session)}.pack();
  const Tickets tickets(configuration.parameters().ticket_secret);
  const auto ticket = tickets.seal(day(configuration, association->now()), configuration.rng(), packed.reveal());
  if (!ticket || ticket->size() > static_cast<std::size_t>(end - start)) return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
  std::memcpy(start, ticket->data(), ticket->size());
  *size = ticket->size();
  *lifetime = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(configuration.parameters().session_lifetime).count());
  return 0;
}

int read_ticket(void* self, mbedtls_ssl_session* session, unsigned char* bytes, std::size_t size) {
  auto& configuration = *static_cast<Configuration*>(self);
  if (configuration.current == nullptr) return MBEDTLS_ERR_SSL_INVALID_MAC;
  const Tickets tickets(configuration.parameters().ticket_secret);
  const auto opened = tickets.open(day(configuration, configuration.current->now()), {bytes, size});
  const auto proved = opened ? ProvedSession::unpack(opened->reveal()) : std::nullopt;
  if (!proved || !take_up(configuration, *proved, session)) return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
  return 0;
}

// Cookies are checked before there is an association: the one that gets here is good.
int write_cookie(void*, unsigned char**, unsigned char*, const unsigned char*, std::size_t) {
  return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}
int check_cookie(void*, const unsigned char*, std::size_t, const unsigned char*, std::size_t) {
  return 0;
}

/// A ticket stands for a verified certificate, so it is good only where the same anchors would verify it.
Secret<Bytes> bind_to(const std::vector<Bytes>& anchors, const Secret<Bytes>& secret) {
  if (anchors.empty() || secret.empty()) return secret;
  Bytes all;
  for (const Bytes& anchor : anchors) all.insert(all.end(), anchor.begin(), anchor.end());
  Bytes bound(32);
  const Bytes& key = secret.reveal();
  const int code = mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), key.data(), key.size(), all.data(),
                                   all.size(), bound.data());
  // No tickets rather than some that open where they mustn't.
  return code == 0 ? Secret<Bytes>(std::move(bound)) : Secret<Bytes>();
}

std::uint32_t milliseconds(Duration duration) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

Configuration::Configuration(const Parameters& parameters, Rng& rng) : parameters_(parameters), rng_(rng) {
  sessions_.configure(parameters_.sessions_max, parameters_.session_lifetime);
}

Result<void> Configuration::set_up(int role) {
  const int code = mbedtls_ssl_config_defaults(config_.get(), role, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                               MBEDTLS_SSL_PRESET_DEFAULT);
  if (code != 0) return tl::unexpected(Error{Fault::Us, 0, library_error(code)});
  mbedtls_ssl_conf_rng(config_.get(), random_bytes, &rng_);
  mbedtls_ssl_conf_min_tls_version(config_.get(), MBEDTLS_SSL_VERSION_TLS1_2);
  mbedtls_ssl_conf_max_tls_version(config_.get(), MBEDTLS_SSL_VERSION_TLS1_2);
  mbedtls_ssl_conf_groups(config_.get(), kGroups);
  mbedtls_ssl_conf_authmode(config_.get(), MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_verify(config_.get(), verify_peer, nullptr);
  mbedtls_ssl_conf_handshake_timeout(config_.get(), milliseconds(parameters_.retransmit_first),
                                     milliseconds(parameters_.retransmit_max));
  // Peers whose records carry another ID, or none, aren't worth an alert: anybody can send those.
  const std::size_t id_size = role == MBEDTLS_SSL_IS_SERVER ? kConnectionIdSize : 0;
  if (mbedtls_ssl_conf_cid(config_.get(), id_size, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE) != 0) {
    return tl::unexpected(Error{Fault::Us, 0, "Connection IDs can't be used"});
  }
  return {};
}

void Configuration::choose_suites(bool psk, bool ecdsa) {
  if (ecdsa) suites_.push_back(MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8);
  if (psk) suites_.push_back(MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8);
  if (ecdsa && parameters_.gcm) suites_.push_back(MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
  if (psk && parameters_.gcm) suites_.push_back(MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256);
  if (ecdsa && parameters_.cbc) suites_.push_back(MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256);
  if (psk && parameters_.cbc) suites_.push_back(MBEDTLS_TLS_PSK_WITH_AES_128_CBC_SHA256);
  suites_.push_back(0);
  mbedtls_ssl_conf_ciphersuites(config_.get(), suites_.data());
}

void Configuration::shorten_hello() {
  mbedtls_ssl_conf_session_tickets(config_.get(), MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  mbedtls_ssl_conf_sig_algs(config_.get(), kShortSignatures);
  mbedtls_ssl_conf_groups(config_.get(), kShortGroups);
  if (!parameters_.cbc) mbedtls_ssl_conf_encrypt_then_mac(config_.get(), MBEDTLS_SSL_ETM_DISABLED);
}

Result<void> Configuration::use_key(const Secret<Bytes>& key) {
  const Bytes& bytes = key.reveal();
  const int code = mbedtls_pk_parse_key(key_.get(), bytes.data(), bytes.size(), nullptr, 0, random_bytes, &rng_);
  if (code != 0) return refused("the private key can't be read: neither OneAsymmetricKey nor ECPrivateKey");
  if (mbedtls_pk_check_pair(&chain_->pk, key_.get(), random_bytes, &rng_) != 0) {
    return refused("the private key doesn't belong to the public key");
  }
  if (mbedtls_ssl_conf_own_cert(config_.get(), chain_.get(), key_.get()) != 0) {
    return tl::unexpected(Error{Fault::Us, 0, "no memory for the key"});
  }
  return {};
}

Result<void> Configuration::use_raw_key(const RawKeyCredential& own) {
  // The library sends the bytes of its own certificate: here they are the SubjectPublicKeyInfo.
  auto* copy = static_cast<unsigned char*>(mbedtls_calloc(1, std::max<std::size_t>(own.public_key.size(), 1)));
  if (copy == nullptr) return tl::unexpected(Error{Fault::Us, 0, "no memory for the key"});
  std::copy(own.public_key.begin(), own.public_key.end(), copy);
  chain_->own_buffer = 1;
  chain_->raw.p = copy;
  chain_->raw.len = own.public_key.size();
  unsigned char* at = copy;
  if (mbedtls_pk_parse_subpubkey(&at, copy + own.public_key.size(), &chain_->pk) != 0 ||
      at != copy + own.public_key.size()) {
    return refused("the public key is no SubjectPublicKeyInfo");
  }
  raw_keys_ = true;
  mbedtls_ssl_conf_raw_public_key(config_.get(), 1);
  return use_key(own.private_key);
}

Result<void> Configuration::use_certificate(const CertificateCredential& own) {
  for (const Bytes& certificate : own.chain) {
    if (mbedtls_x509_crt_parse_der(chain_.get(), certificate.data(), certificate.size()) != 0) {
      return refused("a certificate of the chain can't be read");
    }
  }
  if (own.chain.empty()) return refused("there is no certificate");
  return use_key(own.private_key);
}

Result<void> Configuration::trust(ByteView certificate) {
  if (mbedtls_x509_crt_parse_der(anchors_.get(), certificate.data(), certificate.size()) != 0) {
    return refused("a trust anchor can't be read");
  }
  mbedtls_ssl_conf_ca_chain(config_.get(), anchors_.get(), nullptr);
  return {};
}

Result<void> Configuration::use_psk(const PskCredential& own) {
  const Bytes& key = own.key.reveal();
  if (own.identity.empty() || own.identity.size() > kPskIdentityMax) {
    return refused("a PSK identity has 1 to " + std::to_string(kPskIdentityMax) + " bytes");
  }
  if (key.empty() || key.size() > kPskMax) {
    return refused("a pre-shared key has 1 to " + std::to_string(kPskMax) + " bytes");
  }
  const ByteView identity = as_bytes(own.identity);
  if (mbedtls_ssl_conf_psk(config_.get(), key.data(), key.size(), identity.data(), identity.size()) != 0) {
    return tl::unexpected(Error{Fault::Us, 0, "the pre-shared key can't be used"});
  }
  return {};
}

Result<std::shared_ptr<Configuration>> Configuration::server(const ServerCredentials& own,
                                                             CertificateType certificate_type,
                                                             const CredentialSource& source,
                                                             const Parameters& parameters, Rng& rng) {
  std::shared_ptr<Configuration> made(new Configuration(parameters, rng));
  if (auto done = made->set_up(MBEDTLS_SSL_IS_SERVER); !done) return tl::unexpected(done.error());
  made->source_ = &source;
  made->parameters_.ticket_secret = bind_to(own.trust_anchors, parameters.ticket_secret);
  mbedtls_ssl_config* config = made->config_.get();
  bool ecdsa = false;
  if (certificate_type == CertificateType::RawPublicKey && own.raw_key) {
    if (auto done = made->use_raw_key(*own.raw_key); !done) return tl::unexpected(done.error());
    ecdsa = true;
  } else if (certificate_type == CertificateType::X509 && own.certificate && !own.trust_anchors.empty()) {
    if (auto done = made->use_certificate(*own.certificate); !done) return tl::unexpected(done.error());
    for (const Bytes& anchor : own.trust_anchors) {
      if (auto done = made->trust(anchor); !done) return tl::unexpected(done.error());
    }
    ecdsa = true;
  }
  mbedtls_ssl_conf_psk_cb(config, find_psk, nullptr);
  mbedtls_ssl_conf_dtls_cookies(config, write_cookie, check_cookie, nullptr);
  mbedtls_ssl_conf_cert_req_ca_list(config, MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
  if (parameters.resumption) mbedtls_ssl_conf_session_cache(config, made.get(), find_session, keep_session);
  if (parameters.resumption && !made->parameters_.ticket_secret.empty()) {
    mbedtls_ssl_conf_session_tickets_cb(config, write_ticket, read_ticket, made.get());
  }
  made->choose_suites(true, ecdsa);
  return made;
}

Result<std::shared_ptr<Configuration>> Configuration::client(const ClientCredential& credential,
                                                             const std::string& host, const Parameters& parameters,
                                                             Rng& rng) {
  std::shared_ptr<Configuration> made(new Configuration(parameters, rng));
  if (auto done = made->set_up(MBEDTLS_SSL_IS_CLIENT); !done) return tl::unexpected(done.error());
  made->host_ = host;
  made->sends_name_ = !parameters.short_hello && !parse_ip(host).has_value();
  if (parameters.short_hello) made->shorten_hello();
  made->server_public_key_ = credential.server_public_key;
  Result<void> done;
  if (const auto* psk = std::get_if<PskCredential>(&credential.own)) {
    done = made->use_psk(*psk);
    made->choose_suites(true, false);
  } else if (const auto* raw = std::get_if<RawKeyCredential>(&credential.own)) {
    if (credential.server_public_key.empty()) return refused("the server's public key is missing");
    done = made->use_raw_key(*raw);
    made->choose_suites(false, true);
  } else {
    if (credential.server_public_key.empty()) return refused("the server's certificate or trust anchor is missing");
    done = made->use_certificate(std::get<CertificateCredential>(credential.own));
    if (done) done = made->trust(credential.server_public_key);
    made->choose_suites(false, true);
  }
  if (!done) return tl::unexpected(done.error());
  return made;
}

std::optional<UnixSeconds> Configuration::wall(Instant now) const {
  if (!unix_at_zero_) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch() + *unix_at_zero_).count();
}

}  // namespace drover::security::dtls
