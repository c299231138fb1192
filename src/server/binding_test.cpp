// SPDX-License-Identifier: Apache-2.0
#include "server/binding.hpp"

#include <gtest/gtest.h>

namespace drover::server {
namespace {

Reach reach(const char* ways) {
  Reach expected;
  const std::string_view text(ways);
  const auto has = [&](const char* word) { return text.find(word) != std::string_view::npos; };
  expected.udp = has("udp");
  expected.sms = has("sms");
  expected.queue_udp = has("q-u");
  expected.queue_sms = has("q-s");
  expected.trigger = has("trigger");
  expected.trigger_silent = has("silent");
  return expected;
}

TEST(CoreTable8, EachBindingHasItsWays) {
  EXPECT_EQ(Reach::of("U", false), reach("udp"));
  EXPECT_EQ(Reach::of("UQ", true), reach("udp q-u"));
  EXPECT_EQ(Reach::of("S", false), reach("sms"));
  EXPECT_EQ(Reach::of("SQ", true), reach("sms q-s"));
  EXPECT_EQ(Reach::of("US", false), reach("udp sms"));
  EXPECT_EQ(Reach::of("UQS", true), reach("udp q-u sms trigger"));
  EXPECT_EQ(Reach::of("UQT", true), reach("udp q-u trigger silent"));
}

TEST(CoreTable8, TheLettersOfLaterVersionsWithTheirQueueParameter) {
  EXPECT_EQ(Reach::of("US", true), reach("udp sms q-u trigger"));
  EXPECT_EQ(Reach::of("S", true), reach("sms q-s"));
  EXPECT_EQ(Reach::of("UT", false), reach("udp")) << "T is TCP there";
  EXPECT_EQ(Reach::of("UT", true), reach("udp q-u"));
  EXPECT_EQ(Reach::of("N", false), reach("udp")) << "it came over UDP";
  EXPECT_EQ(Reach::of("", false), reach("udp"));
}

}  // namespace
}  // namespace drover::server
