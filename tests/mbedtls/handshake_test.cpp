// SPDX-License-Identifier: Apache-2.0
// What the configuration promises: credentials, suites, Connection ID, serialization, resumption.
#include <gtest/gtest.h>
#include <mbedtls/version.h>

#include <algorithm>
#include <tuple>

#include "endpoint.hpp"

namespace drover::tests {
namespace {

constexpr int kCcm8 = MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8;

class Handshake : public testing::TestWithParam<std::tuple<Kind, int>> {};

TEST_P(Handshake, EstablishesAndCarriesData) {
  const auto [kind, suite] = GetParam();
  Endpoint client(Role::Client, usual(Role::Client, kind, suite)), server(Role::Server, usual(Role::Server, kind, suite));
  ASSERT_TRUE(shake(client, server)) << client.result() << ' ' << server.result();
  EXPECT_EQ(mbedtls_ssl_get_ciphersuite_id_from_ssl(&server.ssl()), suite);
  EXPECT_TRUE(echo(client, server));
  EXPECT_TRUE(echo(client, server, 1300));
  EXPECT_EQ(server.judged(), kind == Kind::RawPublicKey ? 1 : 0);
}

INSTANTIATE_TEST_SUITE_P(Psk, Handshake,
                         testing::Combine(testing::Values(Kind::Psk),
                                          testing::Values(MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, MBEDTLS_TLS_PSK_WITH_AES_128_CCM,
                                                          MBEDTLS_TLS_PSK_WITH_AES_128_CBC_SHA256,
                                                          MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256,
                                                          MBEDTLS_TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256)));
INSTANTIATE_TEST_SUITE_P(Ecdsa, Handshake,
                         testing::Combine(testing::Values(Kind::RawPublicKey, Kind::Certificate),
                                          testing::Values(kCcm8, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
                                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
                                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)));

TEST(HandshakeTest, TheLibraryIsOfTheSeries) {
  EXPECT_EQ(mbedtls_version_get_number() >> 16, 0x0306u);
  EXPECT_EQ(mbedtls_version_check_feature("MBEDTLS_SSL_DTLS_CONNECTION_ID"), 0);
  EXPECT_EQ(mbedtls_version_check_feature("MBEDTLS_SSL_CONTEXT_SERIALIZATION"), 0);
}

TEST(HandshakeTest, PreSharedKeysOf64BytesAreTaken) {
  Options client_side = usual(Role::Client, Kind::Psk, MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8);
  Options server_side = client_side;
  client_side.psk = server_side.psk = Bytes(64, 0x5a);
  Endpoint client(Role::Client, client_side), server(Role::Server, server_side);
  EXPECT_TRUE(shake(client, server));
}

TEST(HandshakeTest, LargerCurvesWork) {
  for (const char* curve : {"P-384", "P-521"}) {
    const KeyPair key = make_ec_key(curve);
    Options client_side = usual(Role::Client, Kind::Certificate, kCcm8), server_side = usual(Role::Server, Kind::Certificate, kCcm8);
    client_side.own = key;
    client_side.chain = {make_certificate("client", key, "anchor", material().authority, false)};
    Endpoint client(Role::Client, client_side), server(Role::Server, server_side);
    EXPECT_TRUE(shake(client, server)) << curve << client.result() << ' ' << server.result();
  }
}

TEST(HandshakeTest, AuthoritiesMaySignWithRsa) {
  const KeyPair authority = make_rsa_key();
  const Bytes anchor = make_certificate("anchor", authority, "anchor", authority, true);
  Options client_side = usual(Role::Client, Kind::Certificate, kCcm8), server_side = usual(Role::Server, Kind::Certificate, kCcm8);
  server_side.chain = {make_certificate("server", server_side.own, "anchor", authority, false)};
  client_side.anchor = anchor;
  Endpoint client(Role::Client, client_side), server(Role::Server, server_side);
  EXPECT_TRUE(shake(client, server)) << client.result() << ' ' << server.result();
}

TEST(HandshakeTest, AForeignAuthorityIsRefused) {
  Options client_side = usual(Role::Client, Kind::Certificate, kCcm8), server_side = usual(Role::Server, Kind::Certificate, kCcm8);
  client_side.chain = {make_certificate("client", client_side.own, "anchor", material().stranger, false)};
  Endpoint client(Role::Client, client_side), server(Role::Server, server_side);
  EXPECT_FALSE(shake(client, server));
  EXPECT_EQ(server.result(), MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
}

TEST(HandshakeTest, AWrongPreSharedKeyIsRefused) {
  Options client_side = usual(Role::Client, Kind::Psk, MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8);
  Options server_side = client_side;
  server_side.psk = Bytes(16, 0x5b);
  Endpoint client(Role::Client, client_side), server(Role::Server, server_side);
  EXPECT_FALSE(shake(client, server));
}

// ---- Connection ID and serialization

struct Connected {
  explicit Connected(Kind kind = Kind::Psk, int suite = MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8) {
    Options client_side = usual(Role::Client, kind, suite), server_side = usual(Role::Server, kind, suite);
    client_side.connection_id = Bytes{};
    server_side.connection_id = Bytes{1, 2, 3, 4, 5, 6, 7, 8};
    client.emplace(Role::Client, client_side);
    server.emplace(Role::Server, server_side);
    saved_side = server_side;
    ok = shake(*client, *server) && echo(*client, *server);
  }
  Bytes save() {
    Bytes saved(1024);
    std::size_t size = 0;
    EXPECT_EQ(mbedtls_ssl_context_save(&server->ssl(), saved.data(), saved.size(), &size), 0);
    saved.resize(size);
    return saved;
  }
  std::optional<Endpoint> client, server;
  Options saved_side;
  bool ok = false;
};

TEST(HandshakeTest, AnAssociationGoesOnFromItsBytes) {
  for (const Kind kind : {Kind::Psk, Kind::RawPublicKey, Kind::Certificate}) {
    Connected pair(kind, kind == Kind::Psk ? MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8 : kCcm8);
    ASSERT_TRUE(pair.ok);
    const Bytes saved = pair.save();
    EXPECT_LE(saved.size(), 300u);
    Endpoint other(Role::Server, pair.saved_side);
    ASSERT_EQ(mbedtls_ssl_context_load(&other.ssl(), saved.data(), saved.size()), 0);
    EXPECT_TRUE(echo(*pair.client, other));
    // With the Connection ID in its header (RFC 9146 §4).
    ASSERT_EQ(pair.client->write(Bytes{1}), 1);
    ASSERT_FALSE(pair.client->out.empty());
    EXPECT_EQ(pair.client->out[0][0], 25);
    EXPECT_EQ(Bytes(pair.client->out[0].begin() + 11, pair.client->out[0].begin() + 19), (Bytes{1, 2, 3, 4, 5, 6, 7, 8}));
  }
}

TEST(HandshakeTest, DamagedBytesOfAnAssociationNeverHurt) {
  Connected pair;
  ASSERT_TRUE(pair.ok);
  const Bytes saved = pair.save();
  const auto try_load = [&pair](const Bytes& bytes) {
    Endpoint other(Role::Server, pair.saved_side);
    if (mbedtls_ssl_context_load(&other.ssl(), bytes.data(), bytes.size()) != 0) return false;
    other.in.push_back(Bytes(100, 25));
    other.read();
    other.write(Bytes(10, 1));
    return true;
  };
  EXPECT_TRUE(try_load(saved));
  for (std::size_t at = 0; at < saved.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      Bytes damaged = saved;
      damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ flip);
      try_load(damaged);
    }
    const Bytes cut(saved.begin(), saved.begin() + static_cast<std::ptrdiff_t>(at));
    EXPECT_FALSE(at > 0 && try_load(cut)) << at;
  }
}

TEST(HandshakeTest, ALongConnectionIdInSavedBytesIsRefused) {
  Connected pair;
  ASSERT_TRUE(pair.ok);
  const Bytes saved = pair.save();
  const Bytes connection_id = {8, 1, 2, 3, 4, 5, 6, 7, 8, 0};  // with its length, and that of the peer's
  const auto at = std::search(saved.begin(), saved.end(), connection_id.begin(), connection_id.end());
  ASSERT_NE(at, saved.end());
  for (const std::ptrdiff_t field : {0, 9}) {
    Bytes damaged = saved;
    const std::ptrdiff_t place = at - saved.begin() + field;
    damaged[static_cast<std::size_t>(place)] = 200;
    if (field == 0) damaged.erase(damaged.begin() + place + 1, damaged.begin() + place + 9);
    damaged.insert(damaged.begin() + place + 1, 200, 0xee);
    Endpoint other(Role::Server, pair.saved_side);
    EXPECT_EQ(mbedtls_ssl_context_load(&other.ssl(), damaged.data(), damaged.size()), MBEDTLS_ERR_SSL_BAD_INPUT_DATA);
  }
}

// ---- resumption

class Resumption : public testing::TestWithParam<std::tuple<Kind, bool>> {
 protected:
  Resumption() {
    mbedtls_ssl_cache_init(&cache);
    mbedtls_ssl_ticket_init(&tickets);
    mbedtls_ssl_session_init(&session);
    const auto random = [](void* last, unsigned char* out, std::size_t size) {
      std::generate(out, out + size, [&] { return static_cast<unsigned char>(++*static_cast<int*>(last)); });
      return 0;
    };
    EXPECT_EQ(mbedtls_ssl_ticket_setup(&tickets, random, &seed, MBEDTLS_CIPHER_AES_128_GCM, 3600), 0);
  }
  ~Resumption() override {
    mbedtls_ssl_cache_free(&cache);
    mbedtls_ssl_ticket_free(&tickets);
    mbedtls_ssl_session_free(&session);
  }
  int seed = 0;
  mbedtls_ssl_cache_context cache{};
  mbedtls_ssl_ticket_context tickets{};
  mbedtls_ssl_session session{};
};

TEST_P(Resumption, NeedsNoCertificateAndNoVerdict) {
  const auto [kind, by_ticket] = GetParam();
  const int suite = kind == Kind::Psk ? MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8 : kCcm8;
  Options client_side = usual(Role::Client, kind, suite), server_side = usual(Role::Server, kind, suite);
  if (by_ticket) server_side.tickets = &tickets;
  else server_side.cache = &cache;
  std::size_t full = 0;
  {
    Endpoint client(Role::Client, client_side), server(Role::Server, server_side);
    ASSERT_TRUE(shake(client, server, [&full](Role, const Bytes& datagram) { full += datagram.size(); }));
    ASSERT_EQ(mbedtls_ssl_get_session(&client.ssl(), &session), 0);
  }
  client_side.session = &session;
  Endpoint client(Role::Client, client_side), server(Role::Server, server_side);
  std::size_t resumed = 0;
  bool has_certificate = false;
  ASSERT_TRUE(shake(client, server, [&](Role, Bytes& datagram) {
    resumed += datagram.size();
    edit_message(datagram, MBEDTLS_SSL_HS_CERTIFICATE, [&](Bytes&) { has_certificate = true; });
    edit_message(datagram, MBEDTLS_SSL_HS_CLIENT_KEY_EXCHANGE, [&](Bytes&) { has_certificate = true; });
  })) << client.result() << ' ' << server.result();
  EXPECT_FALSE(has_certificate);
  EXPECT_EQ(server.judged() + client.judged(), 0);
  EXPECT_TRUE(echo(client, server));
  if (kind != Kind::Psk) {
    EXPECT_LT(resumed, full);
  }
}

TEST_P(Resumption, AForgottenSessionLeadsToAFullHandshake) {
  const auto [kind, by_ticket] = GetParam();
  const int suite = kind == Kind::Psk ? MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8 : kCcm8;
  Options client_side = usual(Role::Client, kind, suite), server_side = usual(Role::Server, kind, suite);
  if (by_ticket) server_side.tickets = &tickets;
  else server_side.cache = &cache;
  {
    Endpoint client(Role::Client, client_side), server(Role::Server, server_side);
    ASSERT_TRUE(shake(client, server));
    ASSERT_EQ(mbedtls_ssl_get_session(&client.ssl(), &session), 0);
  }
  server_side.tickets = nullptr;
  server_side.cache = nullptr;
  client_side.session = &session;
  Endpoint client(Role::Client, client_side), server(Role::Server, server_side);
  ASSERT_TRUE(shake(client, server)) << client.result() << ' ' << server.result();
  EXPECT_EQ(server.judged(), kind == Kind::RawPublicKey ? 1 : 0);
  EXPECT_TRUE(echo(client, server));
}

INSTANTIATE_TEST_SUITE_P(All, Resumption,
                         testing::Combine(testing::Values(Kind::Psk, Kind::RawPublicKey, Kind::Certificate), testing::Bool()));

}  // namespace
}  // namespace drover::tests
