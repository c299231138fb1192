// SPDX-License-Identifier: Apache-2.0
// What only a file has: disks that fail, versions, and what can be read in it.
#include "store/store_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "store/credentials.hpp"
#include "store/test_backing.hpp"

namespace drover::store {
namespace {

using storage::testing::Folder;
using testing::psk;

std::string content(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string refusal(const std::string& file) {
  const auto opened = StoreFile::open(file);
  return opened ? "opened" : opened.error().reason;
}

void run(const std::string& file, const char* sql) {
  std::string reason;
  auto database = sqlite::Database::open(file, reason);
  ASSERT_TRUE(database) << reason;
  ASSERT_TRUE(database->run(sql)) << database->reason();
}

Result<std::unique_ptr<Credentials>> credentials(const std::string& file, std::uint8_t key = 1) {
  auto opened = StoreFile::open(file);
  if (!opened) return tl::unexpected(opened.error());
  return Credentials::open(std::make_unique<FileCredentialTable>(std::move(*opened)), testing::sealer(key),
                           {.any_certificate = true, .entries_max = 1'000'000, .unix_now = [] { return UnixSeconds{0}; }});
}

/// Of the database and its log.
bool contains(const std::string& file, std::string_view text) {
  return (content(file) + content(file + "-wal")).find(text) != std::string::npos;
}

TEST(StoreFile, IsItsOwnersAlone) {
  const Folder folder;
  const auto file = StoreFile::open(folder.file());
  ASSERT_TRUE(file);
  struct stat status {};
  ASSERT_EQ(::stat(folder.file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(refusal(folder.file()), "store " + folder.file() + ": another process has it open");
}

TEST(StoreFile, ALaterVersionIsRefusedUntouched) {
  const Folder folder;
  ASSERT_TRUE(StoreFile::open(folder.file()));
  run(folder.file(), "PRAGMA user_version=99");
  const std::string before = content(folder.file());
  EXPECT_NE(refusal(folder.file()).find("written by a later version (format 99; this one knows "), std::string::npos)
      << refusal(folder.file());
  EXPECT_EQ(content(folder.file()), before);
  EXPECT_FALSE(std::filesystem::exists(folder.file() + "-wal"));
}

TEST(StoreFile, SomebodyElsesDatabaseIsRefusedUntouched) {
  const Folder folder;
  run(folder.file(), "CREATE TABLE mail(text)");
  const std::string before = content(folder.file());
  EXPECT_EQ(refusal(folder.file()), "store " + folder.file() + ": is a database of another program; give another path");
  EXPECT_EQ(content(folder.file()), before);
}

TEST(StoreFile, DamageIsNamed) {
  const Folder folder;
  { std::ofstream(folder.file("text")) << std::string(5000, 'x'); }
  EXPECT_NE(refusal(folder.file("text")).find("damaged (file is not a database)"), std::string::npos);
  ASSERT_TRUE(credentials(folder.file()));
  {
    std::fstream stream(folder.file(), std::ios::binary | std::ios::in | std::ios::out);
    stream.seekp(4096);
    stream << std::string(4096, '\x7F');
  }
  const std::string before = content(folder.file());
  EXPECT_NE(refusal(folder.file()).find(": damaged ("), std::string::npos) << refusal(folder.file());
  EXPECT_EQ(content(folder.file()), before);
}

TEST(StoreFile, ARowThatNobodyWroteIsNamed) {
  const Folder folder;
  { ASSERT_TRUE((*credentials(folder.file()))->add(psk("a"))); }
  run(folder.file(), "UPDATE credential SET kind = 9");
  const auto opened = credentials(folder.file());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, "store " + folder.file() + ": damaged (credential 1)");
}

TEST(StoreFile, AMissingFolderIsSaid) {
  const Folder folder;
  EXPECT_EQ(refusal(folder.file("none/store.db")),
            "store " + folder.file("none/store.db") + ": can't be opened: No such file or directory");
}

TEST(StoreFile, HoldsNoKeyInTheClear) {
  const Folder folder;
  auto open = credentials(folder.file());
  ASSERT_TRUE(open);
  ASSERT_TRUE((*open)->add(psk("identity-of-a", "", "the-secret-key-of-a")));
  EXPECT_TRUE(contains(folder.file(), "identity-of-a")) << "the search works";
  EXPECT_FALSE(contains(folder.file(), "the-secret-key-of-a"));
}

TEST(StoreFile, AfterARekeyNothingOfTheOldSealIsLeft) {
  const Folder folder;
  Bytes sealed;
  {
    auto open = credentials(folder.file());
    ASSERT_TRUE(open);
    ASSERT_TRUE((*open)->add(psk("a", "", "secret")));
  }
  {
    auto file = StoreFile::open(folder.file());
    sealed = FileCredentialTable(*file).load()->rows.front().sealed_key;
  }
  ASSERT_TRUE(contains(folder.file(), as_text(sealed)));
  auto open = credentials(folder.file());
  ASSERT_TRUE((*open)->rekey(testing::sealer(2)));
  EXPECT_FALSE(contains(folder.file(), as_text(sealed)));
}

TEST(StoreFile, ADiskThatFailsChangesNothing) {
  auto disk = std::make_shared<MemoryCredentialTable::Disk>();
  auto open = Credentials::open(std::make_unique<MemoryCredentialTable>(disk), testing::sealer(),
                                {.any_certificate = true, .entries_max = 9, .unix_now = [] { return UnixSeconds{0}; }});
  ASSERT_TRUE(open);
  const CredentialId id = (*open)->add(psk("a"))->id;
  disk->failing = true;
  EXPECT_EQ((*open)->add(psk("b")).error().why, Refusal::Why::Disk);
  EXPECT_EQ((*open)->remove(id).error().why, Refusal::Why::Disk);
  EXPECT_EQ((*open)->change(id, {.endpoint = {}, .label = {}, .enabled = false, .expires_at = {}}).error().why,
            Refusal::Why::Disk);
  EXPECT_FALSE((*open)->rekey(testing::sealer(2)));
  EXPECT_TRUE((*open)->find_psk("a"));
  EXPECT_FALSE((*open)->find_psk("b"));
  disk->failing = false;
  EXPECT_TRUE((*open)->add(psk("b")));
  EXPECT_TRUE(Credentials::open(std::make_unique<MemoryCredentialTable>(disk), testing::sealer(),
                                {.any_certificate = true, .entries_max = 9, .unix_now = [] { return UnixSeconds{0}; }}))
      << "still the first key's";
}

}  // namespace
}  // namespace drover::store
