// SPDX-License-Identifier: Apache-2.0
// What a token table promises, whether it keeps a file or memory.
#include "store/token_table.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "store/store_file.hpp"

namespace drover::store {
namespace {

constexpr UnixSeconds kNow = 1'800'000'000;

Token token(const std::string& name, std::uint8_t hash) {
  Token made;
  made.name = name;
  made.role = Role::Operate;
  made.hash.fill(hash);
  made.created_at = kNow;
  return made;
}

struct InMemory {
  MemoryTokenTable table;
  void reopen() {}
};

struct InFile {
  InFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "drover-tokens-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    reopen();
  }
  ~InFile() { std::filesystem::remove_all(folder); }
  InFile(const InFile&) = delete;
  InFile& operator=(const InFile&) = delete;
  void reopen() {
    kept.reset();
    auto file = StoreFile::open(folder + "/store");
    ASSERT_TRUE(file) << file.error().reason;
    kept = std::make_unique<FileTokenTable>(*file);
  }
  std::string folder;
  std::unique_ptr<FileTokenTable> kept;
};

template <class Backing>
class TokenTableContract : public ::testing::Test {
 protected:
  TokenTable& table() {
    if constexpr (std::is_same_v<Backing, InMemory>) {
      return backing.table;
    } else {
      return *backing.kept;
    }
  }
  Backing backing;
};
using Backings = ::testing::Types<InMemory, InFile>;
TYPED_TEST_SUITE(TokenTableContract, Backings);

TYPED_TEST(TokenTableContract, WhatIsAddedIsThereAgain) {
  EXPECT_EQ(*this->table().had_any(), false);
  Token first = token("first", 1);
  first.expires_at = kNow + 60;
  Token second = token("second\xC3\xA9", 2);
  second.role = Role::Admin;
  second.last_used_at = kNow - 60;
  first.id = *this->table().add(first);
  second.id = *this->table().add(second);
  EXPECT_EQ(first.id, 1u);
  this->backing.reopen();
  EXPECT_EQ(*this->table().all(), (std::vector<Token>{first, second}));
}

TYPED_TEST(TokenTableContract, NamesAndHashesAreUnique) {
  ASSERT_TRUE(this->table().add(token("a", 1)));
  for (const Token& same : {token("a", 2), token("b", 1)}) {
    const auto refused = this->table().add(same);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::Us);
  }
  EXPECT_EQ(this->table().all()->size(), 1u);
}

TYPED_TEST(TokenTableContract, AnIdIsNeverUsedAgainAndThatThereWasOneIsNotForgotten) {
  ASSERT_EQ(*this->table().add(token("a", 1)), 1u);
  EXPECT_EQ(*this->table().remove(1), true);
  EXPECT_EQ(*this->table().remove(1), false);
  this->backing.reopen();
  EXPECT_TRUE(this->table().all()->empty());
  EXPECT_EQ(*this->table().had_any(), true);
  EXPECT_EQ(*this->table().add(token("a", 1)), 2u);
}

TYPED_TEST(TokenTableContract, TheLastUseIsKept) {
  ASSERT_TRUE(this->table().add(token("a", 1)));
  EXPECT_TRUE(this->table().note_use(1, kNow + 5));
  EXPECT_TRUE(this->table().note_use(2, kNow + 5)) << "there is none of that id";
  this->backing.reopen();
  EXPECT_EQ(this->table().all()->front().last_used_at, kNow + 5);
}

TEST(FileTokenTable, ADamagedRowIsNamed) {
  InFile backing;
  ASSERT_TRUE(backing.kept->add(token("a", 1)));
  backing.kept.reset();
  {
    const auto file = StoreFile::open(backing.folder + "/store");
    ASSERT_TRUE((*file)->turn()->run("UPDATE api_token SET role = 4"));
  }
  backing.reopen();
  const auto all = backing.kept->all();
  ASSERT_FALSE(all);
  EXPECT_NE(all.error().reason.find("damaged (API token 1)"), std::string::npos) << all.error().reason;
}

}  // namespace
}  // namespace drover::store
