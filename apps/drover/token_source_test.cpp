// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/token_source.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace drover::cli {
namespace {

const std::string kToken = "drover_" + std::string(43, 'a');

class TokenSource : public ::testing::Test {
 protected:
  TokenSource() {
    std::string pattern = (std::filesystem::temp_directory_path() / "drover-token-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~TokenSource() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& text, mode_t mode = 0600) {
    const std::string name = folder_ + "/token";
    std::ofstream(name) << text;
    ::chmod(name.c_str(), mode);
    return name;
  }
  std::string folder_;
};

TEST_F(TokenSource, TheFileGoesBeforeTheEnvironmentAndThatBeforeTheHome) {
  const std::string name = file(kToken + "\n");
  const std::string other = "drover_" + std::string(43, 'b');
  EXPECT_EQ(find_token({.file = name, .environment = other, .home_file = ""})->reveal(), kToken);
  EXPECT_EQ(find_token({.file = "", .environment = other, .home_file = name})->reveal(), other);
  EXPECT_EQ(find_token({.file = "", .environment = "", .home_file = name})->reveal(), kToken);
  EXPECT_EQ(find_token({.file = "", .environment = "", .home_file = folder_ + "/none"})->reveal(), "");
  EXPECT_EQ(find_token({})->reveal(), "");
}

TEST_F(TokenSource, AFileThatOthersMayReadIsRefusedWithTheRemedy) {
  for (const mode_t mode : {0640U, 0604U, 0666U}) {
    const std::string name = file(kToken, mode);
    const auto found = find_token({.file = name, .environment = "", .home_file = ""});
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().reason.find("chmod 600 " + name), std::string::npos) << found.error().reason;
  }
}

TEST_F(TokenSource, WhatIsNoTokenIsNotRepeated) {
  for (const std::string& text : {std::string("hunter2"), std::string(), kToken + "\nX-Evil: 1", kToken + "\x01"}) {
    const auto found = find_token({.file = file(text), .environment = "", .home_file = ""});
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().reason.find("hunter2"), std::string::npos);
    EXPECT_EQ(found.error().reason.find("aaaa"), std::string::npos);
  }
  EXPECT_FALSE(find_token({.file = folder_ + "/none", .environment = "", .home_file = ""}));
}

TEST_F(TokenSource, GoesByHttpsOrStaysOnTheMachine) {
  for (const char* url : {"https://fleet.example:8443", "http://localhost:8080", "http://127.0.0.1:8080",
                          "http://127.9.9.9", "http://[::1]:8080"}) {
    EXPECT_TRUE(check_token_url(url)) << url;
  }
  for (const char* url : {"http://fleet.example", "http://192.0.2.1:8080", "http://localhost.evil.example",
                          "http://127.0.0.1.evil.example", "http://[::2]", "ftp://localhost.example"}) {
    EXPECT_FALSE(check_token_url(url)) << url;
  }
}

}  // namespace
}  // namespace drover::cli
