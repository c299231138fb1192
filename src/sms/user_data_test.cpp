// SPDX-License-Identifier: Apache-2.0
#include "sms/user_data.hpp"

#include <gtest/gtest.h>

#include <string>

namespace drover::sms {
namespace {

Bytes hex(const std::string& digits) {
  return *from_hex(digits);
}

Result<UserDataHeader> header(const std::string& digits) {
  const Bytes octets = hex(digits);
  const auto data = parse_user_data(octets, true);
  if (!data) return tl::unexpected(data.error());
  return data->header;
}

TEST(UserData, WithoutAHeaderAllIsText) {
  const Bytes octets = hex("4402b60b");
  const auto data = parse_user_data(octets, false);
  ASSERT_TRUE(data);
  EXPECT_EQ(data->header, UserDataHeader{});
  EXPECT_EQ(to_hex(data->text), "4402b60b");
  EXPECT_TRUE(parse_user_data({}, false)->text.empty());
  EXPECT_TRUE(parse_user_data(hex("00"), true)->text.empty());
}

TEST(UserData, EachElementIsRead) {
  EXPECT_EQ(header("0500032a0302ff")->concatenation, (Concatenation{false, 0x2A, 3, 2}));
  EXPECT_EQ(header("0608041234ff01")->concatenation, (Concatenation{true, 0x1234, 255, 1}));
  EXPECT_EQ(header("06050416330b84")->ports, (Ports{5683, 2948}));
  EXPECT_EQ(header("040402f0f1")->ports, (Ports{0xF0, 0xF1}));
  EXPECT_EQ(header("027000")->packet, PacketType::Command);
  EXPECT_EQ(header("027100")->packet, PacketType::Response);
}

TEST(UserData, ElementsComeInAnyOrderAmongUnknownOnesAndTheLastOfEqualOnesCounts) {
  const UserDataHeader expected{Concatenation{false, 1, 2, 1}, Ports{2, 3}, PacketType::Command};
  const std::string concatenation = "0003010201", ports = "050400020003", packet = "7000", unknown = "2402abcd";
  for (const std::string& elements :
       {concatenation + ports + packet, packet + ports + concatenation, ports + unknown + packet + concatenation,
        "0804ffff0909" + ports + concatenation + packet + packet,
        "0504ffffffff" + ports + packet + unknown + concatenation}) {
    const std::string digits = to_hex(Bytes{static_cast<std::uint8_t>(elements.size() / 2)}) + elements + "40";
    const Bytes octets = hex(digits);
    const auto data = parse_user_data(octets, true);
    ASSERT_TRUE(data) << digits << data.error().reason;
    EXPECT_EQ(data->header, expected) << digits;
    EXPECT_EQ(to_hex(data->text), "40");
  }
}

// §9.2.3.24.1: "the receiving entity shall ignore the whole Information Element".
TEST(UserData, AnImpossibleConcatenationIsNone) {
  for (const char* digits : {"05000301020040", "05000301020340", "05000301000040", "0608040001000040"}) {
    const auto read = header(digits);
    ASSERT_TRUE(read) << digits;
    EXPECT_FALSE(read->concatenation) << digits;
  }
}

TEST(UserData, WrongSizesAndContradictionsAreRefused) {
  for (const char* digits :
       {"", "01", "0100", "03000301", "0400020102", "060004010203ff", "0508030102ff", "0505030102ff", "0404010000",
        "03700101", "0470007100", "0471007000", "0900032a0302", "05000329"}) {
    EXPECT_FALSE(header(digits)) << digits;
  }
}

TEST(UserData, EveryPrefixIsReadOrRefusedWithinItsBounds) {
  const Bytes whole =
      hex("1000032a02010504163316332402abcd7000"
          "4402");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const Bytes prefix(whole.begin(),
                       whole.begin() + static_cast<std::ptrdiff_t>(size));  // a copy: sanitizers see its end
    EXPECT_FALSE(parse_user_data(prefix, true)) << "the elements are longer than their header says";
  }
  const Bytes good =
      hex("1100032a02010504163316332402abcd7000"
          "4402");
  for (std::size_t size = 0; size <= good.size(); ++size) {
    const Bytes prefix(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(parse_user_data(prefix, true).has_value(), size >= 18) << size;
  }
}

// 3GPP TS 23.038 §4.
TEST(UserData, SomeCodingsAreOctets) {
  for (const int dcs : {0x04, 0x14, 0x15, 0x16, 0x17, 0x44, 0xF4, 0xF5, 0xF6, 0xF7})
    EXPECT_TRUE(is_8bit(static_cast<std::uint8_t>(dcs))) << dcs;
  for (const int dcs : {0x00, 0x08, 0x10, 0x18, 0x24, 0x34, 0x84, 0xC0, 0xD4, 0xE4, 0xF0, 0xF2}) {
    EXPECT_FALSE(is_8bit(static_cast<std::uint8_t>(dcs))) << dcs;
  }
}

TEST(Split, OneShortMessageIsEnoughAsLongAsItIs) {
  EXPECT_EQ(to_hex(split(hex("4402"), {}, PacketType::None, 7).at(0)), "4402");
  EXPECT_EQ(to_hex(split(hex("4402"), Ports{5683, 5684}, PacketType::None, 7).at(0)),
            "06050416331634"
            "4402");
  EXPECT_EQ(to_hex(split(hex("4402"), {}, PacketType::Command, 7).at(0)),
            "027000"
            "4402");
  EXPECT_EQ(to_hex(split(hex("4402"), {}, PacketType::Response, 7).at(0)),
            "027100"
            "4402");
  EXPECT_EQ(split(Bytes(140), {}, PacketType::None, 7).size(), 1u);
  EXPECT_EQ(split(Bytes(141), {}, PacketType::None, 7).size(), 2u);
  EXPECT_EQ(split(Bytes(133), Ports{1, 1}, PacketType::None, 7).size(), 1u);
  EXPECT_EQ(split(Bytes(134), Ports{1, 1}, PacketType::None, 7).size(), 2u);
  EXPECT_EQ(split(Bytes(137), {}, PacketType::Command, 7).size(), 1u);
  EXPECT_EQ(split(Bytes(138), {}, PacketType::Command, 7).size(), 2u);
}

// The second packet of the reference: 138 octets with reference 2A.
TEST(Split, ASecuredPacketSaysWhatItIsInItsFirstPartOnly) {
  const auto parts = split(Bytes(138, 0xEE), {}, PacketType::Command, 0x2A);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].size(), 140u);
  EXPECT_EQ(to_hex(ByteView(parts[0]).first(9)), "0700032a02017000ee");
  EXPECT_EQ(to_hex(parts[1]),
            "0500032a0202"
            "eeeeeeeeeeee");
}

