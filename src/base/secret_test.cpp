// SPDX-License-Identifier: Apache-2.0
#include "base/secret.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace drover {
namespace {

constexpr std::uint8_t kMark = 0x5A;

/// What memory held when it was given back.
struct Returned {
  std::size_t blocks = 0;
  std::size_t marked = 0;  ///< bytes that were kMark
};
Returned returned;

template <class T>
struct Watching {
  using value_type = T;
  Watching() = default;
  template <class U>
  Watching(const Watching<U>&) {}
  T* allocate(std::size_t count) {
    T* memory = std::allocator<T>().allocate(count);
    std::fill_n(memory, count, T{});
    return memory;
  }
  void deallocate(T* memory, std::size_t count) {
    ++returned.blocks;
    returned.marked += static_cast<std::size_t>(std::count(memory, memory + count, kMark));
    std::allocator<T>().deallocate(memory, count);
  }
  bool operator==(const Watching&) const { return true; }
};

using Watched = std::vector<std::uint8_t, Watching<std::uint8_t>>;

class SecretTest : public ::testing::Test {
 protected:
  SecretTest() { returned = {}; }
};

TEST_F(SecretTest, TheWatchSeesWhatIsLeftInMemory) {
  { const Watched plain(40, kMark); }
  EXPECT_EQ(returned.blocks, 1U);
  EXPECT_EQ(returned.marked, 40U);
}

TEST_F(SecretTest, IsOverwrittenWhenItEnds) {
  { const Secret<Watched> secret(Watched(40, kMark)); }
  EXPECT_EQ(returned.blocks, 1U);
  EXPECT_EQ(returned.marked, 0U);
}

TEST_F(SecretTest, IsOverwrittenBehindItsSizeToo) {
  {
    Watched longer(40, kMark);
    longer.resize(3);
    const Secret<Watched> secret(std::move(longer));
    EXPECT_EQ(secret.reveal().size(), 3U);
  }
  EXPECT_EQ(returned.marked, 0U);
}

TEST_F(SecretTest, IsOverwrittenWhenItGetsAnotherValue) {
  Secret<Watched> secret(Watched(40, kMark));
  secret = Secret<Watched>(Watched(4, 1));
  EXPECT_EQ(secret.reveal(), Watched(4, 1));
  const Secret<Watched> other(Watched(50, 2));
  secret = other;
  EXPECT_EQ(secret.reveal(), other.reveal());
  EXPECT_GE(returned.blocks, 2U);
  EXPECT_EQ(returned.marked, 0U);
}

TEST_F(SecretTest, CopiesStandAlone) {
  Secret<Watched> secret(Watched(40, kMark));
  const Secret<Watched> copy(secret);
  const Secret<Watched>& same = secret;
  secret = same;
  EXPECT_EQ(secret.reveal(), Watched(40, kMark));
  secret = Secret<Watched>();
  EXPECT_TRUE(secret.empty());
  EXPECT_EQ(copy.reveal(), Watched(40, kMark));
}

TEST_F(SecretTest, AMovedTextLeavesNothingBehind) {
  // As short as this it stands in the object itself, where a move only copies it.
  Secret<std::string> secret(std::string("short"));
  const Secret<std::string> taken(std::move(secret));
  EXPECT_EQ(taken.reveal(), "short");
  const char* left = secret.reveal().data();  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(std::count(left, left + secret.reveal().capacity(), '\0'),
            static_cast<std::ptrdiff_t>(secret.reveal().capacity()));
}

}  // namespace
}  // namespace drover
