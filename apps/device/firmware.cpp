// SPDX-License-Identifier: Apache-2.0
#include "apps/device/firmware.hpp"

#include <filesystem>

namespace drover::device {

namespace {

constexpr std::int64_t kSizeMax = std::int64_t{1} << 40;  // 1 TiB: past it a number is a mistake
constexpr Duration kTimeoutMin = std::chrono::seconds(1);
constexpr Duration kTimeoutMax = std::chrono::hours(24);

void read_timeout(Section& section, std::string_view key, Duration& into) {
  const auto timeout = section.duration(key);
  if (!timeout) return;
  if (*timeout < kTimeoutMin || *timeout > kTimeoutMax) {
    section.refuse(key, std::string(key) + " takes \"1s\" to \"24h\"");
  }
  into = *timeout;
}

}  // namespace

void read_firmware(Section section, const std::string& base, FirmwareConfig& config) {
  config.enabled = true;
  config.base = base;
  if (auto text = section.filled_text("folder")) config.folder = std::move(*text);
  if (const auto size = section.number("max_size", 1, kSizeMax)) config.size_max = static_cast<std::uint64_t>(*size);
  if (auto text = section.filled_text("fetch")) config.fetch = std::move(*text);
  if (auto text = section.filled_text("check")) config.check = std::move(*text);
  if (auto text = section.filled_text("install")) config.install = std::move(*text);
  if (auto text = section.filled_text("rollback")) config.rollback = std::move(*text);
  if (auto text = section.filled_text("confirm")) config.confirm = std::move(*text);
  read_timeout(section, "timeout", config.timeout);
  read_timeout(section, "fetch_timeout", config.fetch_timeout);
  section.finish();
}

firmware::UpdaterSettings updater_settings(const FirmwareConfig& config, const coap::Parameters& coap) {
  namespace fs = std::filesystem;
  std::error_code code;
  const fs::path base = fs::absolute(config.base.empty() ? "." : config.base, code);
  firmware::UpdaterSettings settings;
  settings.folder = (base / config.folder).lexically_normal().string();
  settings.command_folder = base.string();
  settings.size_max = config.size_max;
  const fs::path beside = fs::read_symlink("/proc/self/exe", code).parent_path() / "drover-fetch";
  settings.fetch_program = config.fetch.empty() ? beside.string() : (base / config.fetch).string();
  settings.fetch_patience = config.fetch_timeout;
  settings.check = config.check;
  settings.install = config.install;
  settings.rollback = config.rollback;
  settings.confirm = config.confirm;
  settings.command_timeout = config.timeout;
  settings.push_lifetime = coap.body_lifetime;
  return settings;
}

}  // namespace drover::device
