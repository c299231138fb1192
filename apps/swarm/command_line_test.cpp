// SPDX-License-Identifier: Apache-2.0
#include "apps/swarm/command_line.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace drover::swarm {
namespace {

std::optional<int> parsed(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  Options options;
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data(), options);
}

TEST(SwarmCommandLine, NamesThatDontFitAUriQueryAreWrongUse) {
  EXPECT_EQ(parsed({"drover-swarm", "--count", "10", "--prefix", std::string(250, 'x')}), std::nullopt);
  EXPECT_EQ(parsed({"drover-swarm", "--count", "10", "--prefix", std::string(251, 'x')}), 2);
  EXPECT_EQ(parsed({"drover-swarm", "--count", "10", "--first", "90", "--prefix", std::string(250, 'x')}),
            std::nullopt);
  EXPECT_EQ(parsed({"drover-swarm", "--count", "10", "--first", "99", "--prefix", std::string(250, 'x')}), 2);
  EXPECT_EQ(parsed({"drover-swarm", "--prefix", std::string(1100, 'x')}), 2);
}

TEST(SwarmCommandLine, WithDtlsANameIsAPskIdentity) {
  EXPECT_EQ(parsed({"drover-swarm", "--psk-secret-file", "s", "--prefix", std::string(125, 'x')}), std::nullopt);
  EXPECT_EQ(parsed({"drover-swarm", "--psk-secret-file", "s", "--prefix", std::string(126, 'x')}), 2);
  EXPECT_EQ(parsed({"drover-swarm", "--write-credentials", "table.csv"}), 2) << "there is no secret";
  EXPECT_EQ(parsed({"drover-swarm", "--resume"}), 2);
}

}  // namespace
}  // namespace drover::swarm
