// SPDX-License-Identifier: Apache-2.0
#include "security/dtls/association.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/reader.hpp"
#include "security/client_hello.hpp"

namespace drover::security::dtls {
namespace {

/// Of what release() gives; another one is refused.
constexpr std::uint8_t kReleaseVersion = 1;
/// Type and version in front of a record's sequence number; the whole header without a Connection ID.
constexpr std::size_t kVersionEnd = 3;
constexpr std::size_t kHeaderSize = 13;
/// Room for one record's plaintext.
constexpr std::size_t kPlaintextMax = MBEDTLS_SSL_IN_CONTENT_LEN;

std::uint64_t first_word(const unsigned char* bytes) {
  std::uint64_t word = 0;
  for (int i = 0; i < 8; ++i) word = word << 8 | bytes[i];
  return word;
}

/// The same for both orders of the randoms, since the library keeps them the other way around.
std::uint64_t name_of_keys(const unsigned char* one_random, const unsigned char* other_random) {
  std::uint64_t name = 0;
  for (int i = 0; i < 32; i += 8) name = name * 31 + (first_word(one_random + i) ^ first_word(other_random + i));
  return name;
}

/// Of what mbedtls_ssl_context_save() gives: a header of 8 bytes, the session with its length of 4 bytes, the randoms.
std::uint64_t saved_name_of_keys(ByteView saved) {
  ByteReader reader(saved);
  reader.bytes(8);
  const auto session = reader.uint(4);
  if (!session || !reader.bytes(*session)) return 0;
  const auto randoms = reader.bytes(64);
  return randoms ? name_of_keys(randoms->data(), randoms->data() + 32) : 0;
}

std::string alert_name(int alert) {
  switch (alert) {
    case MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC: return "bad_record_mac: the keys differ";
    case MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR: return "decrypt_error: the keys differ";
    case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE: return "handshake_failure: no cipher suite or credential in common";
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_PSK_IDENTITY: return "unknown_psk_identity";
    case MBEDTLS_SSL_ALERT_MSG_NO_CERT: return "no_certificate";
    case MBEDTLS_SSL_ALERT_MSG_BAD_CERT: return "bad_certificate";
    case MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT: return "unsupported_certificate";
    case MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED: return "certificate_expired";
    case MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN: return "certificate_unknown";
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA: return "unknown_ca";
    case MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED: return "access_denied";
    case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION: return "protocol_version";
    case MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY: return "insufficient_security";
    default: return "alert " + std::to_string(alert);
  }
}

}  // namespace

std::optional<Bytes> DtlsAssociation::Queue::pop() {
  if (items_.empty()) return std::nullopt;
  Bytes first = std::move(items_[next_++]);
  if (next_ == items_.size()) clear();
  return first;
}

// ---- beginnings -----------------------------------------------------------------------------------------------------

DtlsAssociation::DtlsAssociation(Instant now, Configuration& configuration)
    : configuration_(configuration.shared_from_this()), now_(now) {}

DtlsAssociation::~DtlsAssociation() {
  if (configuration_->current == this) configuration_->current = nullptr;
}

bool DtlsAssociation::set_up() {
  if (const int code = mbedtls_ssl_setup(ssl_.get(), configuration_->get()); code != 0) {
    fail(code);
    return false;
  }
  mbedtls_ssl_set_bio(ssl_.get(), this, on_send, on_receive, nullptr);
  mbedtls_ssl_set_timer_cb(ssl_.get(), this, on_set_timer, on_get_timer);
  mbedtls_ssl_set_mtu(ssl_.get(), configuration_->parameters().mtu);
  mbedtls_ssl_set_user_data_p(ssl_.get(), this);
  mbedtls_ssl_set_export_keys_cb(ssl_.get(), on_keys, this);
  mbedtls_ssl_set_verify(ssl_.get(), configuration_->get()->f_vrfy, this);
  return true;
}

std::unique_ptr<DtlsAssociation> DtlsAssociation::connect(Instant now, Configuration& configuration,
                                                          const Secret<Bytes>& session) {
  std::unique_ptr<DtlsAssociation> made(new DtlsAssociation(now, configuration));
  if (!made->set_up()) return made;
  made->handshake_ends_ = now + configuration.parameters().handshake_max;
  mbedtls_ssl_context* ssl = made->ssl_.get();
  // Without a name to check: what the certificate must say is checked by our own callback.
  const char* host = configuration.sends_name() ? configuration.host().c_str() : nullptr;
  int code = mbedtls_ssl_set_hostname(ssl, host);
  // Ours is empty: a client has one server, and saves the bytes.
  constexpr unsigned char kNone[1] = {};
  if (code == 0 && configuration.parameters().connection_id) {
    code = mbedtls_ssl_set_cid(ssl, MBEDTLS_SSL_CID_ENABLED, kNone, 0);
  }
  if (code != 0) {
    made->fail(code);
    return made;
  }
  if (!session.empty() && configuration.parameters().resumption) {
    Session saved;
    const auto proved = ProvedSession::unpack(session.reveal());
    if (proved &&
        mbedtls_ssl_session_load(saved.get(), proved->session.reveal().data(), proved->session.reveal().size()) == 0 &&
        mbedtls_ssl_set_session(ssl, saved.get()) == 0) {
      made->resuming_ = true;
      made->prove(proved->peer, proved->credential);
    }
  }
  made->handshake();
  return made;
}

std::unique_ptr<DtlsAssociation> DtlsAssociation::accept(Instant now, Configuration& configuration,
                                                         ByteView connection_id) {
  std::unique_ptr<DtlsAssociation> made(new DtlsAssociation(now, configuration));
  if (!made->set_up()) return made;
  made->handshake_ends_ = now + configuration.parameters().handshake_max;
  if (!connection_id.empty() && configuration.parameters().connection_id) {
    const int code =
        mbedtls_ssl_set_cid(made->ssl_.get(), MBEDTLS_SSL_CID_ENABLED, connection_id.data(), connection_id.size());
    if (code != 0) made->fail(code);
  }
  return made;
}

// ---- datagrams ------------------------------------------------------------------------------------------------------

int DtlsAssociation::on_send(void* self, const unsigned char* bytes, std::size_t size) {
  auto& association = *static_cast<DtlsAssociation*>(self);
  association.watch({bytes, size});
  association.out_.push(Bytes(bytes, bytes + size));
  return static_cast<int>(size);
}

int DtlsAssociation::on_receive(void* self, unsigned char* buffer, std::size_t size) {
  auto& association = *static_cast<DtlsAssociation*>(self);
  const ByteView input = std::exchange(association.input_, {});
  if (input.empty() || input.size() > size) return MBEDTLS_ERR_SSL_WANT_READ;
  std::memcpy(buffer, input.data(), input.size());
  return static_cast<int>(input.size());
}

Arrival DtlsAssociation::handle_datagram(Instant now, ByteView datagram) {
  now_ = now;
  if (state_ == AssociationState::Closed) return Arrival::Ignored;
  const bool handshaking = state_ == AssociationState::Handshaking;
  const std::uint64_t top = ssl_->in_window_top;
  const std::uint64_t window = ssl_->in_window;
  const bool had_window = ssl_->in_epoch != 0;
  input_ = datagram;
  if (handshaking) handshake();
  if (state_ == AssociationState::Established) read();
  input_ = {};
  if (handshaking) return Arrival::Accepted;
  if (state_ == AssociationState::Closed) return Arrival::Accepted;
  if (had_window && ssl_->in_window_top > top) return Arrival::Newest;
  return ssl_->in_window != window ? Arrival::Accepted : Arrival::Ignored;
}

void DtlsAssociation::handshake() {
  configuration_->current = this;
  const int code = mbedtls_ssl_handshake(ssl_.get());
  configuration_->current = nullptr;
  if (code == 0) {
    established();
  } else if (code != MBEDTLS_ERR_SSL_WANT_READ && code != MBEDTLS_ERR_SSL_WANT_WRITE) {
    fail(code);
  }
}

void DtlsAssociation::established() {
  state_ = AssociationState::Established;
  resumed_ = resuming_;
  peer_ = std::move(proved_);
  proved_ = {};
  refusal_.clear();
  free_messages();
  if (!configuration_->is_server() && configuration_->parameters().resumption) remember_session();
}

// Messages of CoAP are one record each; only handshakes are cut to what every path takes.
void DtlsAssociation::free_messages() {
  if (!configuration_->parameters().mtu_for_all) mbedtls_ssl_set_mtu(ssl_.get(), 0);
}

void DtlsAssociation::read() {
  static thread_local std::array<unsigned char, kPlaintextMax> plaintext;
  for (;;) {
    const int code = mbedtls_ssl_read(ssl_.get(), plaintext.data(), plaintext.size());
    if (code > 0) {
      in_.push(Bytes(plaintext.begin(), plaintext.begin() + code));
      mbedtls_platform_zeroize(plaintext.data(), static_cast<std::size_t>(code));
      continue;
    }
    if (code == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE) return;
    if (code == 0) continue;  // an empty record
    fail(code);
    return;
  }
}

Result<void> DtlsAssociation::send(Instant now, ByteView plaintext) {
  now_ = now;
  if (state_ != AssociationState::Established) {
    return tl::unexpected(Error{Fault::Us, 0, "the association isn't established"});
  }
  if (plaintext.empty()) return {};
  const int most = mbedtls_ssl_get_max_out_record_payload(ssl_.get());
  if (most < 0 || plaintext.size() > static_cast<std::size_t>(most)) {
    return tl::unexpected(Error{Fault::Us, 0, "the message is longer than a record may be"});
  }
  const int code = mbedtls_ssl_write(ssl_.get(), plaintext.data(), plaintext.size());
  if (code == static_cast<int>(plaintext.size())) return {};
  fail(code);
  return tl::unexpected(Error{Fault::Us, 0, reason_});
}

void DtlsAssociation::close(Instant now) {
  now_ = now;
  if (state_ == AssociationState::Closed) return;
  if (state_ == AssociationState::Established) mbedtls_ssl_close_notify(ssl_.get());
  end("closed here");
}

std::optional<Bytes> DtlsAssociation::poll_datagram() {
  return out_.pop();
}
std::optional<Bytes> DtlsAssociation::poll_plaintext() {
  return in_.pop();
}

// ---- time -----------------------------------------------------------------------------------------------------------

void DtlsAssociation::on_set_timer(void* self, std::uint32_t intermediate, std::uint32_t final) {
  auto& association = *static_cast<DtlsAssociation*>(self);
  if (final == 0) {
    association.intermediate_.reset();
    association.final_.reset();
    return;
  }
  association.intermediate_ = association.now_ + std::chrono::milliseconds(intermediate);
  association.final_ = association.now_ + std::chrono::milliseconds(final);
}

int DtlsAssociation::on_get_timer(void* self) {
  const auto& association = *static_cast<const DtlsAssociation*>(self);
  if (!association.final_) return -1;
  if (association.now_ >= *association.final_) return 2;
  return association.now_ >= *association.intermediate_ ? 1 : 0;
}

void DtlsAssociation::handle_timeout(Instant now) {
  now_ = now;
  if (state_ == AssociationState::Closed) return;
  if (state_ == AssociationState::Handshaking && now >= handshake_ends_) {
    end(refusal_.empty() ? "the handshake took too long" : refusal_);
    return;
  }
  if (!final_ || now < *final_) return;
  if (state_ == AssociationState::Handshaking) {
    handshake();
  } else {
    read();
  }
}

std::optional<Deadline> DtlsAssociation::deadline() const {
  if (state_ == AssociationState::Closed) return std::nullopt;
  std::optional<Deadline> next;
  if (final_) next = Deadline{*final_, Reason::DtlsFlight};
  if (state_ == AssociationState::Handshaking && (!next || handshake_ends_ < next->at)) {
    next = Deadline{handshake_ends_, Reason::Handshake};
  }
  return next;
}

// ---- ends -----------------------------------------------------------------------------------------------------------

std::string DtlsAssociation::explain(int code) const {
  if (!refusal_.empty()) return refusal_;
  switch (code) {
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY: return "the peer closed it";
    case MBEDTLS_ERR_SSL_TIMEOUT: return "the peer didn't answer";
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
      return "the peer refused: " + alert_name(ssl_->in_len != nullptr && ssl_->in_msg != nullptr ? ssl_->in_msg[1] : 0);
    case MBEDTLS_ERR_SSL_INVALID_MAC:
      return proved_.kind == IdentityKind::Psk ? "wrong pre-shared key for " + proved_.to_string()
                                               : "a record isn't authentic";
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE: return "no cipher suite or credential in common";
    case MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION: return "neither raw public keys nor certificates in common";
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION: return "the peer doesn't speak DTLS 1.2";
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE: return "the peer sent no certificate";
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED: return "the peer's certificate isn't valid";
    default: return library_error(code);
  }
}

void DtlsAssociation::fail(int code) {
  end(explain(code));
}

void DtlsAssociation::end(std::string reason) {
  state_ = AssociationState::Closed;
  reason_ = std::move(reason);
  intermediate_.reset();
  final_.reset();
  mbedtls_ssl_free(ssl_.get());
  mbedtls_ssl_init(ssl_.get());
}

// ---- what is known of it --------------------------------------------------------------------------------------------

std::string DtlsAssociation::suite() const {
  if (state_ != AssociationState::Established) return {};
  const char* name = mbedtls_ssl_get_ciphersuite(ssl_.get());
  std::string text = name == nullptr ? "" : name;
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

bool DtlsAssociation::has_connection_id() const {
  if (state_ != AssociationState::Established) return false;
  int enabled = MBEDTLS_SSL_CID_DISABLED;
  // The library takes no const context here, and changes nothing.
  auto* ssl = const_cast<mbedtls_ssl_context*>(ssl_.get());
  return mbedtls_ssl_get_peer_cid(ssl, &enabled, nullptr, nullptr) == 0 && enabled == MBEDTLS_SSL_CID_ENABLED;
}

Secret<Bytes> DtlsAssociation::session() const {
  return session_;
}

/// The library gives it once a handshake, and the ticket has arrived by then.
void DtlsAssociation::remember_session() {
  Session session;
  if (mbedtls_ssl_get_session(ssl_.get(), session.get()) != 0) return;
  std::size_t size = 0;
  mbedtls_ssl_session_save(session.get(), nullptr, 0, &size);
  Bytes saved(size);
  if (mbedtls_ssl_session_save(session.get(), saved.data(), saved.size(), &size) != 0) return;
  session_ = ProvedSession{peer_, credential_, Secret<Bytes>(std::move(saved))}.pack();
}

void DtlsAssociation::resume(const ProvedSession& session) {
  prove(session.peer, session.credential);
  resuming_ = true;
}

void DtlsAssociation::on_keys(void* self, mbedtls_ssl_key_export_type, const unsigned char* secret, std::size_t size,
                              const unsigned char client_random[32], const unsigned char server_random[32],
                              mbedtls_tls_prf_types) {
  auto& association = *static_cast<DtlsAssociation*>(self);
  association.keys_ = name_of_keys(client_random, server_random);
  Watcher* watcher = association.configuration_->parameters().watcher;
  if (watcher == nullptr) return;
  watcher->key_log(Secret<std::string>("CLIENT_RANDOM " + to_hex({client_random, 32}) + " " + to_hex({secret, size})));
}

void DtlsAssociation::watch(ByteView datagram) const {
  Watcher* watcher = configuration_->parameters().watcher;
  if (watcher == nullptr) return;
  const std::uint64_t direction = configuration_->is_server() ? 1 : 0;
  while (!datagram.empty()) {
    // How long the peer's Connection ID is doesn't matter: such a record is the last of its datagram.
    const bool has_id = datagram[0] == static_cast<std::uint8_t>(ContentType::ConnectionId);
    ByteReader reader(datagram.subspan(kVersionEnd));
    const auto sequence = reader.uint(8);
    const auto length = has_id ? reader.remaining() : reader.u16();
    if (!sequence || !length) return;
    const std::size_t size = has_id ? datagram.size() : kHeaderSize + *length;
    if (*sequence >> 48 != 0) watcher->sealed(keys_ * 2 + direction, *sequence, datagram.first(size));
    datagram = datagram.subspan(size);
  }
}

// ---- moved ----------------------------------------------------------------------------------------------------------

namespace {

bool uses_cbc(int suite) {
  return suite == MBEDTLS_TLS_PSK_WITH_AES_128_CBC_SHA256 ||
         suite == MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256;
}

}  // namespace

bool DtlsAssociation::is_releasable() const {
  return state_ == AssociationState::Established && ssl_->handshake == nullptr && in_.empty() && out_.empty() &&
         ssl_->session != nullptr && !uses_cbc(ssl_->session->ciphersuite);
}

Result<Secret<Bytes>> DtlsAssociation::release() {
  if (!is_releasable()) return tl::unexpected(Error{Fault::Us, 0, "the association can't be moved now"});
  static thread_local std::array<unsigned char, 4096> saved;
  std::size_t size = 0;
  const int code = mbedtls_ssl_context_save(ssl_.get(), saved.data(), saved.size(), &size);
  if (code != 0) return tl::unexpected(Error{Fault::Us, 0, library_error(code)});
  const std::string identity = peer_.pack();
  ByteWriter writer;
  writer.reserve(11 + identity.size() + size);
  writer.u8(kReleaseVersion);
  writer.uint(credential_.value, 8);
  writer.u16(static_cast<std::uint16_t>(identity.size()));
  writer.bytes(as_bytes(identity));
  writer.bytes({saved.data(), size});
  mbedtls_platform_zeroize(saved.data(), size);
  end("moved");
  return Secret<Bytes>(writer.take());
}

namespace {

struct Released {
  ReleasedPeer peer;
  ByteView context;  ///< as the library saved it
};

std::optional<Released> parse_released(ByteView released) {
  ByteReader reader(released);
  const auto version = reader.u8();
  const auto credential = reader.uint(8);
  const auto size = reader.u16();
  const auto identity = size ? reader.bytes(*size) : std::nullopt;
  auto peer = identity ? Identity::unpack(as_text(*identity)) : std::nullopt;
  if (!peer || *version != kReleaseVersion) return std::nullopt;
  return Released{{std::move(*peer), CredentialId{*credential}}, reader.rest()};
}

}  // namespace

RecordCounters DtlsAssociation::counters() const {
  return {first_word(ssl_->cur_out_ctr), ssl_->in_window_top};
}

bool DtlsAssociation::advance(Bytes& released, const RecordCounters& past) {
  const auto parsed = parse_released(released);
  if (!parsed) return false;
  // As mbedtls_ssl_context_save() writes it: header, session, randoms, both Connection IDs, a counter of bad MACs; then
  // the window's top and bits, a flag, and the counter of what is sent.
  ByteReader reader(parsed->context);
  bool whole = reader.bytes(8).has_value();
  const auto session = reader.uint(4);
  whole = whole && session && reader.bytes(*session) && reader.bytes(64);
  for (int id = 0; id < 2 && whole; ++id) {
    const auto size = reader.u8();
    whole = size && reader.bytes(*size);
  }
  whole = whole && reader.bytes(4);
  constexpr std::size_t kWindow = 8, kFlag = 1, kCounter = 8;
  if (!whole || reader.remaining() < 2 * kWindow + kFlag + kCounter) return false;
  const auto put = [](std::uint8_t* at, std::uint64_t word) {
    for (int shift = 56; shift >= 0; shift -= 8) *at++ = static_cast<std::uint8_t>(word >> shift);
  };
  std::uint8_t* const top = released.data() + (released.size() - reader.remaining());
  std::uint8_t* const sent = top + 2 * kWindow + kFlag;
  if (past.received >= first_word(top)) {
    put(top, past.received);
    put(top + kWindow, ~std::uint64_t{0});
  }
  if (past.sent > first_word(sent)) put(sent, past.sent);
  return true;
}

std::optional<ReleasedPeer> DtlsAssociation::inspect(ByteView released) {
  auto parsed = parse_released(released);
  if (!parsed) return std::nullopt;
  return std::move(parsed->peer);
}

Result<std::unique_ptr<Association>> DtlsAssociation::restore(Instant now, Configuration& configuration,
                                                              ByteView released) {
  const auto refuse = [](std::string reason) { return tl::unexpected(Error{Fault::Us, 0, std::move(reason)}); };
  auto parsed = parse_released(released);
  if (!parsed) return refuse("not an association of this version");
  std::unique_ptr<DtlsAssociation> made(new DtlsAssociation(now, configuration));
  if (!made->set_up()) return refuse(made->reason_);
  const int code = mbedtls_ssl_context_load(made->ssl_.get(), parsed->context.data(), parsed->context.size());
  if (code != 0) {
    // The library has freed the context.
    mbedtls_ssl_init(made->ssl_.get());
    return refuse(library_error(code));
  }
  made->free_messages();
  made->state_ = AssociationState::Established;
  made->peer_ = std::move(parsed->peer.identity);
  made->credential_ = parsed->peer.credential;
  made->keys_ = saved_name_of_keys(parsed->context);
  return made;
}

}  // namespace drover::security::dtls
