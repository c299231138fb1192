// SPDX-License-Identifier: Apache-2.0
#include "journal/journal.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <random>

#include "sqlite/schema.hpp"
#include "storage/test_folder.hpp"

namespace drover::journal {
namespace {

using storage::testing::Folder;
using Values = std::map<std::uint64_t, Bytes>;

std::unique_ptr<Journal> open(const std::string& file, const Limits& limits = {}) {
  auto journal = Journal::open(file, limits);
  EXPECT_TRUE(journal) << journal.error().reason;
  return journal ? std::move(*journal) : nullptr;
}

Values load(Journal& journal) {
  Values values;
  EXPECT_TRUE(journal.load([&](std::uint64_t key, Bytes value) {
    EXPECT_TRUE(values.emplace(key, std::move(value)).second) << "a key twice";
  }));
  return values;
}

std::vector<EventRow> rows(std::uint64_t first, std::uint64_t count) {
  std::vector<EventRow> all;
  for (std::uint64_t number = first; number < first + count; ++number) {
    all.push_back({number, 1'700'000'000, "updated", "node1", {static_cast<std::uint8_t>(number)}});
  }
  return all;
}

TEST(Journal, TheNewestValueOfEachKeyIsThereAgainWhateverWasSwept) {
  const Folder folder;
  const std::string file = folder.file("store.fleet");
  std::mt19937_64 random(7);
  Values model;
  for (int process = 0; process < 4; ++process) {
    auto journal = open(file);
    ASSERT_EQ(load(*journal), model) << process;
    for (int commit = 0; commit < 300; ++commit) {
      std::vector<Entry> entries;
      for (int i = 0; i < 100; ++i) {
        // Places of two shards, and numbers too large to be places.
        std::uint64_t key = (std::uint64_t{1} << 56) | random() % 50;
        if (random() % 3 == 0) key = (std::uint64_t{1} << 56) | std::uint64_t{1} << 48 | random() % 500;
        if (random() % 5 == 0) key = (std::uint64_t{6} << 56) | (std::uint64_t{1} << 50) | random() % 500;
        entries.push_back({key, random() % 4 == 0 ? Bytes{} : Bytes(1 + random() % 300, static_cast<std::uint8_t>(commit))});
      }
      ASSERT_TRUE(journal->commit(entries, {}));
      for (const Entry& entry : entries) {
        if (entry.value.empty()) {
          model.erase(entry.key);
        } else {
          model[entry.key] = entry.value;
        }
      }
    }
    const auto figures = journal->figures();
    EXPECT_LE(figures.rows, 2 * figures.keys + 8192 + 400) << "it doesn't grow with what was written";
    EXPECT_LE(figures.keys, 1050U);
  }
}

TEST(Journal, EventsStayInOrderAndTheOldestGo) {
  const Folder folder;
  const std::string file = folder.file("store.fleet");
  auto journal = open(file, {.events_max = 1000});
  load(*journal);
  for (std::uint64_t first = 1; first <= 20'000; first += 100) ASSERT_TRUE(journal->commit({}, rows(first, 100)));
  EXPECT_EQ(journal->newest_event(), 20'000U);
  const UnixSeconds born = journal->born();
  journal.reset();
  journal = open(file, {.events_max = 1000});
  EXPECT_EQ(journal->newest_event(), 20'000U);
  EXPECT_EQ(journal->born(), born);
  const auto page = journal->events(0, 10);
  ASSERT_TRUE(page);
  EXPECT_GE(page->lost_through, 20'000U - 1000 - 4096);
  EXPECT_LE(page->lost_through, 19'000U);
  ASSERT_EQ(page->rows.size(), 10U);
  EXPECT_EQ(page->rows[0].number, page->lost_through + 1);
  EXPECT_EQ(page->rows[0].endpoint, "node1");
  EXPECT_TRUE(journal->events(20'000, 10)->rows.empty());
}

TEST(Journal, ACommitIsAllOrNothing) {
  const Folder folder;
  auto journal = open(folder.file("store.fleet"));
  load(*journal);
  ASSERT_TRUE(journal->commit(std::vector<Entry>{{1, {1}}}, rows(1, 1)));
  // A number that is there already: the transaction fails behind its first row.
  const auto failed = journal->commit(std::vector<Entry>{{1, {2}}, {2, {2}}}, rows(1, 1));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().fault, Fault::Environment);
  ASSERT_TRUE(journal->commit(std::vector<Entry>{{3, {3}}}, rows(2, 1))) << "and the next one is fine";
  journal.reset();
  journal = open(folder.file("store.fleet"));
  EXPECT_EQ(load(*journal), (Values{{1, {1}}, {3, {3}}}));
}

TEST(Journal, ACopyIsKnownAsOne) {
  const Folder folder;
  const std::string file = folder.file("store.fleet"), copy = folder.file("copy.fleet");
  {
    auto journal = open(file);
    load(*journal);
    ASSERT_TRUE(journal->commit(std::vector<Entry>{{1, {1}}}, {}));
    EXPECT_FALSE(journal->was_copied());
    ASSERT_TRUE(journal->copy_to(copy));
    EXPECT_FALSE(journal->copy_to(copy)) << "it is there";
  }
  EXPECT_FALSE(open(file)->was_copied());
  auto journal = open(copy);
  EXPECT_TRUE(journal->was_copied());
  EXPECT_EQ(load(*journal), (Values{{1, {1}}}));
  journal.reset();
  EXPECT_FALSE(open(copy)->was_copied()) << "it has been told once";
}

TEST(Journal, ACopyStaysOneWhenAnotherProgramVisitsIt) {
  const Folder folder;
  const std::string copy = folder.file("copy.fleet");
  {
    auto journal = open(folder.file("store.fleet"));
    load(*journal);
    ASSERT_TRUE(journal->commit(std::vector<Entry>{{1, {1}}}, {}));
    ASSERT_TRUE(journal->copy_to(copy));
  }
  {
    auto visited = Journal::open(copy, {}, Journal::Visit::Other);
    ASSERT_TRUE(visited);
    EXPECT_TRUE((*visited)->was_copied());
  }
  EXPECT_TRUE(open(copy)->was_copied()) << "the server's start is to know it";
}

TEST(Journal, AVisitorsOtherLimitTakesNoEventsOff) {
  const Folder folder;
  const std::string file = folder.file("store.fleet");
  {
    auto journal = open(file);
    load(*journal);
    ASSERT_TRUE(journal->commit({}, rows(1, 6000)));
  }
  {
    auto visited = Journal::open(file, {.events_max = 10}, Journal::Visit::Other);
    ASSERT_TRUE((*visited)->commit(std::vector<Entry>{{1, {1}}}, {}));
  }
  EXPECT_EQ(open(file)->events(0, 1)->lost_through, 0U);
}

audit::Record audit_record(const std::string& target, bool refused = false) {
  audit::Record record;
  record.at = 1'700'000'000;
  record.who = "token 1 (anna)";
  record.role = "admin";
  record.address = "127.0.0.1:1";
  record.action = "PUT";
  record.target = target;
  record.status = 202;
  record.location = "/there";
  record.refused = refused;
  record.unrecorded = refused ? 3 : 0;
  return record;
}

TEST(Journal, TheAuditIsThereAgainWithItsNumbersGoingOn) {
  const Folder folder;
  const std::string file = folder.file("store.fleet");
  for (int process = 0; process < 3; ++process) {
    auto journal = open(file);
    load(*journal);
    const std::vector<audit::Record> two{audit_record("/a"), audit_record("/b", true)};
    ASSERT_TRUE(journal->commit({}, {}, two));
  }
  auto journal = open(file);
  const auto page = journal->audits({.who = "anna", .path = "/", .newest_first = true, .limit = 10});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->records.size(), 6U);
  EXPECT_EQ(page->records.front().number, 6U);
  EXPECT_FALSE(page->next);
  const audit::Record& kept = page->records.front();
  const audit::Record asked = audit_record("/b", true);
  EXPECT_EQ(std::tie(kept.at, kept.who, kept.role, kept.address, kept.action, kept.target, kept.status, kept.location, kept.refused, kept.unrecorded),
            std::tie(asked.at, asked.who, asked.role, asked.address, asked.action, asked.target, asked.status, asked.location, asked.refused, asked.unrecorded));
}

TEST(Journal, AuditPagesJoinInBothOrdersAndLookAtABoundedNumber) {
  const Folder folder;
  auto journal = open(folder.file("store.fleet"));
  load(*journal);
  std::vector<audit::Record> many(audit::Trail::kScanMax + 5, audit_record("/a"));
  many.front().target = "/first";
  ASSERT_TRUE(journal->commit({}, {}, many));
  auto page = journal->audits({.who = "", .path = "/first", .newest_first = true, .limit = 10});
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->records.empty()) << "not looked at yet";
  ASSERT_TRUE(page->next);
  page = journal->audits({.who = "", .path = "/first", .newest_first = true, .after = page->next, .limit = 10});
  ASSERT_EQ(page->records.size(), 1U);
  EXPECT_EQ(page->records[0].number, 1U);
  EXPECT_FALSE(page->next);
  page = journal->audits({.who = "", .path = "", .newest_first = false, .limit = 2});
  ASSERT_EQ(page->records.size(), 2U);
  page = journal->audits({.who = "", .path = "", .newest_first = false, .after = page->next, .limit = 2});
  EXPECT_EQ(page->records.at(0).number, 3U);
}

TEST(Journal, TheOldestOfTheAuditGoAndRefusedOnesApart) {
  const Folder folder;
  const std::string file = folder.file("store.fleet");
  {
    auto journal = open(file, {.events_max = 1000, .audit = {100}});
    load(*journal);
    const std::vector<audit::Record> done(150, audit_record("/done")), tried(1000, audit_record("/tried", true));
    ASSERT_TRUE(journal->commit({}, {}, done));
    ASSERT_TRUE(journal->commit({}, {}, tried));
  }
  auto journal = open(file, {.events_max = 1000, .audit = {100}});
  load(*journal);
  const auto count = [&](const char* path) {
    return journal->audits({.who = "", .path = path, .limit = 1000})->records.size();
  };
  EXPECT_EQ(count("/tried"), 25U);
  EXPECT_EQ(count("/done"), 150U) << "beyond the limit by less than what is taken off in one piece";
  ASSERT_TRUE(journal->commit({}, {}, std::vector<audit::Record>(20, audit_record("/done"))));
  EXPECT_EQ(count("/done"), 100U);
}

TEST(Journal, AFileOfTheFirstVersionIsBroughtUpToDate) {
  const Folder folder;
  const std::string file = folder.file("store.fleet");
  {
    std::string reason;
    auto database = sqlite::Database::open(file, reason);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run(
        "CREATE TABLE record(seq INTEGER PRIMARY KEY, key INTEGER NOT NULL, value BLOB);"
        "CREATE TABLE event(number INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, endpoint TEXT NOT NULL,"
        " packed BLOB NOT NULL);"
        "CREATE TABLE about(one INTEGER PRIMARY KEY CHECK(one = 1), born INTEGER NOT NULL, device INTEGER NOT NULL,"
        " inode INTEGER NOT NULL);"
        "INSERT INTO record VALUES(1, 7, x'09');"
        "PRAGMA application_id=1146246730; PRAGMA user_version=1"));
  }
  auto journal = open(file);
  EXPECT_EQ(load(*journal), (Values{{7, {9}}}));
  ASSERT_TRUE(journal->commit({}, {}, std::vector<audit::Record>{audit_record("/a")}));
  EXPECT_EQ(journal->audits({.who = "", .path = ""})->records.size(), 1U);
}

TEST(Journal, OthersFilesLaterVersionsAndDamagedOnesAreRefused) {
  const Folder folder;
  const std::string file = folder.file("store.fleet");
  {
    std::ofstream out(file);
    out << std::string(10'000, 'x');
  }
  const auto damaged = Journal::open(file, {});
  ASSERT_FALSE(damaged);
  EXPECT_NE(damaged.error().reason.find("journal " + file), std::string::npos) << damaged.error().reason;
  std::filesystem::remove(file);
  {
    std::string reason;
    auto database = sqlite::Database::open(file, reason);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run("CREATE TABLE t(a); PRAGMA application_id=1146246730; PRAGMA user_version=99"));
  }
  const auto later = Journal::open(file, {});
  ASSERT_FALSE(later);
  EXPECT_NE(later.error().reason.find("later"), std::string::npos) << later.error().reason;
}

TEST(Journal, TheFileIsItsOwnersAlone) {
  const Folder folder;
  auto journal = open(folder.file("store.fleet"));
  struct stat status {};
  ASSERT_EQ(::stat(folder.file("store.fleet").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

}  // namespace
}  // namespace drover::journal
