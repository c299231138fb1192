// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "apps/drover/api_client.hpp"

namespace drover::cli {
namespace {

constexpr std::string_view kStream =
    ": hello\n\nid: r-1\nevent: registered\ndata: {\"a\":1}\n\n: keep-alive\n\nid: r-2\r\ndata:one\r\ndata: "
    "two\r\n\r\nid: r-3\n";

TEST(EventParser, TakesEventsWhateverTheirCuts) {
  for (std::size_t step = 1; step <= kStream.size(); ++step) {
    EventParser parser;
    std::vector<StreamEvent> events;
    for (std::size_t at = 0; at < kStream.size(); at += step) {
      EXPECT_TRUE(parser.feed(kStream.substr(at, step), [&](const StreamEvent& event) {
        events.push_back(event);
        return true;
      }));
    }
    ASSERT_EQ(events.size(), 2U) << step;
    EXPECT_EQ(events[0].id, "r-1");
    EXPECT_EQ(events[0].name, "registered");
    EXPECT_EQ(events[0].data, "{\"a\":1}");
    EXPECT_EQ(events[1].id, "r-2");
    EXPECT_EQ(events[1].name, "");
    EXPECT_EQ(events[1].data, "one\ntwo");
  }
}

TEST(EventParser, StopsWhenItIsToldTo) {
  EventParser parser;
  EXPECT_FALSE(parser.feed(kStream, [](const StreamEvent&) { return false; }));
}

TEST(PercentEncode, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("a/b c%~"), "a%2Fb%20c%25~");
}

}  // namespace
}  // namespace drover::cli
