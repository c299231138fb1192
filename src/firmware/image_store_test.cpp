// SPDX-License-Identifier: Apache-2.0
#include "firmware/image_store.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "firmware/test_folder.hpp"

namespace drover::firmware {
namespace {

using client::FirmwareResult;
using testing::TestFolder;

TEST(ImageStore, AnImageHasItsNameOnlyWhenItIsWhole) {
  const TestFolder folder;
  ImageStore store(folder.file("fw"), 100);
  ASSERT_TRUE(store.begin());
  ASSERT_TRUE(store.append(as_bytes("hello ")));
  EXPECT_FALSE(store.has_image());
  ASSERT_TRUE(store.append(as_bytes("world")));
  ASSERT_TRUE(store.finish());
  EXPECT_TRUE(store.has_image());
  EXPECT_EQ(folder.read("fw/image"), "hello world");
  store.discard();
  EXPECT_FALSE(store.has_image());
  EXPECT_TRUE(std::filesystem::is_empty(folder.file("fw")));
}

TEST(ImageStore, TheFolderIsMadeForItsUserAlone) {
  const TestFolder folder;
  ImageStore store(folder.file("a/b"), 100);
  ASSERT_TRUE(store.begin());
  struct stat status {};
  ASSERT_EQ(::stat(folder.file("a/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
}

TEST(ImageStore, ALaterImageReplacesAnEarlierOne) {
  const TestFolder folder;
  ImageStore store(folder.path, 100);
  ASSERT_TRUE(store.begin() && store.append(as_bytes("long image")) && store.finish());
  ASSERT_TRUE(store.begin());
  EXPECT_FALSE(store.has_image());
  ASSERT_TRUE(store.append(as_bytes("new")) && store.finish());
  EXPECT_EQ(folder.read("image"), "new");
}

TEST(ImageStore, MoreThanTheLimitIsNoSpace) {
  const TestFolder folder;
  ImageStore store(folder.path, 10);
  ASSERT_TRUE(store.begin());
  ASSERT_TRUE(store.append(as_bytes("0123456789")));
  const auto over = store.append(as_bytes("x"));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error(), FirmwareResult::NoSpace);
}

TEST(ImageStore, AFolderThatCannotBeIsNoSpace) {
  const TestFolder folder;
  folder.write("file", "");
  ImageStore store(folder.file("file/fw"), 10);
  const auto begun = store.begin();
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error(), FirmwareResult::NoSpace);
}

TEST(ImageStore, AFetchedFileBecomesTheImage) {
  const TestFolder folder;
  ImageStore store(folder.path, 10);
  EXPECT_EQ(store.fetched_size(), 0U);
  folder.write("fetched.part", "fetched");
  EXPECT_EQ(store.fetched_size(), 7U);
  ASSERT_TRUE(store.finish_fetched());
  EXPECT_EQ(folder.read("image"), "fetched");
  EXPECT_FALSE(store.finish_fetched());
}

TEST(ImageStore, WhatErrorsMean) {
  EXPECT_EQ(result_of_errno(ENOSPC), FirmwareResult::NoSpace);
  EXPECT_EQ(result_of_errno(EDQUOT), FirmwareResult::NoSpace);
  EXPECT_EQ(result_of_errno(EFBIG), FirmwareResult::NoSpace);
  EXPECT_EQ(result_of_errno(EIO), FirmwareResult::NoSpace);
  EXPECT_EQ(result_of_errno(ENOMEM), FirmwareResult::OutOfMemory);
}

TEST(AtomicWrite, ReplacesTheWholeFile) {
  const TestFolder folder;
  ASSERT_TRUE(write_atomically(folder.file("state"), "a long text\n"));
  ASSERT_TRUE(write_atomically(folder.file("state"), "short\n"));
  EXPECT_EQ(folder.read("state"), "short\n");
  EXPECT_FALSE(folder.has("state.new"));
  EXPECT_FALSE(write_atomically(folder.file("nowhere/state"), "x"));
}

}  // namespace
}  // namespace drover::firmware
