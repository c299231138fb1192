// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/keys.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace drover::swarm {
namespace {

class KeysTest : public ::testing::Test {
 protected:
  KeysTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "swarm-keys-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~KeysTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& text, mode_t mode = 0600) {
    const std::string file = folder_ + "/secret";
    std::ofstream(file) << text;
    ::chmod(file.c_str(), mode);
    return file;
  }
  static std::string read(const std::string& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  static std::string reason(const std::string& file) {
    const auto keys = Keys::read(file);
    return keys ? "" : keys.error().reason;
  }

  std::string folder_;
};

// python3 -c 'import hmac; print(hmac.new(bytes(range(16)), b"urn:dev:os:swarm-1", "sha256").hexdigest())'
TEST_F(KeysTest, AKeyIsMadeOfTheSecretAndTheName) {
  const auto keys = Keys::read(write("000102030405060708090a0b0c0d0e0f\n"));
  ASSERT_TRUE(keys.has_value());
  const security::PskCredential credential = keys->credential("urn:dev:os:swarm-1");
  EXPECT_EQ(credential.identity, "urn:dev:os:swarm-1");
  EXPECT_EQ(to_hex(credential.key.reveal()), "208a2ef7e4b00ac43c68d04044e36dffb280b4fa7926dd4a6fe9d000188c9ebc");
}

TEST_F(KeysTest, ASecretThatOthersMayReadOrThatIsNoneIsRefused) {
  const std::string digits(32, 'a');
  EXPECT_NE(reason(write(digits, 0640)).find("chmod 600"), std::string::npos);
  EXPECT_NE(reason(write("aabb")).find("less than 16 bytes"), std::string::npos);
  EXPECT_NE(reason(folder_ + "/none").find("No such file"), std::string::npos);
  const std::string no_key = reason(write("secret words, which nobody may see"));
  EXPECT_NE(no_key.find("hex digits"), std::string::npos);
  EXPECT_EQ(no_key.find("words"), std::string::npos);
}

TEST_F(KeysTest, CredentialsAreATableForTheOwnerAlone) {
  Options options;
  options.count = 2;
  options.first = 9;
  options.prefix = "a,\"b\"";
  const Keys keys(Secret<Bytes>(Bytes(16, 1)));
  const std::string file = folder_ + "/table.csv";
  ASSERT_TRUE(write_credentials(options, keys, file).has_value());
  const std::string first = to_hex(keys.credential("a,\"b\"9").key.reveal());
  const std::string second = to_hex(keys.credential("a,\"b\"10").key.reveal());
  EXPECT_EQ(read(file), "kind,identity,key\npsk,\"a,\"\"b\"\"9\"," + first + "\npsk,\"a,\"\"b\"\"10\"," + second + "\n");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  const auto again = write_credentials(options, keys, file);
  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().reason.find("File exists"), std::string::npos);
}

}  // namespace
}  // namespace drover::swarm
