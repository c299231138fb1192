// SPDX-License-Identifier: Apache-2.0
// A backup through the API, put back as a server would have it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "api_fixture.hpp"
#include "apps/droverd/backup_service.hpp"
#include "backup/manifest.hpp"
#include "campaign_office.hpp"
#include "kept_things.hpp"
#include "store/object_model_table.hpp"

namespace drover::api::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBackup = "/api/v1/backup";

class BackupTest : public ApiTest {
 protected:
  void begin() {
    api_.reset();
    service_.reset();
    service_.emplace(droverd::BackupService::Sources{.store = *kept_.file, .fleet = *kept_.fleet, .values = nullptr,
                                                     .images = nullptr, .version = "9"});
    Api::Settings settings;
    settings.backups = &*service_;
    start(settings);
  }
  [[nodiscard]] std::string folder() const { return kept_.folder.file("kept.db.backup"); }

  KeptThings kept_;
  std::optional<droverd::BackupService> service_;
};

TEST_F(BackupTest, WhatIsRestoredIsWhatWasThere) {
  store::ObjectModelTable models(kept_.file);
  const store::ObjectModelRow row{7, "1.0", "<x/>", 5};
  ASSERT_TRUE(models.put({&row, 1}));
  const journal::Entry entry{42, {1, 2, 3}};
  ASSERT_TRUE(kept_.fleet->commit({&entry, 1}, {}));
  begin();
  const Reply made = request("POST", kBackup);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["version"], "9");
  // What comes later isn't in it.
  const store::ObjectModelRow later{8, "1.0", "<y/>", 6};
  ASSERT_TRUE(models.put({&later, 1}));

  const auto manifest = backup::read(folder());
  ASSERT_TRUE(manifest) << manifest.error().reason;
  const std::string store = kept_.folder.file("again.db");
  ASSERT_TRUE(backup::restore(folder(), *manifest, store));
  auto file = store::StoreFile::open(store);
  ASSERT_TRUE(file) << file.error().reason;
  const auto rows = store::ObjectModelTable(*file).load();
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ(rows->front().ddf, "<x/>");
  auto fleet = journal::Journal::open(store + ".fleet", {});
  ASSERT_TRUE(fleet);
  std::vector<std::uint64_t> keys;
  ASSERT_TRUE((*fleet)->load([&](std::uint64_t key, const Bytes&) { keys.push_back(key); }));
  EXPECT_EQ(keys, std::vector<std::uint64_t>{42});
  EXPECT_TRUE((*fleet)->was_copied()) << "DTLS associations aren't gone on with";
  EXPECT_FALSE(backup::restore(folder(), *manifest, store)) << "nothing is overwritten";
}

TEST_F(BackupTest, IsKeptOverARestartAndReplacedByTheNext) {
  begin();
  const std::string first = request("POST", kBackup).json()["id"];
  begin();
  EXPECT_EQ(get(kBackup).json()["id"], first);
  const journal::Entry entry{42, {1}};
  ASSERT_TRUE(kept_.fleet->commit({&entry, 1}, {}));
  EXPECT_NE(request("POST", kBackup).json()["id"], first);
  EXPECT_EQ(request("DELETE", kBackup).status, 200);
  EXPECT_FALSE(fs::exists(folder()));
  EXPECT_EQ(get(kBackup).status, 404);
}

TEST_F(BackupTest, FilesAreGivenByTheirNamesAlone) {
  begin();
  ASSERT_EQ(request("POST", kBackup).status, 201);
  std::ifstream file(folder() + "/store", std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(get(std::string(kBackup) + "/files/store").body, content);
  for (const char* other : {"manifest.json", "..%2Fkept.db", "values", "store-wal"}) {
    EXPECT_EQ(get(std::string(kBackup) + "/files/" + other).status, 404) << other;
  }
}

TEST_F(BackupTest, ADamagedOneIsNotRestored) {
  begin();
  ASSERT_EQ(request("POST", kBackup).status, 201);
  const auto manifest = backup::read(folder());
  ASSERT_TRUE(manifest);
  { std::ofstream(folder() + "/fleet", std::ios::app) << "x"; }
  const auto refused = backup::restore(folder(), *manifest, kept_.folder.file("again.db"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().reason.find("/fleet: isn't what"), std::string::npos) << refused.error().reason;
  EXPECT_FALSE(fs::exists(kept_.folder.file("again.db")));
}

TEST_F(BackupTest, ADiskThatTakesNoneIsSaidAndLeavesTheOneBefore) {
  begin();
  const std::string first = request("POST", kBackup).json()["id"];
  // The store's own folder is gone, as with a disk that was taken away: a new one can't be made in it.
  const std::string folder_name = kept_.folder.file(""), away = folder_name.substr(0, folder_name.size() - 1) + ".away";
  fs::rename(folder_name, away);
  const Reply refused = request("POST", kBackup);
  fs::rename(away, folder_name);
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(get(kBackup).json()["id"], first);
  EXPECT_EQ(get(std::string(kBackup) + "/files/store").status, 200);
}

TEST(BackupManifest, IsReadAsItIsWrittenAndNothingElse) {
  backup::Manifest manifest;
  manifest.id = "x";
  manifest.files = {{"store", 7, std::string(64, 'a')}, {"image-" + std::string(64, '0'), 1, std::string(64, '1')}};
  const std::string text = backup::to_json(manifest);
  EXPECT_EQ(backup::parse_manifest(text), manifest);
  for (const auto& [from, to] : {std::pair("\"store\"", "\"../store\""),
                                 {"\"store\"", "\"fleet\""},
                                 {"\"format\": 1", "\"format\": 2"},
                                 {"\"size\": 7", "\"size\": \"7\""},
                                 {"aaaa", "AAAA"},
                                 {"image-0", "image-/"},
                                 {"{", "["}}) {
    std::string wrong = text;
    wrong.replace(wrong.find(from), std::string(from).size(), to);
    EXPECT_FALSE(backup::parse_manifest(wrong)) << to;
  }
}

}  // namespace
}  // namespace drover::api::test
