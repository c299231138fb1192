// SPDX-License-Identifier: Apache-2.0
#include "machine/system.hpp"

#include <sys/statvfs.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace drover::machine {

namespace {

constexpr std::string_view kZones = "zoneinfo/";

/// The value behind "key" in lines of "key<separator> value".
std::optional<std::string> value_of(std::string_view text, std::string_view key, char separator) {
  for (std::string_view line : lines_of(text)) {
    const std::size_t at = line.find(separator);
    if (at == std::string_view::npos) continue;
    std::string_view name = line.substr(0, at);
    name.remove_suffix(name.size() - (name.find_last_not_of(" \t") + 1));
    if (name != key) continue;
    std::string_view value = line.substr(at + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (value.empty()) return std::nullopt;
    return std::string(value);
  }
  return std::nullopt;
}

/// Of "MemTotal:  123 kB".
std::optional<std::int64_t> kilobytes(std::string_view text, std::string_view key) {
  const auto value = value_of(text, key, ':');
  if (!value) return std::nullopt;
  const auto words = words_of(*value);
  return words.empty() ? std::nullopt : parse_number(words.front());
}

bool is_filled(const std::string& text) {
  constexpr std::array<std::string_view, 9> kBlanks = {
      "To Be Filled By O.E.M.", "To be filled by O.E.M.", "Default string", "Not Specified", "Not Applicable", "None",
      "System Product Name",    "System Version",         "Unknown"};
  return !text.empty() && std::find(kBlanks.begin(), kBlanks.end(), text) == kBlanks.end();
}

std::optional<std::string> filled(const Root& root, std::string_view file) {
  auto text = root.text(file);
  if (!text) return std::nullopt;
  // A device tree's texts end with a zero.
  text->erase(std::min(text->find('\0'), text->size()));
  if (!is_filled(*text)) return std::nullopt;
  return text;
}

}  // namespace

std::optional<Space> read_memory(const Root& root) {
  const auto text = root.text("proc/meminfo");
  if (!text) return std::nullopt;
  const auto total = kilobytes(*text, "MemTotal");
  auto free = kilobytes(*text, "MemAvailable");
  if (!free) free = kilobytes(*text, "MemFree");  // kernels before 3.14
  if (!total || !free) return std::nullopt;
  return Space{*total, *free};
}

std::optional<Space> read_storage(const std::string& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return std::nullopt;
  constexpr std::uint64_t kKilobyte = 1024;
  const std::uint64_t block = status.f_frsize;
  // By kilobytes where a block is some of them: the product in bytes may not fit.
  const auto size = [&](std::uint64_t blocks) {
    const std::uint64_t kb = block % kKilobyte == 0 ? blocks * (block / kKilobyte) : blocks * block / kKilobyte;
    return static_cast<std::int64_t>(kb);
  };
  return Space{size(status.f_blocks), size(status.f_bavail)};
}

Identity read_identity(const Root& root) {
  Identity identity;
  identity.device_type = filled(root, "proc/device-tree/model");
  if (!identity.device_type) identity.device_type = filled(root, "sys/class/dmi/id/product_name");
  identity.hardware_version = filled(root, "sys/class/dmi/id/product_version");
  if (!identity.hardware_version) {
    // ARM boards have a "Revision" there.
    if (const auto cpu = root.text("proc/cpuinfo")) identity.hardware_version = value_of(*cpu, "Revision", ':');
  }
  auto release = root.text("etc/os-release");
  if (!release) release = root.text("usr/lib/os-release");
  if (release) identity.software_version = value_of(*release, "PRETTY_NAME", '=');
  return identity;
}

std::optional<std::string> read_timezone(const Root& root, const std::string& tz) {
  const auto below_zones = [](const std::string& path) -> std::optional<std::string> {
    const std::size_t at = path.rfind(kZones);
    if (at == std::string::npos) return std::nullopt;
    return path.substr(at + kZones.size());
  };
  if (!tz.empty()) {
    const std::string name = tz.front() == ':' ? tz.substr(1) : tz;
    if (auto inside = below_zones(name)) return inside;
    // POSIX rules such as "CET-1CEST" aren't names of the database; those have a file.
    if (name.find('.') == std::string::npos && root.exists("usr/share/zoneinfo/" + name)) return name;
    return std::nullopt;
  }
  if (const auto target = root.link("etc/localtime")) {
    if (auto inside = below_zones(*target)) return inside;
  }
  return root.word("etc/timezone");
}

std::string format_utc_offset(std::int64_t seconds) {
  const std::int64_t minutes = std::abs(seconds) / 60;
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%c%02d:%02d", seconds < 0 ? '-' : '+', static_cast<int>(minutes / 60),
                static_cast<int>(minutes % 60));
  return text.data();
}

std::int64_t utc_offset_at(UnixSeconds unix) {
  const time_t time = unix;
  tm local{};
  if (::localtime_r(&time, &local) == nullptr) return 0;
  return local.tm_gmtoff;
}

}  // namespace drover::machine
