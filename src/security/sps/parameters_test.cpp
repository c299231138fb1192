// SPDX-License-Identifier: Apache-2.0
#include "security/sps/parameters.hpp"

#include <gtest/gtest.h>

#include <string>

namespace drover::security::sps {
namespace {

Result<Parameters> parse(const std::string& digits) {
  return Parameters::parse(*from_hex(digits));
}

std::string reason(const std::string& digits) {
  const auto parameters = parse(digits);
  if (parameters) return "taken";
  EXPECT_EQ(parameters.error().code, 0x80);
  return parameters.error().reason;
}

TEST(Parameters, SevenOctetsAreReadAndWritten) {
  for (const char* digits : {"12121600b20203", "f2121639b20203", "19191600b20203", "29f91639b20203"}) {
    const auto parameters = parse(digits);
    ASSERT_TRUE(parameters) << parameters.error().reason;
    EXPECT_EQ(to_hex(parameters->octets()), digits);
  }
  EXPECT_EQ(parse("12121600b20203")->algorithm(), Algorithm::Aes);
  EXPECT_EQ(parse("19191600b20203")->algorithm(), Algorithm::TripleDes);
  EXPECT_EQ(*parse("12121600b20203"), Parameters{});
}

// "6 bytes" says the specification of what has seven.
TEST(Parameters, SixOctetsLeaveOutWhatIsFixed) {
  EXPECT_EQ(*parse("12121639b202"), *parse("12121639b20203"));
  EXPECT_EQ(reason("12121639b203"), "TAR has to be b20203, not b20303");
}

TEST(Parameters, WhatTheTransportDocumentForbidsIsRefusedWithAReason) {
  EXPECT_EQ(reason("11111600b20203"), "KIc 11: single DES isn't allowed");
  EXPECT_EQ(reason("1d1d1600b20203"), "KIc 1d: single DES isn't allowed");
  EXPECT_EQ(reason("15151600b20203"), "KIc 15: triple DES takes three different keys");
  EXPECT_EQ(reason("10121600b20203"), "KIc 10: the algorithm has to be named");
  EXPECT_EQ(reason("02121600b20203"), "KIc 02: key set 0 is none");
  EXPECT_EQ(reason("12021600b20203"), "KID 02: key set 0 is none");
  EXPECT_EQ(reason("12151600b20203"), "KID 15: triple DES takes three different keys");
  EXPECT_EQ(reason("12131600b20203"), "KID 13: neither AES (2) nor triple DES with three keys (9)");
  EXPECT_EQ(reason("12191600b20203"), "KIc and KID name different algorithms");
  EXPECT_EQ(reason("12120600b20203"),
            "the first octet of SPI has to be 16 (checksum, ciphering, higher counter), not 06");
  EXPECT_EQ(reason("12121601b20203"), "the second octet of SPI has to be 00 or 39 (a protected receipt), not 01");
  EXPECT_EQ(reason("12121600b20204"), "TAR has to be b20203, not b20204");
  EXPECT_EQ(reason(""), "key parameters are 7 octets (KIc, KID, SPI, TAR), not 0");
  EXPECT_EQ(reason("12121600b2"), "key parameters are 7 octets (KIc, KID, SPI, TAR), not 5");
  EXPECT_EQ(reason("12121600b2020300"), "key parameters are 7 octets (KIc, KID, SPI, TAR), not 8");
}

TEST(Parameters, OfAllValuesOfAnOctetOnlyTheAllowedOnesAreTaken) {
  const Bytes good = Parameters{}.octets();
  const std::size_t allowed[] = {15, 15, 1, 2, 1, 1, 1};
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::size_t taken = 0;
    for (int value = 0; value < 256; ++value) {
      Bytes octets = good;
      octets[at] = static_cast<std::uint8_t>(value);
      if (Parameters::parse(octets)) ++taken;
    }
    EXPECT_EQ(taken, allowed[at]) << "octet " << at;
  }
}

Bytes counted(std::size_t size) {
  Bytes octets(size);
  for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<std::uint8_t>(i * 2);
  return octets;
}

TEST(Keys, TheLengthSaysWhatIsWhose) {
  const Bytes octets = counted(64);
  for (const std::size_t size : {16u, 32u, 48u, 64u}) {
    const ByteView all = ByteView(octets).first(size);
    const auto keys = Keys::parse({}, Secret<Bytes>(Bytes(all.begin(), all.end())));
    ASSERT_TRUE(keys) << size;
    const std::size_t half = size == 16 ? 16 : size / 2;
    EXPECT_EQ(to_hex(keys->ciphering.reveal()), to_hex(all.first(half)));
    EXPECT_EQ(to_hex(keys->integrity.reveal()), to_hex(all.last(half)));
  }
  for (std::size_t size = 0; size <= 80; ++size) {
    const bool is_size = size == 16 || size == 32 || size == 48 || size == 64;
    EXPECT_EQ(Keys::parse({}, Secret<Bytes>(counted(size))).has_value(), is_size) << size;
    const Parameters triple_des = *parse("19191600b20203");
    EXPECT_EQ(Keys::parse(triple_des, Secret<Bytes>(counted(size))).has_value(), size == 48) << size;
  }
}

TEST(Keys, TheThreeOfTripleDesDifferInMoreThanParity) {
  const Parameters triple_des = *parse("19191600b20203");
  for (const std::size_t key : {0u, 24u}) {
    for (const auto& [from, to] : {std::pair<std::size_t, std::size_t>{0, 8}, {8, 16}, {0, 16}}) {
      Bytes octets = counted(48);
      for (std::size_t i = 0; i < 8; ++i) octets[key + to + i] = octets[key + from + i] ^ 1;
      const auto keys = Keys::parse(triple_des, Secret<Bytes>(octets));
      ASSERT_FALSE(keys) << key << ": " << from << " and " << to;
      EXPECT_EQ(keys.error().reason, "triple DES takes three different keys");
      octets[key + to] ^= 2;
      EXPECT_TRUE(Keys::parse(triple_des, Secret<Bytes>(octets)));
    }
  }
  // AES-192 doesn't mind.
  EXPECT_TRUE(Keys::parse({}, Secret<Bytes>(Bytes(48, 7))));
}

}  // namespace
}  // namespace drover::security::sps
