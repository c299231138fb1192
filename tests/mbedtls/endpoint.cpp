// SPDX-License-Identifier: Apache-2.0
#include "endpoint.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace drover::tests {

namespace {

/// The same numbers in each run, others for each endpoint.
std::uint64_t next_seed() {
  static std::uint64_t seed = 0;
  return ++seed;
}

void expect_zero(int result, const char* what) {
  if (result != 0) throw std::runtime_error(std::string(what) + ": " + std::to_string(result));
}

}  // namespace

Options usual(Role role, Kind kind, int suite) {
  const Material& all = material();
  const bool server = role == Role::Server;
  Options options;
  options.kind = kind;
  options.suites = {suite};
  options.own = server ? all.server : all.client;
  options.chain = server ? all.server_chain : all.client_chain;
  options.anchor = all.anchor;
  if (kind == Kind::RawPublicKey) {
    const Bytes& trusted = server ? all.client.public_key : all.server.public_key;
    options.verify = [&trusted](mbedtls_x509_crt& key, int, std::uint32_t& flags) {
      if (Bytes(key.raw.p, key.raw.p + key.raw.len) == trusted) flags &= ~std::uint32_t{MBEDTLS_X509_BADCERT_NOT_TRUSTED};
      return 0;
    };
  }
  return options;
}

Endpoint::Endpoint(Role role, Options options) : options_(std::move(options)), random_(next_seed()) {
  mbedtls_ssl_config_init(&config_);
  mbedtls_ssl_init(&ssl_);
  mbedtls_x509_crt_init(&own_);
  mbedtls_x509_crt_init(&anchor_);
  mbedtls_pk_init(&key_);
  const int endpoint = role == Role::Client ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER;
  expect_zero(mbedtls_ssl_config_defaults(&config_, endpoint, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT),
              "defaults");
  mbedtls_ssl_conf_rng(
      &config_,
      [](void* self, unsigned char* bytes, std::size_t size) {
        auto& random = static_cast<Endpoint*>(self)->random_;
        std::generate(bytes, bytes + size, [&random] { return static_cast<unsigned char>(random()); });
        return 0;
      },
      this);
  options_.suites.push_back(0);
  mbedtls_ssl_conf_ciphersuites(&config_, options_.suites.data());
  mbedtls_ssl_conf_authmode(&config_, options_.authentication);
  configure_credentials();
  if (options_.verify) {
    mbedtls_ssl_conf_verify(
        &config_,
        [](void* self, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags) {
          auto& endpoint_of = *static_cast<Endpoint*>(self);
          ++endpoint_of.judged_;
          return (*endpoint_of.options_.verify)(*certificate, depth, *flags);
        },
        this);
  }
  if (options_.connection_id) {
    expect_zero(mbedtls_ssl_conf_cid(&config_, options_.connection_id->size(), MBEDTLS_SSL_UNEXPECTED_CID_IGNORE), "cid");
  }
  expect_zero(mbedtls_ssl_conf_max_frag_len(&config_, options_.max_fragment), "fragment length");
  if (role == Role::Server) {
    mbedtls_ssl_conf_dtls_cookies(&config_, nullptr, nullptr, nullptr);
    if (options_.cache != nullptr) {
      mbedtls_ssl_conf_session_cache(&config_, options_.cache, mbedtls_ssl_cache_get, mbedtls_ssl_cache_set);
    }
    if (options_.tickets != nullptr) {
      mbedtls_ssl_conf_session_tickets_cb(&config_, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse, options_.tickets);
    }
  }
  expect_zero(mbedtls_ssl_setup(&ssl_, &config_), "setup");
  connect(role);
}

