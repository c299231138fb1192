// SPDX-License-Identifier: Apache-2.0
#include "io/process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "io/clock.hpp"

namespace drover::io {
namespace {

TEST(Process, SaysWhatItTakes) {
  const ProcessUsage before = process_usage();
  EXPECT_GT(before.resident_bytes, 1u << 20);
  EXPECT_GT(before.virtual_bytes, before.resident_bytes);
  EXPECT_GE(before.threads, 1u);
  EXPECT_GT(before.descriptors_max, before.descriptors);
  EXPECT_NEAR(before.start_seconds, static_cast<double>(unix_now()), 3600);
  const int descriptor = ::open("/dev/null", O_RDONLY);
  EXPECT_EQ(process_usage().descriptors, before.descriptors + 1);
  ::close(descriptor);
  // A clock tick's worth of work, however fast the machine is.
  while (process_usage().cpu_seconds <= before.cpu_seconds) {
  }
  EXPECT_LT(process_usage().cpu_seconds, before.cpu_seconds + 60);
}

}  // namespace
}  // namespace drover::io