TEST(Split, EverySizeFitsAndComesBack) {
  for (const bool has_ports : {false, true}) {
    for (const PacketType packet : {PacketType::None, PacketType::Command}) {
      const std::optional<Ports> ports = has_ports ? std::optional(Ports{1, 2}) : std::nullopt;
      for (std::size_t size = 0; size <= room(5, has_ports, packet); ++size) {
        Bytes message(size);
        for (std::size_t i = 0; i < size; ++i) message[i] = static_cast<std::uint8_t>(i * 31);
        Bytes back;
        const auto parts = split(message, ports, packet, 9);
        ASSERT_TRUE(parts.size() == 1 || size > room(parts.size() - 1, has_ports, packet));
        for (std::size_t i = 0; i < parts.size(); ++i) {
          ASSERT_LE(parts[i].size(), kUserDataMax);
          const auto data = parse_user_data(parts[i], has_ports || packet != PacketType::None || parts.size() > 1);
          ASSERT_TRUE(data);
          ASSERT_EQ(data->header.ports, ports);
          ASSERT_EQ(data->header.packet, i == 0 ? packet : PacketType::None);
          ASSERT_EQ(data->header.concatenation.has_value(), parts.size() > 1);
          if (parts.size() > 1) {
            ASSERT_EQ(data->header.concatenation->number, i + 1);
          }
          back.insert(back.end(), data->text.begin(), data->text.end());
        }
        ASSERT_EQ(back, message);
      }
    }
  }
  EXPECT_EQ(split(Bytes(room(kPartsMax, false, PacketType::None)), {}, PacketType::None, 0).size(), 255u);
  EXPECT_EQ(room(0, false, PacketType::None), 0u);
}

}  // namespace
}  // namespace drover::sms
