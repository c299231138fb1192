// SPDX-License-Identifier: Apache-2.0
// Images and campaigns on disk.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "campaign/images.hpp"
#include "campaign/table.hpp"
#include "store/store_file.hpp"

namespace drover::campaign {
namespace {

namespace fs = std::filesystem;

class CampaignStore : public ::testing::Test {
 protected:
  CampaignStore() {
    std::string pattern = (fs::temp_directory_path() / "drover-campaign-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    reopen();
  }
  ~CampaignStore() override {
    images_.reset();
    file_.reset();
    fs::remove_all(folder_);
  }
  Result<void> reopen(ImageLimits limits = {}) {
    images_.reset();
    file_.reset();
    auto file = store::StoreFile::open(folder_ + "/store");
    if (!file) return tl::unexpected(file.error());
    file_ = *file;
    auto images = Images::open(file_, folder_ + "/store.images", limits);
    if (!images) return tl::unexpected(images.error());
    images_ = std::move(*images);
    return {};
  }
  Answer<Image> put(const std::string& name, const std::string& content, const std::string& version = "") {
    auto upload = images_->begin();
    if (!upload) return tl::unexpected(upload.error());
    for (std::size_t at = 0; at < content.size(); at += 1000) {
      if (auto taken = (*upload)->append(as_bytes(std::string_view(content).substr(at, 1000))); !taken) {
        return tl::unexpected(taken.error());
      }
    }
    Image image;
    image.name = name;
    image.version = version;
    return images_->finish(**upload, image);
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_ + "/store.images"), {}));
  }
  std::string folder_;
  std::shared_ptr<store::StoreFile> file_;
  std::unique_ptr<Images> images_;
};

TEST_F(CampaignStore, AnImageOutlivesARestartUnderItsPath) {
  const auto image = put("app-1.0", std::string(5000, 'x'), "1.0");
  ASSERT_TRUE(image) << image.error().reason;
  EXPECT_EQ(image->size, 5000U);
  EXPECT_EQ(image->path.size(), std::string("fw/").size() + 32);
  ASSERT_TRUE(reopen());
  const auto file = images_->find_file(image->path);
  ASSERT_TRUE(file);
  EXPECT_EQ(as_text(file->bytes()), std::string(5000, 'x'));
  EXPECT_EQ(file->etag().size(), 8U);
  EXPECT_EQ(images_->find("app-1.0")->version, "1.0");
  EXPECT_FALSE(images_->find_file("fw/" + std::string(32, '0')));
}

TEST_F(CampaignStore, ANameKeepsItsContent) {
  ASSERT_TRUE(put("a", "one"));
  EXPECT_TRUE(put("a", "one"));
  const auto other = put("a", "two");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().why, Refusal::Why::Conflict);
  ASSERT_TRUE(put("b", "one"));
  EXPECT_EQ(files(), 1U);  // the same content
  ASSERT_TRUE(images_->remove("a"));
  EXPECT_EQ(files(), 1U);
  ASSERT_TRUE(images_->remove("b"));
  EXPECT_EQ(files(), 0U);
}

TEST_F(CampaignStore, WhatIsUsedStays) {
  ASSERT_TRUE(put("a", "one"));
  ASSERT_TRUE(images_->hold("a"));
  EXPECT_EQ(images_->remove("a").error().why, Refusal::Why::Conflict);
  images_->release("a");
  EXPECT_TRUE(images_->remove("a"));
  EXPECT_FALSE(images_->hold("a"));
}

TEST_F(CampaignStore, OrphansAreSweptAndOthersFilesStay) {
  ASSERT_TRUE(put("a", "one"));
  std::ofstream(folder_ + "/store.images/upload-7") << "half";
  std::ofstream(folder_ + "/store.images/" + std::string(64, 'a')) << "orphan";
  std::ofstream(folder_ + "/store.images/README") << "somebody's";
  ASSERT_TRUE(reopen());
  EXPECT_EQ(files(), 2U);
}

TEST_F(CampaignStore, ADamagedImageIsNoticedAtStart) {
  const auto image = put("a", "one");
  const std::string name = folder_ + "/store.images/" + to_hex(image->sha256);
  images_.reset();
  fs::permissions(name, fs::perms::owner_all);
  std::ofstream(name) << "two";
  const auto opened = reopen();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().reason.find("\"a\" is damaged"), std::string::npos) << opened.error().reason;
}

TEST_F(CampaignStore, LimitsHaveTheirWords) {
  ImageLimits limits;
  limits.image_max = 3000;
  limits.total_max = 5000;
  limits.uploads_max = 1;
  ASSERT_TRUE(reopen(limits));
  EXPECT_EQ(put("a", std::string(4000, 'x')).error().reason, "an image has at most 3000 bytes");
  ASSERT_TRUE(put("a", std::string(3000, 'x')));
  EXPECT_EQ(put("b", std::string(3000, 'y')).error().reason, "all images have at most 5000 bytes; remove one");
  {
    const auto held = images_->begin();
    ASSERT_TRUE(held);
    EXPECT_EQ(images_->begin().error().why, Refusal::Why::Busy);
  }
  EXPECT_TRUE(put("b", std::string(2000, 'y')));
  EXPECT_EQ(files(), 2U);
}

TEST_F(CampaignStore, CampaignsComeBackAsTheyWere) {
  Head head;
  head.id = CampaignId{5};
  head.order.name = "spring";
  head.order.image = "a";
  head.order.method = Method::Coaps;
  head.order.window = Window{60, 120};
  head.order.start_at = 77;
  head.target = {"2.0", "coaps://x/fw/1"};
  head.state = State::Stopped;
  head.reason = "why";
  head.forgiven_failed = 3;
  Device one, two;
  one.endpoint = "one";
  two.endpoint = "two";
  two.stage = Stage::Ended;
  two.ending = Ending::Failed;
  two.result = 8;
  two.reason = "update failed (8)";
  one.operation = server::OperationId{99};
  one.step = Step::Execute;
  std::vector<Device> devices{one, two};
  CampaignTable table(file_);
  const CampaignTable::Change all{&head, true, &devices, {0, 1}};
  ASSERT_TRUE(table.save({&all, 1}));
  devices[0].stage = Stage::Updating;
  const CampaignTable::Change some{&head, false, &devices, {0}};
  ASSERT_TRUE(table.save({&some, 1}));
  const auto content = table.load();
  ASSERT_TRUE(content) << content.error().reason;
  ASSERT_EQ(content->campaigns.size(), 1U);
  const auto& kept = content->campaigns.front();
  EXPECT_EQ(kept.head.order.window, head.order.window);
  EXPECT_EQ(kept.head.order.start_at, 77);
  EXPECT_EQ(kept.head.order.method, Method::Coaps);
  EXPECT_EQ(kept.head.target.uri, "coaps://x/fw/1");
  EXPECT_EQ(kept.head.state, State::Stopped);
  EXPECT_EQ(kept.head.forgiven_failed, 3U);
  ASSERT_EQ(kept.devices.size(), 2U);
  EXPECT_EQ(kept.devices[0].stage, Stage::Updating);
  EXPECT_EQ(kept.devices[0].operation, server::OperationId{99});
  EXPECT_EQ(kept.devices[1].result, 8);
  ASSERT_TRUE(table.remove(CampaignId{5}));
  EXPECT_TRUE(table.load()->campaigns.empty());
  EXPECT_EQ(table.load()->last, CampaignId{5});
}

}  // namespace
}  // namespace drover::campaign
