// SPDX-License-Identifier: Apache-2.0
#include "security/cipher/block_cipher.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace drover::security::cipher {
namespace {

Bytes hex(const std::string& digits) {
  return *from_hex(digits);
}

Secret<Bytes> key(const std::string& digits) {
  return Secret<Bytes>(hex(digits));
}

// NIST SP 800-38A appendix F: keys, the four blocks of plaintext, and the IV of CBC.
const std::string kAes128 = "2b7e151628aed2a6abf7158809cf4f3c";
const std::string kAes192 = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b";
const std::string kAes256 = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
const std::string kText =
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad"
    "2b417be66c3710";
const std::string kIv = "000102030405060708090a0b0c0d0e0f";
// NIST SP 800-67 appendix B.1.
const std::string kTripleDes = "0123456789abcdef23456789abcdef01456789abcdef0123";

struct Vector {
  const char* name;
  Algorithm algorithm;
  Mode mode;
  std::string key, iv, text, ciphertext;
};

std::vector<Vector> vectors() {
  const Bytes fox = to_bytes("The qufck brown fox jump");
  return {
      {"F.1.1", Algorithm::Aes, Mode::Ecb, kAes128, "", kText,
       "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3"
       "f8223207104725dd4"},
      {"F.1.3", Algorithm::Aes, Mode::Ecb, kAes192, "", kText,
       "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eefef7afd2270e2e60adce0ba2face6444e9a4b41ba738d6c7"
       "2fb16691603c18e0e"},
      {"F.1.5", Algorithm::Aes, Mode::Ecb, kAes256, "", kText,
       "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3f"
       "f067d8d8f9e24ecc7"},
      {"F.2.1", Algorithm::Aes, Mode::Cbc, kAes128, kIv, kText,
       "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b273bed6b8e3c1743b7116e69e222295163ff1caa1681fac0"
       "9120eca307586e1a7"},
      {"F.2.3", Algorithm::Aes, Mode::Cbc, kAes192, kIv, kText,
       "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a571b242012fb7ae07fa9baac3df102e008b0e2798859888"
       "1d920a9e64f5615cd"},
      {"F.2.5", Algorithm::Aes, Mode::Cbc, kAes256, kIv, kText,
       "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacfa530e26304231461b2eb05e2c39be9f"
       "cda6c19078c6a9d1b"},
      {"SP 800-67 B.1", Algorithm::TripleDes, Mode::Ecb, kTripleDes, "", to_hex(fox),
       "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900"},
  };
}

TEST(BlockCipher, DoesWhatIsPublishedEveryTime) {
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    auto cipher = BlockCipher::make(vector.algorithm, vector.mode, key(vector.key));
    ASSERT_TRUE(cipher) << cipher.error().reason;
    for (int round = 0; round < 3; ++round) {
      Bytes text = hex(vector.text);
      cipher->encrypt(text, hex(vector.iv));
      EXPECT_EQ(to_hex(text), vector.ciphertext);
      cipher->decrypt(text, hex(vector.iv));
      EXPECT_EQ(to_hex(text), vector.text);
    }
  }
}

// SP 800-38A §6.2, from the published blocks of ECB.
TEST(BlockCipher, TripleDesChainsOutside) {
  auto ecb = *BlockCipher::make(Algorithm::TripleDes, Mode::Ecb, key(kTripleDes));
  auto cbc = *BlockCipher::make(Algorithm::TripleDes, Mode::Cbc, key(kTripleDes));
  const Bytes iv = hex("fedcba9876543210");
  Bytes text = to_bytes("The qufck brown fox jump");
  Bytes expected = text;
  for (std::size_t at = 0; at < text.size(); at += kTripleDesBlock) {
    for (std::size_t i = 0; i < kTripleDesBlock; ++i)
      expected[at + i] ^= at == 0 ? iv[i] : expected[at + i - kTripleDesBlock];
    ecb.encrypt(std::span(expected).subspan(at, kTripleDesBlock));
  }
  cbc.encrypt(text, iv);
  EXPECT_EQ(to_hex(text), to_hex(expected));
  cbc.decrypt(text, iv);
  EXPECT_EQ(text, to_bytes("The qufck brown fox jump"));
}

TEST(BlockCipher, WithoutAnIvCbcBeginsWithZerosAndNothingIsNothing) {
  auto cipher = *BlockCipher::make(Algorithm::Aes, Mode::Cbc, key(kAes128));
  Bytes left = hex(kText), right = hex(kText), nothing;
  cipher.encrypt(left);
  cipher.encrypt(right, Bytes(kAesBlock, 0));
  EXPECT_EQ(left, right);
  cipher.encrypt(nothing);
  EXPECT_TRUE(nothing.empty());
}

