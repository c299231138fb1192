// SPDX-License-Identifier: Apache-2.0
#include "firmware/saved_update.hpp"

#include <gtest/gtest.h>

#include "firmware/test_folder.hpp"

namespace drover::firmware {
namespace {

using client::FirmwarePhase;
using client::FirmwareResult;

TEST(SavedUpdate, ComesBackAsItWas) {
  SavedUpdate saved;
  saved.record = {FirmwarePhase::Fetching, FirmwareResult::ConnectionLost, "coap://h/fw?a=1%20", "two\nlines", "é %"};
  saved.etag = "\"abc\"";
  saved.size = 1'000'000;
  saved.offset = 4096;
  saved.installed_version = "1.2 beta";
  const auto back = parse_saved_update(to_text(saved));
  ASSERT_TRUE(back) << back.error().reason;
  EXPECT_EQ(*back, saved);
  const auto empty = parse_saved_update(to_text({}));
  ASSERT_TRUE(empty);
  EXPECT_EQ(*empty, SavedUpdate{});
}

TEST(SavedUpdate, ADamagedFileIsSaidToBe) {
  const std::string head = "drover-firmware 1\n";
  for (const std::string& text :
       {std::string(), std::string("drover-firmware 2\n"), head + "phase=asleep\n", head + "result=10\n",
        head + "offset=-1\n", head + "size=x\n", head + "uri=%4\n", head + "half a line"}) {
    EXPECT_FALSE(parse_saved_update(text)) << text;
  }
  EXPECT_TRUE(parse_saved_update(head + "later=1\n"));
}

TEST(SavedUpdate, NoFileIsNothing) {
  const testing::TestFolder folder;
  const auto none = load_saved_update(folder.file("update.state"));
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  folder.write("update.state", "rubbish");
  EXPECT_FALSE(load_saved_update(folder.file("update.state")));
}

}  // namespace
}  // namespace drover::firmware