void Endpoint::connect(Role role) {
  if (role == Role::Client) expect_zero(mbedtls_ssl_set_hostname(&ssl_, nullptr), "hostname");
  if (options_.mtu != 0) mbedtls_ssl_set_mtu(&ssl_, options_.mtu);
  if (options_.connection_id) {
    options_.connection_id->reserve(1);  // never null: it is copied even when empty
    expect_zero(mbedtls_ssl_set_cid(&ssl_, MBEDTLS_SSL_CID_ENABLED, options_.connection_id->data(),
                                    options_.connection_id->size()),
                "cid");
  }
  if (options_.session != nullptr) expect_zero(mbedtls_ssl_set_session(&ssl_, options_.session), "session");
  mbedtls_ssl_set_bio(
      &ssl_, this,
      [](void* self, const unsigned char* data, std::size_t size) {
        static_cast<Endpoint*>(self)->out.emplace_back(data, data + size);
        return static_cast<int>(size);
      },
      [](void* self, unsigned char* data, std::size_t size) {
        auto& arrived = static_cast<Endpoint*>(self)->in;
        if (arrived.empty()) return int{MBEDTLS_ERR_SSL_WANT_READ};
        // What doesn't fit is cut off, as recv() does with a datagram.
        const std::size_t taken = std::min(size, arrived.front().size());
        std::copy_n(arrived.front().begin(), taken, data);
        arrived.pop_front();
        return static_cast<int>(taken);
      },
      nullptr);
  // Nothing is lost here unless a test drops it, so no timer ever runs out.
  mbedtls_ssl_set_timer_cb(
      &ssl_, this,
      [](void* self, std::uint32_t, std::uint32_t final_ms) { static_cast<Endpoint*>(self)->final_ms_ = final_ms; },
      [](void* self) { return static_cast<Endpoint*>(self)->final_ms_ == 0 ? -1 : 0; });
}

void Endpoint::configure_credentials() {
  if (options_.kind == Kind::Psk || !options_.psk.empty()) {
    static const unsigned char identity[] = "identity";
    expect_zero(mbedtls_ssl_conf_psk(&config_, options_.psk.data(), options_.psk.size(), identity, sizeof identity - 1), "psk");
  }
  if (options_.kind == Kind::Psk) return;
  const auto random = [](void* self, unsigned char* bytes, std::size_t size) {
    return static_cast<Endpoint*>(self)->config_.MBEDTLS_PRIVATE(f_rng)(self, bytes, size);
  };
  expect_zero(mbedtls_pk_parse_key(&key_, options_.own.private_key.data(), options_.own.private_key.size(), nullptr, 0, random, this), "key");
  if (options_.kind == Kind::RawPublicKey) {
    mbedtls_ssl_conf_raw_public_key(&config_, 1);
    own_.raw.p = options_.own.public_key.data();
    own_.raw.len = options_.own.public_key.size();
    unsigned char* p = own_.raw.p;
    if (own_.raw.len != 0) expect_zero(mbedtls_pk_parse_subpubkey(&p, p + own_.raw.len, &own_.pk), "public key");
  } else {
    for (const Bytes& certificate : options_.chain) {
      expect_zero(mbedtls_x509_crt_parse_der(&own_, certificate.data(), certificate.size()), "certificate");
    }
    expect_zero(mbedtls_x509_crt_parse_der(&anchor_, options_.anchor.data(), options_.anchor.size()), "anchor");
    mbedtls_ssl_conf_ca_chain(&config_, &anchor_, nullptr);
  }
  expect_zero(mbedtls_ssl_conf_own_cert(&config_, &own_, &key_), "own certificate");
}

Endpoint::~Endpoint() {
  mbedtls_ssl_free(&ssl_);
  mbedtls_ssl_config_free(&config_);
  mbedtls_x509_crt_free(&own_);
  mbedtls_x509_crt_free(&anchor_);
  mbedtls_pk_free(&key_);
}

int Endpoint::step() { return result_ = mbedtls_ssl_handshake(&ssl_); }

int Endpoint::write(ByteView plaintext) { return mbedtls_ssl_write(&ssl_, plaintext.data(), plaintext.size()); }

