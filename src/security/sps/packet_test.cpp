// SPDX-License-Identifier: Apache-2.0
#include "security/sps/packet.hpp"

#include <gtest/gtest.h>

#include <string>

namespace drover::security::sps {
namespace {

Bytes hex(const std::string& digits) {
  return *from_hex(digits);
}

Codec codec(const Parameters& parameters, const std::string& ciphering, const std::string& integrity) {
  auto made = Codec::make(parameters, {Secret<Bytes>(hex(ciphering)), Secret<Bytes>(hex(integrity))});
  EXPECT_TRUE(made) << made.error().reason;
  return std::move(*made);
}

const std::string kCiphering = "101112131415161718191a1b1c1d1e1f";
const std::string kIntegrity = "303132333435363738393a3b3c3d3e3f";
const std::string kTripleDesCiphering = "0123456789abcdef23456789abcdef01456789abcdef0123";
const std::string kTripleDesIntegrity = "1123456789abcdef33456789abcdef01556789abcdef0123";
// The trigger of the Transport document's appendix L: CON POST /1/0/8.
const std::string kTrigger = "4402b60b2161fb63b13101300138";

Codec lwm2m(std::uint8_t spi2 = kSpi2NoReceipt) {
  return codec({.spi2 = spi2}, kCiphering, kIntegrity);
}

Codec triple_des(std::uint8_t spi2 = kSpi2NoReceipt) {
  return codec({.kic = 0x19, .kid = 0x19, .spi2 = spi2}, kTripleDesCiphering, kTripleDesIntegrity);
}

struct Vector {
  const char* name;
  Codec codec;
  std::uint64_t counter;
  std::string data;
  std::string packet;
};

std::vector<Vector> commands() {
  std::vector<Vector> all;
  all.push_back({"without a receipt", lwm2m(), 1, "050e" + kTrigger,
                 "00281516001212b20203c2248c65436b8660d192b728ab2d967e5f05ccd32f6cd295f71ad1d2e0a06908"});
  all.push_back({"with a receipt", lwm2m(kSpi2Receipt), 0x0102030405, "050e" + kTrigger,
                 "00281516391212b202030bb143950c6a12bbba3dfa012c2c58cf09f56f7f816fc20f73529e1258e01f28"});
  all.push_back({"triple DES", triple_des(), 1, "050e" + kTrigger,
                 "00281516001919b20203b4d0f04fe58a2c4bffc724f61f86fc02908042f76da4a2f6ec8489429915c96d"});
  // github.com/osmocom/pysim, tests/unittests/test_ota.py: a sysmoISIM-SJA5 took it.
  all.push_back({"a real card's",
                 codec({.kic = 0x22, .kid = 0x22, .spi1 = 0x06, .spi2 = 0x19, .tar = {0xB0, 0x00, 0x11}},
                       "200102030405060708090a0b0c0d0e0f", "201102030405060708090a0b0c0d0e0f"),
                 0, "00a40004023f00",
                 "00281506192222b00011e87cceebb2d93083011ce294f93fc4d8de80da1abae8c37ca3e72ec4432e5058"});
  // github.com/TapuGithub/gsm0348, its tests.
  const Parameters gsm0348{.kic = 0x12, .kid = 0x12, .spi1 = 0x06, .spi2 = 0x21, .tar = {1, 2, 3}};
  const std::string key = "11223344556677889910111213141516";
  all.push_back(
      {"gsm0348's", codec(gsm0348, key, key), 0, "aabb", "001815062112120102034814ce84cbdebc1a0df20a5ee20e74c6"});
  Bytes all_octets(256);
  for (std::size_t i = 0; i < all_octets.size(); ++i) all_octets[i] = static_cast<std::uint8_t>(i);
  all.push_back({"gsm0348's large one", codec(gsm0348, key, key), 0, to_hex(all_octets),
                 "01181506211212010203a73baeb588b7b3b6c0bb9c2fefae845a9fadb52ff04ed32607e1cfe6eaa8bdc990b8f0683fb6526fa"
                 "bca13b1ccb0e11c988f891a"
                 "9b3b39c815d71f8ae0b279d680916fa0d861d788148b503b5fe332ea4d3fc152061de47b3f96c28a2112ede44d9eae8dcff7b"
                 "1cdb6f7ea2c73649e41abfa"
                 "a10b8b5a89fc8c0dd9e044ee923f92b81db72a08025fceb2387d7da1dcb7bdfe9590687b91b8d227e3596d4f1c49b878590c0"
                 "a2a8eb054a8bf5aca7b7440"
                 "5b996dbeeb16b2cc816d5788f43f128d46035108fac047d9e621f23e466a705e4280e1061a9fb59fe3e2aa3b1dc02f9844263"
                 "cd8cfa89405a7160b0d9827"
                 "5ad4ee5a88a4fcbd06d36837cc3596b5e9b824c931a43df4fad1bd245520a0e2cae3"});
  return all;
}

TEST(CommandPacket, IsAsPublishedAndReadBack) {
  for (Vector& vector : commands()) {
    SCOPED_TRACE(vector.name);
    const auto packet = vector.codec.encode_command(vector.counter, hex(vector.data));
    ASSERT_TRUE(packet) << packet.error().reason;
    EXPECT_EQ(to_hex(packet->bytes), vector.packet);
    const auto command = vector.codec.decode_command(hex(vector.packet));
    ASSERT_TRUE(command) << command.error().reason;
    EXPECT_EQ(command->counter, vector.counter);
    EXPECT_EQ(to_hex(command->data), vector.data);
    EXPECT_EQ(command->checksum, packet->checksum);
  }
  // The checksums that the vectors show.
  EXPECT_EQ(to_hex(lwm2m().encode_command(1, hex("050e" + kTrigger))->checksum), "9607000c7d762d79");
  EXPECT_EQ(to_hex(triple_des().encode_command(1, hex("050e" + kTrigger))->checksum), "b4b8b9d425f1dbd0");
}

TEST(CommandPacket, NinetySixOctetsFillOneShortMessageAndOneMoreTakesTwo) {
  Bytes coap = hex("4002000aff");
  while (coap.size() < 96) coap.push_back(static_cast<std::uint8_t>(coap.size() - 5));
  Codec packets = lwm2m();
  EXPECT_EQ(to_hex(packets.encode_command(2, wrap(kCoapTag, coap))->bytes),
            "00781516001212b202038f99a4788dbb33f476829dc6b780f8818391090c1b877ce01202e5defff271ba3b0709204f5ba567358edf"
            "a4c4c87ee3db88127e"
            "830d6935b30f08fe8d8f8bc54daf87545a4622d6214fe8f8336ab4429b3825b599596805ee2c94b03f4e6f7dee044d5201f13e1fcb"
            "52755f0444bdbd");
  coap.push_back(91);
  EXPECT_EQ(to_hex(packets.encode_command(3, wrap(kCoapTag, coap))->bytes),
            "00881516001212b2020312c534093abb1f807ba3e44a48552c8a5b9bf31c486b58f25d179eddd2c0058041d94c8c406d1f44f4d78b"
            "ec377cd5b94d26349e"
            "4efc9f1d62905f0cb5252ff5f07e64887c082ce74860aaa981219b5a1aadf1362a9a2cf1d7960775e82a61ddbaed61985c2b0fb570"
            "0de9b73ff59437d7e3"
            "5dbbde22ec8879edc9f4244a97ea");
}

TEST(CommandPacket, EveryFlippedBitAndEveryPrefixIsRefused) {
  for (Vector& vector : commands()) {
    SCOPED_TRACE(vector.name);
    const Bytes packet = hex(vector.packet);
    for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
      Bytes altered = packet;
      altered[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      const auto command = vector.codec.decode_command(altered);
      ASSERT_FALSE(command) << "bit " << bit;
      EXPECT_EQ(command.error().code, 0);
      EXPECT_EQ(command.error().fault, Fault::Peer);
    }
    for (std::size_t size = 0; size < packet.size(); ++size) {
      EXPECT_FALSE(vector.codec.decode_command(ByteView(packet).first(size))) << size;
      // The same with a length that fits.
      Bytes prefix(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
      if (size < 2) continue;
      prefix[0] = static_cast<std::uint8_t>((size - 2) >> 8);
      prefix[1] = static_cast<std::uint8_t>(size - 2);
      EXPECT_FALSE(vector.codec.decode_command(prefix)) << size;
    }
    Bytes longer = packet;
    longer.push_back(0);
    EXPECT_FALSE(vector.codec.decode_command(longer));
  }
}

TEST(CommandPacket, EverySizeComesBack) {
  for (const bool aes : {true, false}) {
    Codec packets = aes ? lwm2m() : triple_des(kSpi2Receipt);
    Bytes data;
    for (std::size_t size = 0; size < 300; ++size) {
      const auto packet = packets.encode_command(size, data);
      const auto command = packets.decode_command(packet->bytes);
      ASSERT_TRUE(command) << size << ": " << command.error().reason;
      EXPECT_EQ(command->data, data);
      EXPECT_EQ(command->counter, size);
      data.push_back(static_cast<std::uint8_t>(size));
    }
  }
}

TEST(CommandPacket, OtherKeysOrParametersAreRefused) {
  const Bytes packet = lwm2m().encode_command(1, hex("050e" + kTrigger))->bytes;
  const std::string other = "101112131415161718191a1b1c1d1e1e";
  EXPECT_EQ(codec({}, other, kIntegrity).decode_command(packet).error().reason,
            "a secured packet with a wrong checksum");
  EXPECT_EQ(codec({}, kCiphering, other).decode_command(packet).error().reason,
            "a secured packet with a wrong checksum");
  EXPECT_EQ(lwm2m(kSpi2Receipt).decode_command(packet).error().reason, "a secured packet with other parameters");
  EXPECT_EQ(codec({.kic = 0x22}, kCiphering, kIntegrity).decode_command(packet).error().reason,
            "a secured packet with other parameters");
}

// What has the right keys and is wrong all the same: PCNTR, and the counter that is blocked.
TEST(CommandPacket, AuthenticNonsenseIsRefused) {
  auto ciphering =
      *cipher::BlockCipher::make(cipher::Algorithm::Aes, cipher::Mode::Cbc, Secret<Bytes>(hex(kCiphering)));
  auto integrity = *cipher::Mac::make(cipher::Algorithm::Aes, Secret<Bytes>(hex(kIntegrity)));
  const auto forge = [&](const std::string& counter_and_padding, const std::string& data) {
    const std::string header =
        "0028"
        "1516001212b20203";
    const auto code = integrity.over({hex(header), hex(counter_and_padding), hex(data)});
    Bytes secured = hex(counter_and_padding + to_hex(ByteView(code).first(8)) + data);
    ciphering.encrypt(secured);
    return lwm2m().decode_command(hex(header + to_hex(secured)));
  };
  const std::string data = "050e" + kTrigger + "0000";
  ASSERT_TRUE(forge("000000000102", data));  // the vector
  EXPECT_TRUE(forge("00000000010f", data));
  EXPECT_EQ(forge("000000000110", data).error().reason, "a secured packet with impossible padding");
  EXPECT_EQ(forge("0000000001ff", data).error().reason, "a secured packet with impossible padding");
  EXPECT_TRUE(forge("fffffffffe02", data));
  EXPECT_EQ(forge("ffffffffff02", data).error().reason, "a secured packet with a blocked counter");
}

TEST(CommandPacket, CountersNeverWrapAndSizesNeverOverflow) {
  Codec packets = lwm2m();
  EXPECT_TRUE(packets.encode_command(kCounterBlocked - 1, {}));
  for (const std::uint64_t counter : {kCounterBlocked, kCounterBlocked + 1, ~std::uint64_t{0}}) {
    const auto packet = packets.encode_command(counter, {});
    ASSERT_FALSE(packet);
    EXPECT_EQ(packet.error().reason, "the counter of this key is used up");
  }
  // CPL counts 22 octets besides the data and its padding, whole blocks from CNTR on: 8 + 4095 * 16 are 65528.
  EXPECT_TRUE(packets.encode_command(1, Bytes(65528 - 22)));
  EXPECT_FALSE(packets.encode_command(1, Bytes(65528 - 21)));
  EXPECT_FALSE(packets.encode_command(1, Bytes(100000)));
}

TEST(Codec, KeysThatDontSuitAreRefused) {
  EXPECT_FALSE(Codec::make({}, {Secret<Bytes>(Bytes(15)), Secret<Bytes>(Bytes(16))}));
  EXPECT_FALSE(Codec::make({}, {Secret<Bytes>(Bytes(16)), Secret<Bytes>(Bytes(8))}));
  EXPECT_FALSE(Codec::make({.kic = 0x19, .kid = 0x19}, {Secret<Bytes>(Bytes(16)), Secret<Bytes>(Bytes(24))}));
  for (const int bits : {0x12, 0x14, 0x10, 0x11, 0x17}) {
    const auto spi1 = static_cast<std::uint8_t>(bits);
    EXPECT_FALSE(Codec::make({.spi1 = spi1}, {Secret<Bytes>(Bytes(16)), Secret<Bytes>(Bytes(16))})) << bits;
  }
}

TEST(ResponsePacket, IsAsPublishedAndReadBack) {
  Codec packets = lwm2m(kSpi2Receipt);
  const std::string receipt = "001412b2020392eb4dad3fb45d13cbc70314e3f6e1d9";
  EXPECT_EQ(to_hex(packets.encode_response(0x0102030405, Status::Done, {})->bytes), receipt);
  const auto response = packets.decode_response(hex(receipt));
  ASSERT_TRUE(response) << response.error().reason;
  EXPECT_EQ(response->counter, 0x0102030405u);
  EXPECT_EQ(response->status, Status::Done);
  EXPECT_TRUE(response->data.empty());
}

// The sysmoISIM-SJA5's own answer to the packet above.
TEST(ResponsePacket, ARealCardsIsRead) {
  Codec packets = codec({.kic = 0x22, .kid = 0x22, .spi1 = 0x06, .spi2 = 0x19, .tar = {0xB0, 0x00, 0x11}},
                        "200102030405060708090a0b0c0d0e0f", "201102030405060708090a0b0c0d0e0f");
  const auto response =
      packets.decode_response(hex("002412b00011ebc6b497e2cad7aedf36ace0e3a29b38853f0fe9ccde81913be5702b73abce1f"));
  ASSERT_TRUE(response) << response.error().reason;
  EXPECT_EQ(response->status, Status::Done);
  EXPECT_EQ(to_hex(response->data), "016132");
}

// gsm0348's: a checksum, and no ciphering.
TEST(ResponsePacket, MayBeChecksummedAlone) {
  const std::string key = "11223344556677889910111213141516";
  Codec packets = codec({.spi1 = 0x06, .spi2 = 0x29, .tar = {0, 0, 1}}, key, key);
  const std::string receipt = "001c1200000100000000000000f5ab90fe3aabb6c3ab0780010123029000";
  EXPECT_EQ(to_hex(packets.encode_response(0, Status::Done, hex("ab0780010123029000"))->bytes), receipt);
  const auto response = packets.decode_response(hex(receipt));
  ASSERT_TRUE(response) << response.error().reason;
  EXPECT_EQ(to_hex(response->data), "ab0780010123029000");
}

TEST(ResponsePacket, EveryFlippedBitAndEveryPrefixIsRefused) {
  for (const bool aes : {true, false}) {
    Codec packets = aes ? lwm2m(kSpi2Receipt) : triple_des(kSpi2Receipt);
    const Bytes packet = packets.encode_response(7, Status::MoreTime, hex("0102"))->bytes;
    ASSERT_EQ(packets.decode_response(packet)->status, Status::MoreTime);
    for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
      Bytes altered = packet;
      altered[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      EXPECT_FALSE(packets.decode_response(altered)) << "bit " << bit;
    }
    for (std::size_t size = 0; size < packet.size(); ++size) {
      EXPECT_FALSE(packets.decode_response(ByteView(packet).first(size))) << size;
    }
  }
}

TEST(ResponsePacket, IsNoneWhereNobodyAsksOrProtects) {
  const Bytes receipt = lwm2m(kSpi2Receipt).encode_response(1, Status::Done, {})->bytes;
  EXPECT_EQ(lwm2m().decode_response(receipt).error().reason, "a proof of receipt that nobody asked for");
  EXPECT_FALSE(lwm2m().encode_response(1, Status::Done, {}));
  EXPECT_FALSE(lwm2m(0x21).encode_response(1, Status::Done, {})) << "not protected";
  EXPECT_TRUE(asks_receipt({.spi2 = kSpi2Receipt}));
  EXPECT_FALSE(asks_receipt({.spi2 = kSpi2NoReceipt}));
  // A command is no response, and the other way round.
  Codec both = lwm2m(kSpi2Receipt);
  EXPECT_FALSE(both.decode_command(receipt));
  EXPECT_FALSE(both.decode_response(both.encode_command(1, hex("0500"))->bytes));
}

// ISO/IEC 8825-1 §8.1.3.
TEST(ApplicationMessage, LengthsHaveTheirThreeForms) {
  for (const auto& [size, header] : {std::pair<std::size_t, std::string>{0, "0500"},
                                     {1, "0501"},
                                     {127, "057f"},
                                     {128, "058180"},
                                     {255, "0581ff"},
                                     {256, "05820100"},
                                     {65535, "0582ffff"}}) {
    const Bytes message(size, 0x40);
    const Bytes wrapped = wrap(kCoapTag, message);
    EXPECT_EQ(to_hex(ByteView(wrapped).first(wrapped.size() - size)), header);
    EXPECT_EQ(wrap_overhead(size), header.size() / 2);
    const auto back = unwrap(kCoapTag, wrapped);
    ASSERT_TRUE(back) << size;
    EXPECT_EQ(Bytes(back->begin(), back->end()), message);
  }
}

TEST(ApplicationMessage, WhatIsntOneIsRefused) {
  for (const char* digits : {"", "05", "0501", "050240", "05014000", "0601ff", "0580", "058040", "0581", "058101",
                             "0582", "058200", "0583000001ff", "05ff", "0584000000"}) {
    EXPECT_FALSE(unwrap(kCoapTag, *from_hex(digits))) << digits;
  }
  EXPECT_TRUE(unwrap(0x06, hex("0601ff")));
  EXPECT_TRUE(unwrap(kCoapTag, hex("05810140"))) << "BER allows longer forms than needed";
}

}  // namespace
}  // namespace drover::security::sps
