// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.hpp"

#include <gtest/gtest.h>

namespace drover {
namespace {

TEST(Hex, BothCasesAreRead) {
  EXPECT_EQ(from_hex("00ffAb9F"), (Bytes{0x00, 0xFF, 0xAB, 0x9F}));
  EXPECT_EQ(from_hex(""), Bytes{});
  EXPECT_EQ(to_hex(*from_hex("00ffAb9F")), "00ffab9f");
}

TEST(Hex, WhatIsntHexIsRefused) {
  for (const char* wrong : {"0", "000", "0g", "g0", " 0", "0x", "-1", "/0", ":0", "@0", "`0", "\xC3\xA4"}) {
    EXPECT_EQ(from_hex(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace drover
