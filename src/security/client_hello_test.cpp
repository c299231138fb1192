// SPDX-License-Identifier: Apache-2.0
#include "security/client_hello.hpp"

#include <gtest/gtest.h>

#include "base/reader.hpp"

namespace drover::security {
namespace {

Bytes hex(std::string_view text) {
  Bytes bytes;
  std::string digits;
  for (const char c : text) {
    if (c == ' ' || c == '\n') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(digits, nullptr, 16)));
    digits.clear();
  }
  return bytes;
}

// RFC 6347 §4.2.2 with RFC 5246 §7.4.1.2; the extensions are RFC 7250's and RFC 9146's.
const char* const kHello =
    "16 fefd 0000 000000000003 0071"             // handshake, DTLS 1.2, epoch 0, sequence 3
    "01 000065 0001 000000 000065"               // ClientHello, message 1, whole
    "fefd"                                       //
    "000102030405060708090a0b0c0d0e0f"           // random
    "101112131415161718191a1b1c1d1e1f"           //
    "02 aabb"                                    // session_id
    "03 c00c1e"                                  // cookie
    "0006 c0ae c0a8 00ff"                        // cipher_suites
    "01 00"                                      // null compression
    "0030"                                       //
    "0000 0010 000e 00 000b 6578616d706c652e636f6d"  // server_name example.com
    "0013 0003 02 02 00"                         // client_certificate_type: RawPublicKey, X.509
    "0014 0002 01 02"                            // server_certificate_type: RawPublicKey
    "0036 0003 02 0102"                          // connection_id
    "0016 0000 0017 0000";                       // encrypt_then_mac, extended_master_secret

TEST(ClientHello, IsRead) {
  const Bytes datagram = hex(kHello);
  const auto hello = parse_client_hello(datagram);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->record_sequence, 3U);
  EXPECT_EQ(hello->message_sequence, 1U);
  EXPECT_EQ(to_hex(hello->random), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  EXPECT_EQ(to_hex(hello->session_id), "aabb");
  EXPECT_EQ(to_hex(hello->cookie), "c00c1e");
  EXPECT_EQ(hello->suites, (std::vector<std::uint16_t>{0xC0AE, 0xC0A8, 0x00FF}));
  EXPECT_EQ(hello->server_name, "example.com");
  EXPECT_EQ(hello->client_types, (std::vector{CertificateType::RawPublicKey, CertificateType::X509}));
  EXPECT_EQ(hello->server_types, std::vector{CertificateType::RawPublicKey});
  EXPECT_TRUE(hello->has_connection_id);
}

TEST(ClientHello, EveryPrefixIsRefused) {
  const Bytes datagram = hex(kHello);
  for (std::size_t size = 0; size < datagram.size(); ++size) {
    EXPECT_FALSE(parse_client_hello(ByteView(datagram).first(size))) << size;
  }
  Bytes longer = datagram;
  longer.push_back(0);
  EXPECT_FALSE(parse_client_hello(longer));
}

TEST(ClientHello, EveryShortenedLengthIsRefusedOrRead) {
  // Whatever a length says, nothing is read from beyond: the sanitizers watch.
  const Bytes datagram = hex(kHello);
  for (std::size_t at = 0; at < datagram.size(); ++at) {
    for (const int value : {0, 1, 0x7F, 0xFF}) {
      Bytes changed = datagram;
      changed[at] = static_cast<std::uint8_t>(value);
      const auto hello = parse_client_hello(changed);
      EXPECT_LE(hello ? hello->without_cookie().size() : 0, changed.size());
    }
  }
}

TEST(ClientHello, WithoutExtensionsMeansX509) {
  const auto datagram = hex(
      "16 feff 0000 000000000000 0038 01 00002c 0000 000000 00002c fefd"
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 00 00 0002 c0a8 01 00 00");
  EXPECT_FALSE(parse_client_hello(datagram)) << "one byte too many";
  const auto exact = hex(
      "16 feff 0000 000000000000 0036 01 00002a 0000 000000 00002a fefd"
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 00 00 0002 c0a8 01 00");
  const auto hello = parse_client_hello(exact);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->client_types, std::vector{CertificateType::X509});
  EXPECT_FALSE(hello->has_connection_id);
}

TEST(ClientHello, CookieIsCutOut) {
  const Bytes datagram = hex(kHello);
  const auto hello = parse_client_hello(datagram);
  ASSERT_TRUE(hello);
  const std::string without = to_hex(hello->without_cookie());
  EXPECT_EQ(without.find("c00c1e"), std::string::npos);
  EXPECT_EQ(without.size(), 2 * (hello->body.size() - 4));
  EXPECT_EQ(without.substr(68, 18), "02aabb0006c0aec0a8");
}

TEST(HelloVerifyRequest, AnswersWithTheSequenceNumberOfTheHello) {  // RFC 6347 §4.2.1
  const Bytes datagram = hex(kHello);
  const auto hello = parse_client_hello(datagram);
  ASSERT_TRUE(hello);
  EXPECT_EQ(to_hex(hello_verify_request(*hello, hex("0102"))),
            "16feff00000000000000030011"
            "030000050001000000000005"
            "feff020102");
}

TEST(Record, WithAConnectionIdIsRead) {  // RFC 9146 §4
  const Bytes datagram = hex("19 fefd 0001 000000000007 01020304 0003 aabbcc 17");
  const auto record = parse_record(datagram, 4);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->type, ContentType::ConnectionId);
  EXPECT_EQ(record->epoch, 1U);
  EXPECT_EQ(record->sequence, 7U);
  EXPECT_EQ(to_hex(record->connection_id), "01020304");
  EXPECT_EQ(to_hex(record->fragment), "aabbcc");
  EXPECT_EQ(record->size, datagram.size() - 1);
  for (std::size_t size = 0; size + 1 < datagram.size(); ++size) {
    EXPECT_FALSE(parse_record(ByteView(datagram).first(size), 4));
  }
}

TEST(Record, OtherTypesAndVersionsAreNoRecords) {
  EXPECT_FALSE(parse_record(hex("40 01 0001 0000000000000000000000"), 0)) << "CoAP";
  EXPECT_FALSE(parse_record(hex("17 0303 0001 000000000007 0001 aa"), 0)) << "TLS";
  EXPECT_FALSE(parse_record(hex("18 fefd 0001 000000000007 0001 aa"), 0)) << "heartbeat";
  EXPECT_TRUE(parse_record(hex("17 fefd 0001 000000000007 0001 aa"), 0));
}

}  // namespace
}  // namespace drover::security
