// SPDX-License-Identifier: Apache-2.0
#include "smartcard/bootstrap_file.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace drover::smartcard {
namespace {

Bytes hex(std::string_view digits) {
  std::string packed;
  for (const char c : digits) {
    if (c != ' ') packed += c;
  }
  return from_hex(packed).value();
}

/// nRF Connect SDK, test uicc_lwm2m: a Security instance, and two octets of padding.
Bytes nordic() {
  return hex("00010036 0000 00 0031"
             "08002E C80025 636F61703A2F2F6C657368616E2E65636C6970736570726F6A656374732E696F3A35373833 C10101 C10203"
             "FFFF");
}

/// Anjay's documentation, SIM bootstrap: a Security and a Server instance.
Bytes anjay() {
  return hex("0002007a000000005e08015bc80022636f6170733a2f2f65752e696f742e617673797374656d2e636c6f75643a35363834"
             "c10100c10200c803146578616d706c652d70736b2d6964656e74697479c805133378406d706c3350354b3533637233744b3379"
             "c10a01000100001208010fc10001c40100015180c10600c10755");
}

/// Object 9000 of version 2.5.
Bytes versioned() { return hex("0001000c 2328 0205 0006 030001 C10007"); }

std::string refusal(ByteView file) {
  const auto parsed = parse_bootstrap_file(file);
  return parsed ? "parsed" : parsed.error().reason;
}

/// In memory of exactly its size, so that AddressSanitizer sees whoever reads behind it.
Result<std::vector<CardObject>> parse_alone(ByteView file) {
  const std::unique_ptr<std::uint8_t[]> copy(new std::uint8_t[file.size()]);
  std::copy(file.begin(), file.end(), copy.get());
  return parse_bootstrap_file({copy.get(), file.size()});
}

TEST(BootstrapFile, NordicsFileWithPadding) {
  const auto objects = parse_bootstrap_file(nordic());
  ASSERT_TRUE(objects) << objects.error().reason;
  ASSERT_EQ(objects->size(), 1U);
  EXPECT_EQ(objects->front().id, 0);
  EXPECT_FALSE(objects->front().version);
  EXPECT_EQ(objects->front().instances.size(), 0x31U);
  EXPECT_EQ(*bootstrap_file_size(nordic()), nordic().size() - 2);
}

TEST(BootstrapFile, AnjaysFile) {
  const auto objects = parse_bootstrap_file(anjay());
  ASSERT_TRUE(objects) << objects.error().reason;
  ASSERT_EQ(objects->size(), 2U);
  EXPECT_EQ((*objects)[0].id, 0);
  EXPECT_EQ((*objects)[0].instances.size(), 0x5EU);
  EXPECT_EQ((*objects)[1].id, 1);
  EXPECT_EQ((*objects)[1].instances, hex("08010fc10001c40100015180c10600c10755"));
  EXPECT_EQ(*bootstrap_file_size(anjay()), 126U);
}

TEST(BootstrapFile, AnObjectsVersion) {
  const auto objects = parse_bootstrap_file(versioned());
  ASSERT_TRUE(objects) << objects.error().reason;
  const CardObject expected{9000, std::pair<std::uint8_t, std::uint8_t>{2, 5}, hex("030001C10007")};
  EXPECT_EQ(*objects, std::vector{expected});
}

TEST(BootstrapFile, WritesWhatOthersWrote) {
  for (Bytes file : {nordic(), anjay(), versioned()}) {
    const auto again = encode_bootstrap_file(*parse_bootstrap_file(file));
    file.resize(*bootstrap_file_size(file));
    ASSERT_TRUE(again) << again.error().reason;
    EXPECT_EQ(*again, file);
  }
}

TEST(BootstrapFile, EveryPaddingIsFine) {
  for (const int filler : {0x00, 0x55, 0xFF}) {
    Bytes file = anjay();
    file.resize(file.size() + 300, static_cast<std::uint8_t>(filler));
    EXPECT_EQ(parse_bootstrap_file(file)->size(), 2U);
  }
}

TEST(BootstrapFile, EveryTruncationIsRefused) {
  for (const Bytes& file : {nordic(), anjay(), versioned()}) {
    const std::size_t size = *bootstrap_file_size(file);
    for (std::size_t length = 0; length < size; ++length) {
      EXPECT_FALSE(parse_alone(ByteView(file).first(length))) << length;
    }
    EXPECT_TRUE(parse_alone(ByteView(file).first(size)));
  }
}

TEST(BootstrapFile, EveryFlippedBitIsReadOrRefused) {
  for (const Bytes& file : {nordic(), anjay(), versioned()}) {
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
      Bytes other = file;
      other[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
      const auto parsed = parse_alone(other);
      if (!parsed) {
        EXPECT_FALSE(parsed.error().reason.empty());
        continue;
      }
      // What is read is what stands there: it makes the same file.
      other.resize(*bootstrap_file_size(other));
      EXPECT_EQ(*encode_bootstrap_file(*parsed), other) << bit;
      EXPECT_FALSE(bit < kBootstrapHeader * 8) << "bit " << bit << " of the header can't change alone";
    }
  }
}

TEST(BootstrapFile, SizesThatDisagree) {
  EXPECT_EQ(refusal({}), "EF LwM2M_Bootstrap, octet 0: the header is cut off");
  EXPECT_EQ(refusal(hex("000100")), "EF LwM2M_Bootstrap, octet 3: the header is cut off");
  EXPECT_EQ(refusal(hex("00000000")), "EF LwM2M_Bootstrap, octet 0: there are no objects");
  EXPECT_EQ(refusal(hex("00010000")), "EF LwM2M_Bootstrap, octet 4: object 1 of 1 is missing");
  EXPECT_EQ(refusal(hex("00010006 0003 00 0000")),
            "EF LwM2M_Bootstrap, octet 2: the header says 10 octets, the file has 9 octets");
  EXPECT_EQ(refusal(hex("00010006 0003 00 0000 AA")),
            "EF LwM2M_Bootstrap, octet 9: 1 octet left behind the last object");
  EXPECT_EQ(refusal(hex("00020005 0003 00 0000")), "EF LwM2M_Bootstrap, octet 9: object 2 of 2 is missing");
  EXPECT_EQ(refusal(hex("00010006 0003 00 0002 AA")),
            "EF LwM2M_Bootstrap, octet 9: object 3 has 2 octets, 1 left");
  EXPECT_EQ(refusal(hex("00010003 0003 01")), "EF LwM2M_Bootstrap, octet 7: the minor version of object 3 is missing");
  EXPECT_EQ(refusal(hex("00010004 0003 00 00")), "EF LwM2M_Bootstrap, octet 7: the length of object 3 is cut off");
  EXPECT_EQ(refusal(hex("00010001 00")), "EF LwM2M_Bootstrap, octet 4: an object's ID and version are cut off");
  EXPECT_EQ(refusal(hex("0002000A 0003 00 0000 0003 00 0000")), "EF LwM2M_Bootstrap, octet 9: object 3 comes twice");
}

TEST(BootstrapFile, AnEmptyCardsFile) {
  EXPECT_EQ(refusal(Bytes(64, 0xFF)),
            "EF LwM2M_Bootstrap, octet 2: the objects have 65535 octets, more than a file can have (32768)");
}

/// An older vector of Nordic's is a bare resource; it isn't G.3.3.
TEST(BootstrapFile, BareTlvIsRefused) {
  EXPECT_FALSE(parse_bootstrap_file(hex("C80016 626F6F74702E696F742E742D6D6F62696C652E636F6D")));
}

TEST(BootstrapFile, ThirtyTwoKilobytesAreTheMost) {
  const std::size_t most = kBootstrapFileMax - kBootstrapHeader - 5;
  const auto full = encode_bootstrap_file({{3, {}, Bytes(most, 0x11)}});
  ASSERT_TRUE(full) << full.error().reason;
  EXPECT_EQ(full->size(), kBootstrapFileMax);
  EXPECT_EQ(parse_bootstrap_file(*full)->front().instances.size(), most);
  EXPECT_FALSE(encode_bootstrap_file({{3, {}, Bytes(most + 1, 0x11)}}));
  Bytes longer = *full;
  longer.push_back(0x11);
  ++longer[3];  // by one octet more
  EXPECT_FALSE(bootstrap_file_size(longer));
}

TEST(BootstrapFile, WhatTheFieldsCantSay) {
  const auto reason = [](const std::vector<CardObject>& objects) {
    const auto file = encode_bootstrap_file(objects);
    return file ? "encoded" : file.error().reason;
  };
  EXPECT_EQ(reason({}), "EF LwM2M_Bootstrap: it needs an object");
  EXPECT_EQ(reason({{3, std::pair<std::uint8_t, std::uint8_t>{0, 1}, {}}}),
            "EF LwM2M_Bootstrap: object 3: a version's first number is 1 to 255");
  EXPECT_EQ(reason({{3, {}, {}}, {4, {}, {}}, {3, {}, {}}}), "EF LwM2M_Bootstrap: object 3 comes twice");
  EXPECT_EQ(reason({{3, {}, Bytes(65536)}}), "EF LwM2M_Bootstrap: object 3 has more than 65535 octets");
}

}  // namespace
}  // namespace drover::smartcard