TEST(BlockCipher, AKeyOfAnotherSizeIsRefusedAndNotTold) {
  for (const std::size_t size : {0u, 1u, 8u, 15u, 17u, 23u, 25u, 31u, 33u, 64u}) {
    const Secret<Bytes> wrong(Bytes(size, 0xAB));
    EXPECT_FALSE(BlockCipher::make(Algorithm::Aes, Mode::Cbc, wrong)) << size;
    EXPECT_FALSE(Mac::make(Algorithm::Aes, wrong)) << size;
    EXPECT_FALSE(BlockCipher::make(Algorithm::TripleDes, Mode::Cbc, wrong)) << size;
    const auto mac = Mac::make(Algorithm::TripleDes, wrong);
    ASSERT_FALSE(mac) << size;
    EXPECT_EQ(mac.error().reason.find("ab"), std::string::npos) << mac.error().reason;
  }
  EXPECT_FALSE(Mac::make(Algorithm::TripleDes, key(kAes128)));
}

// RFC 4493 §4 and NIST SP 800-38B appendix D: messages of 0, 16, 40 and 64 octets of the text above.
TEST(Mac, AesCmacIsAsPublishedHoweverTheMessageIsCut) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> expected = {
      {kAes128,
       {"bb1d6929e95937287fa37d129b756746", "070a16b46b4d4144f79bdd9dd04a287c", "dfa66747de9ae63030ca32611497c827",
        "51f0bebf7e3b9d92fc49741779363cfe"}},
      {kAes192,
       {"d17ddf46adaacde531cac483de7a9367", "9e99a7bf31e710900662f65e617c5184", "8a1de5be2eb31aad089a82e6ee908b0e",
        "a1d5df0eed790f794d77589659f39a11"}},
      {kAes256,
       {"028962f61b7bf89efc6b551f4667d983", "28a7023f452e8f82bd4bf28d8c37c35c", "aaf3d8f1de5640c232f5b169b9c911e6",
        "e1992190549f6ed5696a2c056c315410"}}};
  const std::vector<std::size_t> sizes = {0, 16, 40, 64};
  const Bytes text = hex(kText);
  for (const auto& [digits, codes] : expected) {
    auto mac = *Mac::make(Algorithm::Aes, key(digits));
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const ByteView message = ByteView(text).first(sizes[i]);
      for (std::size_t cut = 0; cut <= message.size(); ++cut) {
        EXPECT_EQ(to_hex(mac.over({message.first(cut), message.subspan(cut)})), codes[i])
            << sizes[i] << " cut at " << cut;
      }
    }
  }
}

// ISO/IEC 9797-1 MAC algorithm 1 with padding method 1: the last block of CBC.
TEST(Mac, OfTripleDesIsTheLastBlockOfCbc) {
  auto mac = *Mac::make(Algorithm::TripleDes, key(kTripleDes));
  auto cbc = *BlockCipher::make(Algorithm::TripleDes, Mode::Cbc, key(kTripleDes));
  Bytes message;
  for (std::size_t size = 0; size <= 700; ++size) {
    Bytes filled = message;
    while (filled.empty() || filled.size() % kTripleDesBlock != 0) filled.push_back(0);
    cbc.encrypt(filled);
    const auto code = mac.over({ByteView(message).first(size / 3), {}, ByteView(message).subspan(size / 3)});
    ASSERT_EQ(to_hex(ByteView(code).first(kTripleDesBlock)), to_hex(ByteView(filled).last(kTripleDesBlock))) << size;
    message.push_back(static_cast<std::uint8_t>(size * 7));
  }
  // A single block is what the cipher makes of it (SP 800-67 B.1).
  EXPECT_EQ(to_hex(ByteView(mac.over({as_bytes("The qufc")})).first(8)), "a826fd8ce53b855f");
}

TEST(Mac, EqualLooksAtEveryOctet) {
  const Bytes left = hex(kAes128);
  EXPECT_TRUE(equal(left, hex(kAes128)));
  EXPECT_TRUE(equal({}, {}));
  EXPECT_FALSE(equal(left, ByteView(left).first(15)));
  for (std::size_t i = 0; i < left.size(); ++i) {
    Bytes right = left;
    right[i] ^= 0x80;
    EXPECT_FALSE(equal(left, right)) << i;
  }
}

}  // namespace
}  // namespace drover::security::cipher
