// SPDX-License-Identifier: Apache-2.0
// The file of stored values: kept over restarts and kills, refused when it isn't ours or is damaged.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "history/test_feed.hpp"
#include "history/values.hpp"
#include "storage/test_folder.hpp"

namespace drover::history {
namespace {

using lwm2m::Path;
using testing::TestFeed;

constexpr UnixSeconds kNow = 1'700'000'000;
constexpr std::uint64_t kSeries = 7;

std::unique_ptr<Values> open(const std::string& file) {
  auto opened = Values::open(file, {});
  EXPECT_TRUE(opened) << opened.error().reason;
  return opened ? std::move(*opened) : nullptr;
}

std::string why_not(const std::string& file) {
  const auto opened = Values::open(file, {});
  return opened ? "" : opened.error().reason;
}

/// Event i brings i as the value of resource i % kSeries.
events::Feed::Batch batch_behind(std::uint64_t cursor, std::uint64_t count) {
  events::Feed::Batch batch;
  for (std::uint64_t i = cursor + 1; i <= cursor + count; ++i) {
    const std::string path = "/9/0/" + std::to_string(i % kSeries);
    batch.items.push_back(testing::item(i, kNow + static_cast<UnixSeconds>(i), "notification", "pump",
                                        testing::notification(path, std::to_string(i), "Integer")));
  }
  return batch;
}

/// The values of each resource, oldest first.
std::map<std::uint64_t, std::vector<std::uint64_t>> all_of(Values& values) {
  std::map<std::uint64_t, std::vector<std::uint64_t>> all;
  HistoryQuery query;
  query.endpoint = "pump";
  query.order = Order::OldestFirst;
  query.limit = 1'000'000;
  const auto page = values.history(query, kNow);
  EXPECT_TRUE(page && !page->next);
  for (const HistoryRow& row : page->rows) {
    all[page->series[row.series].path.resource()].push_back(
        static_cast<std::uint64_t>(std::get<std::int64_t>(row.sample.value)));
  }
  return all;
}

TEST(ValuesFile, IsKeptOverARestartAndPrivate) {
  const storage::testing::Folder folder;
  {
    auto values = open(folder.file());
    ASSERT_TRUE(values->project(batch_behind(0, 20)));
    EXPECT_TRUE(values->status().durable);
  }
  struct stat seen {};
  ASSERT_EQ(::stat(folder.file().c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 0777U, 0600U);
  auto values = open(folder.file());
  EXPECT_EQ(values->cursor(), 20U);
  EXPECT_EQ(values->status().series, kSeries);
  EXPECT_EQ(values->status().devices, 1U);
  EXPECT_EQ(values->text("pump", Path(9, 0, 6)), "20");
  ASSERT_TRUE(values->project(batch_behind(20, 1)));
  EXPECT_EQ(all_of(*values)[0], (std::vector<std::uint64_t>{7, 14, 21}));
}

TEST(ValuesFile, AKillAtAnyInstantLeavesCursorAndValuesTogether) {
  const storage::testing::Folder folder;
  std::uint64_t reached = 0;
  for (int round = 0; round < 12; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto opened = Values::open(folder.file(), {.max_count = 1'000'000});
      while (opened && (*opened)->project(batch_behind((*opened)->cursor(), 13)) && ::write(pipe[1], "x", 1) == 1) {
      }
      ::_exit(1);
    }
    ::close(pipe[1]);
    char byte = 0;
    for (int seen = 0; seen <= round * 3; ++seen) ASSERT_EQ(::read(pipe[0], &byte, 1), 1);
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    ::close(pipe[0]);

    auto values = open(folder.file());
    ASSERT_TRUE(values);
    EXPECT_GE(values->cursor(), reached + static_cast<std::uint64_t>(round * 3 + 1) * 13);
    reached = values->cursor();
    std::map<std::uint64_t, std::vector<std::uint64_t>> expected;
    for (std::uint64_t i = 1; i <= reached; ++i) expected[i % kSeries].push_back(i);
    EXPECT_EQ(all_of(*values), expected) << "what events 1 to " << reached << " say, each once";
  }
}

TEST(ValuesFile, ANewerOneIsRefusedAndStaysAsItIs) {
  const storage::testing::Folder folder;
  { auto values = open(folder.file()); }
  {
    std::string reason;
    auto database = sqlite::Database::open(folder.file(), reason);
    ASSERT_TRUE(database) << reason;
    ASSERT_TRUE(database->run("PRAGMA user_version=99"));
  }
  const auto size = std::filesystem::file_size(folder.file());
  const std::string why = why_not(folder.file());
  EXPECT_NE(why.find(folder.file()), std::string::npos) << why;
  EXPECT_NE(why.find("written by a later version (format 99; this one knows 1)"), std::string::npos) << why;
  EXPECT_EQ(std::filesystem::file_size(folder.file()), size);
  EXPECT_FALSE(std::filesystem::exists(folder.file() + "-wal"));
}

TEST(ValuesFile, AForeignOneAndWhatIsNoDatabaseAreRefused) {
  const storage::testing::Folder folder;
  {
    std::string reason;
    auto database = sqlite::Database::open(folder.file(), reason);
    ASSERT_TRUE(database->run("PRAGMA application_id=7; CREATE TABLE t(a)"));
  }
  EXPECT_NE(why_not(folder.file()).find("another program"), std::string::npos);
  const std::string text = folder.file("text");
  std::ofstream(text) << std::string(5000, 'x');
  EXPECT_NE(why_not(text).find("damaged (file is not a database); put a copy in its place, or remove it"),
            std::string::npos)
      << why_not(text);
  EXPECT_EQ(std::filesystem::file_size(text), 5000U);
}

TEST(ValuesFile, ADamagedPageIsSaidWhenItIsMet) {
  const storage::testing::Folder folder;
  {
    auto values = open(folder.file());
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(values->project(batch_behind(values->cursor(), 500)));
  }
  {
    std::fstream file(folder.file(), std::ios::in | std::ios::out | std::ios::binary);
    const auto size = std::filesystem::file_size(folder.file());
    ASSERT_GT(size, 20U * 4096);
    // All but the pages that are read at the start: the header's, and those of the small tables.
    for (std::uint64_t page = 8; page < size / 4096; ++page) {
      file.seekp(static_cast<std::streamoff>(page * 4096));
      file << std::string(4096, 'z');
    }
  }
  auto values = open(folder.file());
  ASSERT_TRUE(values);
  const std::uint64_t cursor = values->cursor();
  const auto stored = values->project(batch_behind(cursor, 10));
  ASSERT_FALSE(stored);
  EXPECT_NE(stored.error().reason.find("damaged"), std::string::npos) << stored.error().reason;
  EXPECT_EQ(values->status().trouble, stored.error().reason);
  EXPECT_EQ(values->cursor(), cursor);
  const auto read = values->last({"pump", Path(9)});
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().reason.find("damaged"), std::string::npos);
}

TEST(ValuesFile, AFolderThatIsNotThereIsSaid) {
  EXPECT_NE(why_not("/nowhere/at/all.values").find("can't be opened: No such file or directory"), std::string::npos)
      << why_not("/nowhere/at/all.values");
}

}  // namespace
}  // namespace drover::history
