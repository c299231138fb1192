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

Result<std::unique_ptr<Plans>> plans(std::unique_ptr<PlanTable> table) {
  Plans::Settings settings;
  settings.unix_now = [] { return UnixSeconds{0}; };
  return Plans::open(std::move(table), testing::sealer(), std::move(settings));
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

/// Version 1 as it was published.
constexpr const char* kVersion1 =
    "PRAGMA application_id=1146246723; PRAGMA user_version=1;"
    "CREATE TABLE credential(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, identity BLOB NOT NULL,"
    " sealed_key BLOB NOT NULL, endpoint TEXT NOT NULL, label TEXT NOT NULL, created_at INTEGER NOT NULL,"
    " expires_at INTEGER, enabled INTEGER NOT NULL, UNIQUE(kind, identity));"
    "CREATE TABLE credential_check(one INTEGER PRIMARY KEY CHECK(one = 1), sealed BLOB NOT NULL);"
    "CREATE TABLE api_token(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, role INTEGER NOT NULL,"
    " hash BLOB NOT NULL UNIQUE, created_at INTEGER NOT NULL, expires_at INTEGER, last_used_at INTEGER);";

/// A row of version 1, sealed as it was there.
std::string row_of_version_1(std::uint64_t id, const std::string& identity, const std::string& key) {
  Bytes about = to_bytes("drover credential ");
  about.push_back(1);
  for (int shift = 56; shift >= 0; shift -= 8) about.push_back(static_cast<std::uint8_t>(id >> shift));
  const auto sealed = testing::sealer().seal(to_bytes(key), about);
  return "INSERT INTO credential VALUES(" + std::to_string(id) + ", 1, CAST('" + identity + "' AS BLOB), x'" +
         to_hex(*sealed) + "', 'the endpoint', 'label', 5, 99, 1);";
}

TEST(StoreFile, VersionOneBecomesTwoWithEverythingInIt) {
  const Folder folder;
  run(folder.file(), kVersion1);
  const auto check = testing::sealer().seal(to_bytes("drover store"), to_bytes("drover check"));
  const std::string rows = row_of_version_1(3, "a", "first") + row_of_version_1(7, "b", "second") +
                           "DELETE FROM credential WHERE id = 7;"
                           "INSERT INTO credential_check VALUES(1, x'" + to_hex(*check) + "');"
                           "INSERT INTO api_token VALUES(4, 'token', 1, x'" + std::string(64, '0') + "', 1, NULL, NULL)";
  run(folder.file(), rows.c_str());
  {
    const auto open = credentials(folder.file());
    ASSERT_TRUE(open) << open.error().reason;
    EXPECT_EQ((*open)->size(), 1U);
    EXPECT_EQ((*open)->find({3}), (Credential{.id = {3},
                                              .purpose = Purpose::Server,
                                              .kind = IdentityKind::Psk,
                                              .identity = "a",
                                              .endpoint = "the endpoint",
                                              .label = "label",
                                              .created_at = 5,
                                              .expires_at = 99,
                                              .enabled = true,
                                              .issuer = ""}));
    EXPECT_EQ((*open)->key({3})->reveal(), to_bytes("first"));
    NewCredential other = testing::bootstrap(psk("a"));
    other.issuer = "bootstrap/101";
    const auto added = (*open)->add(other);
    ASSERT_TRUE(added) << "the same identity for another purpose";
    EXPECT_EQ(added->id.value, 8U) << "7 was given";
  }
  {
    const auto open = credentials(folder.file());
    ASSERT_TRUE(open) << open.error().reason;
    EXPECT_EQ((*open)->find({8})->issuer, "bootstrap/101");
  }
  const auto file = StoreFile::open(folder.file());
  EXPECT_EQ((*file)->turn()->number("PRAGMA user_version"), StoreFile::kVersion);
  EXPECT_EQ((*file)->turn()->number("SELECT count(*) FROM api_token WHERE id = 4"), 1);
}

TEST(StoreFile, AnEmptyVersionOneRemembersItsIds) {
  const Folder folder;
  run(folder.file(), kVersion1);
  run(folder.file(), (row_of_version_1(7, "b", "second") + "DELETE FROM credential").c_str());
  const auto open = credentials(folder.file());
  ASSERT_TRUE(open) << open.error().reason;
  EXPECT_EQ((*open)->add(psk("a"))->id.value, 8U);
}

TEST(StoreFile, ADamagedPlanIsNamed) {
  const Folder folder;
  {
    const auto open = plans(std::make_unique<FilePlanTable>(*StoreFile::open(folder.file())));
    for (const char* name : {"a", "b"}) ASSERT_TRUE((*open)->put(name, Secret<std::string>("text")));
  }
  run(folder.file(), "UPDATE bootstrap_plan SET sealed_text = x'00' WHERE name = 'b'");
  auto open = plans(std::make_unique<FilePlanTable>(*StoreFile::open(folder.file())));
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().reason, "store " + folder.file() + ": damaged (bootstrap plan \"b\")");
  run(folder.file(), "DELETE FROM bootstrap_plan WHERE name = 'b'; UPDATE bootstrap_plan SET name = x'0A'");
  open = plans(std::make_unique<FilePlanTable>(*StoreFile::open(folder.file())));
  ASSERT_FALSE(open);
  EXPECT_NE(open.error().reason.find("whose name can't be shown"), std::string::npos) << open.error().reason;
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
  auto file = StoreFile::open(folder.file());
  ASSERT_TRUE(file);
  auto with_plans = plans(std::make_unique<FilePlanTable>(*file));
  ASSERT_TRUE(with_plans);
  ASSERT_TRUE((*with_plans)->put("p", Secret<std::string>("text")));
  const Bytes plan = FilePlanTable(*file).load()->front().sealed_text;
  auto open = Credentials::open(
      std::make_unique<FileCredentialTable>(*file), testing::sealer(),
      {.any_certificate = true, .entries_max = 9, .unix_now = [] { return UnixSeconds{0}; }});
  ASSERT_TRUE(contains(folder.file(), as_text(plan)));
  ASSERT_TRUE((*open)->rekey(testing::sealer(2), **with_plans, *testing::sms_accounts(*file)));
  EXPECT_FALSE(contains(folder.file(), as_text(sealed)));
  EXPECT_FALSE(contains(folder.file(), as_text(plan)));
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
  auto with_plans = plans(std::make_unique<MemoryPlanTable>(disk));
  ASSERT_TRUE(with_plans);
  const Folder folder;
  const auto numbers = testing::sms_accounts(testing::opened(folder.file()));
  EXPECT_FALSE((*open)->rekey(testing::sealer(2), **with_plans, *numbers));
  EXPECT_TRUE((*open)->source(Purpose::Server).find_psk("a"));
  EXPECT_FALSE((*open)->source(Purpose::Server).find_psk("b"));
  disk->failing = false;
  EXPECT_TRUE((*open)->add(psk("b")));
  EXPECT_TRUE(Credentials::open(std::make_unique<MemoryCredentialTable>(disk), testing::sealer(),
                                {.any_certificate = true, .entries_max = 9, .unix_now = [] { return UnixSeconds{0}; }}))
      << "still the first key's";
}

}  // namespace
}  // namespace drover::store
