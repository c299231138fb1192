// SPDX-License-Identifier: Apache-2.0
// What this process takes of the machine (proc(5)).
#pragma once

#include <cstdint>

namespace drover::io {

/// 0 for what can't be read.
struct ProcessUsage {
  double cpu_seconds = 0;           ///< user and system, of all threads
  double start_seconds = 0;         ///< since 1970
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t threads = 0;
  std::uint64_t descriptors = 0;
  std::uint64_t descriptors_max = 0;
};
ProcessUsage process_usage();

}  // namespace drover::io
