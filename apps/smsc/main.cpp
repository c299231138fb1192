// SPDX-License-Identifier: Apache-2.0
// drover-smsc: a software SMSC with SMPP on one side and modems on the other.
#include <algorithm>
#include <csignal>
#include <cstdio>

#include "config.hpp"
#include "io/standard_output.hpp"
#include "runner.hpp"

namespace {

constexpr int kEnvironment = 3;

int complain(const drover::Error& error) {
  std::fprintf(stderr, "drover-smsc: %s\n", error.reason.c_str());
  return kEnvironment;
}

}  // namespace

int main(int count, char** arguments) {
  drover::smsc::Config config;
  if (const auto status = drover::smsc::parse_command_line(count, arguments, config)) return *status;
  std::signal(SIGPIPE, SIG_IGN);
  const auto ran = drover::smsc::run(config);
  const auto said = drover::io::finish_output();
  return std::max(ran ? 0 : complain(ran.error()), said ? 0 : complain(said.error()));
}