std::optional<Bytes> Endpoint::read(int* error) {
  Bytes plaintext(8192);
  const int size = mbedtls_ssl_read(&ssl_, plaintext.data(), plaintext.size());
  if (error != nullptr) *error = size;
  if (size <= 0) return {};
  plaintext.resize(static_cast<std::size_t>(size));
  return plaintext;
}

bool shake(Endpoint& client, Endpoint& server, const Meddle& meddle) {
  const auto is_open = [](const Endpoint& endpoint) { return endpoint.result() == MBEDTLS_ERR_SSL_WANT_READ; };
  const auto carry = [&meddle](Role role, Endpoint& from, Endpoint& to) {
    for (Bytes& datagram : from.out) {
      if (meddle) meddle(role, datagram);
      if (!datagram.empty()) to.in.push_back(std::move(datagram));
    }
    from.out.clear();
  };
  for (int round = 0; round < 20 && (is_open(client) || is_open(server)); ++round) {
    if (is_open(client)) client.step();
    carry(Role::Client, client, server);
    if (is_open(server)) server.step();
    carry(Role::Server, server, client);
  }
  return client.result() == 0 && server.result() == 0;
}

void deliver(Endpoint& from, Endpoint& to) {
  for (Bytes& datagram : from.out) to.in.push_back(std::move(datagram));
  from.out.clear();
}

bool echo(Endpoint& client, Endpoint& server, std::size_t size) {
  const Bytes text(size, 0x61);
  if (client.write(text) != static_cast<int>(size)) return false;
  deliver(client, server);
  if (server.read() != text || server.write(text) != static_cast<int>(size)) return false;
  deliver(server, client);
  return client.read() == text;
}

// ---- records and messages: RFC 6347 §4.1 and §4.2.2

void edit_message(Bytes& datagram, std::uint8_t type, const std::function<void(Bytes& body)>& edit) {
  constexpr std::size_t kRecordHeader = 13, kMessageHeader = 12, kHandshake = 22;
  const auto put = [](Bytes& bytes, std::size_t at, std::size_t width, std::size_t value) {
    for (std::size_t i = width; i-- > 0; value >>= 8) bytes[at + i] = static_cast<std::uint8_t>(value);
  };
  for (std::size_t at = 0; at + kRecordHeader <= datagram.size();) {
    const std::size_t length = std::size_t{datagram[at + 11]} << 8 | datagram[at + 12];
    const std::size_t next = at + kRecordHeader + length;
    const bool is_plain = datagram[at + 3] == 0 && datagram[at + 4] == 0;
    if (datagram[at] != kHandshake || !is_plain || datagram[at + kRecordHeader] != type) {
      at = next;
      continue;
    }
    const auto begin = datagram.begin() + static_cast<std::ptrdiff_t>(at);
    Bytes record(begin, begin + static_cast<std::ptrdiff_t>(kRecordHeader + kMessageHeader));
    Bytes body(begin + static_cast<std::ptrdiff_t>(record.size()), begin + static_cast<std::ptrdiff_t>(kRecordHeader + length));
    edit(body);
    put(record, 11, 2, kMessageHeader + body.size());
    put(record, kRecordHeader + 1, 3, body.size());
    put(record, kRecordHeader + 9, 3, body.size());
    record.insert(record.end(), body.begin(), body.end());
    const auto rest = datagram.erase(begin, datagram.begin() + static_cast<std::ptrdiff_t>(next));
    datagram.insert(rest, record.begin(), record.end());
    at += record.size();
  }
}

bool replace(Bytes& datagram, ByteView from, ByteView to) {
  bool found = false;
  for (auto at = datagram.begin();; at += static_cast<std::ptrdiff_t>(from.size())) {
    at = std::search(at, datagram.end(), from.begin(), from.end());
    if (at == datagram.end()) return found;
    std::copy(to.begin(), to.end(), at);
    found = true;
  }
}

}  // namespace drover::tests
