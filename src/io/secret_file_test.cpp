// SPDX-License-Identifier: Apache-2.0
#include "io/secret_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace drover::io {
namespace {

TEST(SecretFile, IsForItsOwnerAndGroup) {
  std::string file = (std::filesystem::temp_directory_path() / "drover-secret-XXXXXX").string();
  const int made = ::mkstemp(file.data());
  ASSERT_GE(made, 0);
  for (const auto& [mode, readable] : {std::pair{0600U, false}, {0640U, false}, {0644U, true}, {0604U, true}}) {
    ASSERT_EQ(::fchmod(made, mode), 0);
    EXPECT_EQ(is_readable_by_everybody(file), readable) << mode;
  }
  std::filesystem::remove(file);
  EXPECT_FALSE(is_readable_by_everybody(file));
  EXPECT_FALSE(is_readable_by_everybody(""));
}

}  // namespace
}  // namespace drover::io
