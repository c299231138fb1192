// SPDX-License-Identifier: Apache-2.0
// What an association costs and what it takes: third_party/mbedtls/0002-small-buffers-when-established.patch.
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <gtest/gtest.h>
#include <malloc.h>

#include "endpoint.hpp"
#include "seal.h"

namespace drover::tests {
namespace {

constexpr int kPsk = MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8, kEcdsa = MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8;
constexpr std::size_t kContent = MBEDTLS_SSL_ESTABLISHED_CONTENT_LEN;
/// Header, Connection ID, nonce, tag and padding of the worst suite.
constexpr std::size_t kOverhead = 400;

bool is_small(Endpoint& endpoint) {
  return endpoint.ssl().in_buf_len < kContent + kOverhead && endpoint.ssl().out_buf_len < kContent + kOverhead;
}

struct Pair {
  explicit Pair(Kind kind = Kind::Psk, int suite = kPsk)
      : client(Role::Client, usual(Role::Client, kind, suite)), server(Role::Server, usual(Role::Server, kind, suite)) {}
  Endpoint client, server;
};

Bytes sealed(Endpoint& from, std::size_t size) {
  Bytes record(size + 64);
  std::size_t written = 0;
  EXPECT_EQ(seal_record(&from.ssl(), Bytes(size, 0x62).data(), size, record.data(), record.size(), &written), 0);
  record.resize(written);
  return record;
}

TEST(Buffers, ShrinkWhenTheHandshakeIsOver) {
  for (const auto& [kind, suite] : {std::pair{Kind::Psk, kPsk}, {Kind::RawPublicKey, kEcdsa}, {Kind::Certificate, kEcdsa},
                                    {Kind::Psk, MBEDTLS_TLS_PSK_WITH_AES_128_CBC_SHA256}}) {
    Pair pair(kind, suite);
    ASSERT_TRUE(shake(pair.client, pair.server));
    EXPECT_TRUE(is_small(pair.client));
    // The server keeps its last flight until it knows that the client has it.
    EXPECT_FALSE(is_small(pair.server));
    EXPECT_TRUE(echo(pair.client, pair.server));
    EXPECT_TRUE(is_small(pair.server));
    EXPECT_TRUE(echo(pair.client, pair.server, kContent));
  }
}

TEST(Buffers, ASmallerFragmentLengthCounts) {
  Options client_side = usual(Role::Client, Kind::Psk, kPsk), server_side = usual(Role::Server, Kind::Psk, kPsk);
  client_side.max_fragment = MBEDTLS_SSL_MAX_FRAG_LEN_512;
  Endpoint client(Role::Client, client_side), server(Role::Server, server_side);
  ASSERT_TRUE(shake(client, server) && echo(client, server, 512));
  EXPECT_LT(client.ssl().in_buf_len, 512 + kOverhead);
  EXPECT_LT(server.ssl().in_buf_len, 512 + kOverhead);
  EXPECT_LT(server.ssl().out_buf_len, 512 + kOverhead);
  EXPECT_EQ(server.write(Bytes(513, 1)), MBEDTLS_ERR_SSL_BAD_INPUT_DATA);
}

TEST(Buffers, AreSmallFromSavedBytes) {
  Pair pair;
  ASSERT_TRUE(shake(pair.client, pair.server) && echo(pair.client, pair.server));
  Bytes saved(1024);
  std::size_t size = 0;
  ASSERT_EQ(mbedtls_ssl_context_save(&pair.server.ssl(), saved.data(), saved.size(), &size), 0);
  Endpoint other(Role::Server, usual(Role::Server, Kind::Psk, kPsk));
  ASSERT_EQ(mbedtls_ssl_context_load(&other.ssl(), saved.data(), size), 0);
  EXPECT_TRUE(is_small(other));
  EXPECT_TRUE(echo(pair.client, other, kContent));
}

TEST(Buffers, GrowForAnotherHandshake) {
  Pair pair(Kind::Certificate, kEcdsa);
  ASSERT_TRUE(shake(pair.client, pair.server) && echo(pair.client, pair.server));
  ASSERT_EQ(mbedtls_ssl_session_reset(&pair.server.ssl()), 0);
  EXPECT_GE(pair.server.ssl().in_buf_len, std::size_t{MBEDTLS_SSL_IN_CONTENT_LEN});
  EXPECT_GE(pair.server.ssl().out_buf_len, std::size_t{MBEDTLS_SSL_OUT_CONTENT_LEN});
  Endpoint client(Role::Client, usual(Role::Client, Kind::Certificate, kEcdsa));
  ASSERT_EQ(pair.server.step(), MBEDTLS_ERR_SSL_WANT_READ);
  EXPECT_TRUE(shake(client, pair.server) && echo(client, pair.server));
}

TEST(Buffers, LongerPlaintextsAreNotSent) {
  Pair pair;
  ASSERT_TRUE(shake(pair.client, pair.server));
  for (const std::size_t size : {kContent + 1, std::size_t{4096}, std::size_t{16384}}) {
    // Before and after the server has its small buffers.
    EXPECT_EQ(pair.client.write(Bytes(size, 1)), MBEDTLS_ERR_SSL_BAD_INPUT_DATA);
    EXPECT_EQ(pair.server.write(Bytes(size, 1)), MBEDTLS_ERR_SSL_BAD_INPUT_DATA);
    EXPECT_TRUE(echo(pair.client, pair.server));
  }
}

TEST(Buffers, LongerRecordsAreDropped) {
  Pair pair;
  ASSERT_TRUE(shake(pair.client, pair.server) && echo(pair.client, pair.server));
  for (const std::size_t size : {kContent + kOverhead, std::size_t{3000}, std::size_t{4608}}) {
    pair.server.in.push_back(sealed(pair.client, size));
    int error = 0;
    EXPECT_EQ(pair.server.read(&error), std::nullopt);
    EXPECT_EQ(error, MBEDTLS_ERR_SSL_WANT_READ) << size;
    EXPECT_TRUE(is_small(pair.server));
    EXPECT_TRUE(echo(pair.client, pair.server));
  }
  // The same way, one that fits arrives: it's the length that was wrong.
  pair.server.in.push_back(sealed(pair.client, kContent));
  EXPECT_EQ(pair.server.read(), Bytes(kContent, 0x62));
}

TEST(Buffers, ALongDatagramOfShortRecordsIsTakenAsFarAsItFits) {
  Pair pair;
  ASSERT_TRUE(shake(pair.client, pair.server) && echo(pair.client, pair.server));
  Bytes datagram;
  for (int i = 0; i < 4; ++i) {
    const Bytes record = sealed(pair.client, 1000);
    datagram.insert(datagram.end(), record.begin(), record.end());
  }
  pair.server.in.push_back(datagram);
  EXPECT_EQ(pair.server.read(), Bytes(1000, 0x62));
  EXPECT_EQ(pair.server.read(), std::nullopt);
  EXPECT_TRUE(echo(pair.client, pair.server));
}

TEST(Buffers, ALongFirstRecordDelaysShrinkingByOneDatagram) {
  Pair pair;
  ASSERT_TRUE(shake(pair.client, pair.server));
  pair.server.in.push_back(sealed(pair.client, 3000));
  EXPECT_EQ(pair.server.read(), Bytes(3000, 0x62));
  EXPECT_FALSE(is_small(pair.server));
  EXPECT_TRUE(echo(pair.client, pair.server));
  EXPECT_TRUE(is_small(pair.server));
  pair.server.in.push_back(sealed(pair.client, 3000));
  EXPECT_EQ(pair.server.read(), std::nullopt);
}

TEST(Buffers, GarbageOfAnyLengthIsDropped) {
  Pair pair;
  ASSERT_TRUE(shake(pair.client, pair.server) && echo(pair.client, pair.server));
  for (std::size_t size = 0; size < 6000; size += 97) {
    Bytes garbage(size + 13, 0xee);
    const Bytes header = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0xff, 0xff, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
    std::copy(header.begin(), header.end(), garbage.begin());
    pair.server.in.push_back(garbage);
    EXPECT_EQ(pair.server.read(), std::nullopt);
  }
  EXPECT_TRUE(echo(pair.client, pair.server));
}

// A chain of 4 KiB passes both ways in pieces of at most an MTU, and leaves small buffers behind.
TEST(Buffers, AChainOf4KiBPasses) {
  const Material& all = material();
  const KeyPair middle = make_ec_key();
  const auto chain_of_4k = [&](const char* name, const KeyPair& key) {
    return std::vector<Bytes>{make_certificate(name, key, "middle", middle, false, 2000),
                              make_certificate("middle", middle, "anchor", all.authority, true, 2096)};
  };
  Options client_side = usual(Role::Client, Kind::Certificate, kEcdsa), server_side = usual(Role::Server, Kind::Certificate, kEcdsa);
  client_side.chain = chain_of_4k("client", all.client);
  server_side.chain = chain_of_4k("server", all.server);
  client_side.mtu = server_side.mtu = 1200;
  for (const bool reordered : {false, true}) {
    Endpoint client(Role::Client, client_side), server(Role::Server, server_side);
    std::size_t longest = 0;
    const auto meddle = [&longest](Role, const Bytes& datagram) { longest = std::max(longest, datagram.size()); };
    if (reordered) {
      client.step();
      deliver(client, server);
      server.step();
      std::reverse(server.out.begin() + 1, server.out.end());
    }
    ASSERT_TRUE(shake(client, server, meddle)) << client.result() << ' ' << server.result();
    EXPECT_LE(longest, 1200u);
    EXPECT_TRUE(echo(client, server, 1100));
    EXPECT_TRUE(is_small(client));
    EXPECT_TRUE(is_small(server));
  }
}

TEST(Buffers, AnAssociationCostsLessThan8Kilobytes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer's allocator counts otherwise";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the sanitizer's allocator counts otherwise";
#endif
#endif
  constexpr int kCount = 50;
  const auto heap = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  Endpoint scratch(Role::Server, usual(Role::Server, Kind::Psk, kPsk));
  std::vector<mbedtls_ssl_context> live(kCount);
  std::vector<Bytes> saved;
  for (int i = 0; i < kCount; ++i) {
    Pair pair;
    ASSERT_TRUE(shake(pair.client, pair.server) && echo(pair.client, pair.server));
    Bytes bytes(1024);
    std::size_t size = 0;
    ASSERT_EQ(mbedtls_ssl_context_save(&pair.server.ssl(), bytes.data(), bytes.size(), &size), 0);
    bytes.resize(size);
    saved.push_back(bytes);
  }
  const std::size_t before = heap();
  for (int i = 0; i < kCount; ++i) {
    mbedtls_ssl_init(&live[static_cast<std::size_t>(i)]);
    ASSERT_EQ(mbedtls_ssl_setup(&live[static_cast<std::size_t>(i)], &scratch.config()), 0);
    const Bytes& bytes = saved[static_cast<std::size_t>(i)];
    ASSERT_EQ(mbedtls_ssl_context_load(&live[static_cast<std::size_t>(i)], bytes.data(), bytes.size()), 0);
  }
  const std::size_t each = (heap() - before) / kCount + sizeof(mbedtls_ssl_context);
  RecordProperty("bytes", static_cast<int>(each));
  EXPECT_LE(each, 8000u);
  for (mbedtls_ssl_context& ssl : live) mbedtls_ssl_free(&ssl);
}

}  // namespace
}  // namespace drover::tests
