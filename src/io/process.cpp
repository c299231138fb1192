// SPDX-License-Identifier: Apache-2.0
#include "io/process.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace drover::io {

namespace {

/// Seconds since 1970 when the machine started.
double boot_time() {
  std::ifstream stream("/proc/stat");
  std::string line;
  while (std::getline(stream, line)) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

/// The fields of /proc/self/stat from the third on: before them is a name, which may hold anything.
std::vector<std::string> own_stat() {
  std::ifstream stream("/proc/self/stat");
  std::string text;
  std::getline(stream, text);
  const std::size_t end = text.rfind(')');
  std::vector<std::string> fields;
  if (end == std::string::npos) return fields;
  std::istringstream rest(text.substr(end + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

}  // namespace

ProcessUsage process_usage() {
  // Numbers of fields in proc(5), less the two that own_stat() leaves out and one since they begin with 1.
  constexpr std::size_t kUserTime = 11, kSystemTime = 12, kThreads = 17, kStart = 19, kVirtual = 20, kResident = 21;
  ProcessUsage usage;
  const auto fields = own_stat();
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  if (fields.size() > kResident && ticks > 0) {
    usage.cpu_seconds = (std::stod(fields[kUserTime]) + std::stod(fields[kSystemTime])) / ticks;
    usage.threads = std::stoull(fields[kThreads]);
    usage.start_seconds = boot_time() + std::stod(fields[kStart]) / ticks;
    usage.virtual_bytes = std::stoull(fields[kVirtual]);
    usage.resident_bytes = std::stoull(fields[kResident]) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  std::error_code failed;
  for (std::filesystem::directory_iterator at("/proc/self/fd", failed), end; !failed && at != end; at.increment(failed)) {
    ++usage.descriptors;
  }
  if (usage.descriptors > 0) --usage.descriptors;  // the one that the folder is read by
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.descriptors_max = limit.rlim_cur;
  return usage;
}

}  // namespace drover::io
