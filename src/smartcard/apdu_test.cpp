// SPDX-License-Identifier: Apache-2.0
#include "smartcard/apdu.hpp"

#include <gtest/gtest.h>

#include <string>

namespace drover::smartcard {
namespace {

Bytes hex(const std::string& digits) { return *from_hex(digits); }

// ISO/IEC 7816-4 §5.1: the four cases; commands as the reference's cards took them.
TEST(Apdu, TheFourCasesAreWrittenAndReadBack) {
  const struct {
    Command command;
    const char* digits;
  } cases[] = {
      {{.ins = ins::kManageChannel, .p1 = 0x80, .p2 = 0x01}, "00708001"},
      {{.cla = 0x01, .ins = ins::kReadBinary, .expected = 0x80}, "01b0000080"},
      {{.ins = ins::kReadBinary, .p1 = 0x7F, .p2 = 0xFF, .expected = 256}, "00b07fff00"},
      {{.ins = ins::kVerifyPin, .p2 = 0x01, .data = hex("31323334ffffffff")}, "002000010831323334ffffffff"},
      {{.cla = 0x01, .ins = ins::kSelect, .p1 = 0x08, .p2 = 0x04, .data = hex("7fff5031"), .expected = 256},
       "01a40804047fff503100"},
  };
  for (const auto& [command, digits] : cases) {
    EXPECT_EQ(to_hex(*encode(command)), digits);
    const auto read = decode_command(hex(digits));
    ASSERT_TRUE(read) << digits;
    EXPECT_EQ(*read, command);
  }
  Command largest{.ins = ins::kEnvelope, .data = Bytes(kDataMax, 0xD1), .expected = 1};
  EXPECT_EQ(encode(largest)->size(), 6 + kDataMax);
  EXPECT_EQ(*decode_command(*encode(largest)), largest);
}

TEST(Apdu, WhatTheFieldsCannotSayIsRefused) {
  for (const Command& command :
       {Command{.data = Bytes(kDataMax + 1)}, Command{.expected = 0}, Command{.expected = kExpectedMax + 1}}) {
    const auto encoded = encode(command);
    ASSERT_FALSE(encoded);
    EXPECT_EQ(encoded.error().fault, Fault::Us);
  }
}

TEST(Apdu, CommandsOfAnotherLengthAreRefused) {
  const Bytes whole = hex("01a40804047fff503100");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A header alone, with Le, and without Le are commands, too.
    const bool is_command = size == 4 || size == 5 || size == 9;
    EXPECT_EQ(decode_command(ByteView(whole).first(size)).has_value(), is_command) << size;
  }
  EXPECT_FALSE(decode_command(hex("01a40804047fff50310000")));
  EXPECT_EQ(decode_command(hex("00b00000000100")).error().reason,
            "a command with an extended length, or without the data that follow");
}

TEST(Apdu, AnswersEndInTheirStatus) {
  const auto answer = decode_response(hex("a7063004040264309000"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(to_hex(answer->data), "a706300404026430");
  EXPECT_EQ(answer->status, status::kDone);
  EXPECT_EQ(to_hex(encode(*answer)), "a7063004040264309000");
  EXPECT_EQ(decode_response(hex("6a82"))->status, status::kFileNotFound);
  EXPECT_FALSE(decode_response({}));
  EXPECT_FALSE(decode_response(hex("90")));
  EXPECT_TRUE(decode_response(Bytes(kExpectedMax + 2)));
  EXPECT_FALSE(decode_response(Bytes(kExpectedMax + 3)));
}

TEST(Apdu, AStatusSaysWhatItMeans) {
  EXPECT_EQ(status::kSecurityNotSatisfied.describe(), "6982 (security status not satisfied)");
  EXPECT_EQ(Status{0x63C2}.describe(), "63C2 (wrong, tries are left)");
  EXPECT_EQ(Status{0x6A8F}.describe(), "6A8F (wrong parameters)");
  EXPECT_EQ(Status{0x4711}.describe(), "4711");
  EXPECT_TRUE(Status{0x910C}.is_success());
  EXPECT_FALSE(Status{0x9300}.is_success());
  EXPECT_TRUE(Status{0x6282}.is_warning());
  EXPECT_FALSE(Status{0x6400}.is_warning());
}

}  // namespace
}  // namespace drover::smartcard
