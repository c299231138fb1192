// SPDX-License-Identifier: Apache-2.0
#include "apps/device/bootstrap.hpp"

#include <limits>

#include "apps/device/security.hpp"

namespace drover::device {
namespace {

constexpr Duration kWaitMin = std::chrono::seconds(1);
constexpr Duration kWaitMax = std::chrono::hours(24);
constexpr std::int64_t kFailuresMax = 100;

void read_wait(Section& section, std::string_view key, Duration& into) {
  const auto wait = section.duration(key);
  if (!wait) return;
  if (*wait < kWaitMin || *wait > kWaitMax) section.refuse(key, std::string(key) + " takes \"1s\" to \"24h\"");
  into = *wait;
}

}  // namespace

void read_bootstrap(Section section, const std::string& folder, std::vector<std::string>& key_files,
                    BootstrapConfig& config) {
  constexpr std::int64_t kSecondsMax = std::numeric_limits<std::uint32_t>::max();
  auto uri = section.filled_text("uri");
  if (!uri) section.refuse({}, "[bootstrap] needs uri = \"coaps://HOST\"");
  config.uri = std::move(*uri);
  config.line = section.line("uri");
  if (auto security = section.table("security")) {
    config.security = read_security(std::move(*security), folder, key_files);
  }
  config.hold_off = static_cast<std::uint32_t>(section.number("hold_off", 0, kSecondsMax).value_or(0));
  config.account_timeout = static_cast<std::uint32_t>(section.number("account_timeout", 0, kSecondsMax).value_or(0));
  if (section.has("finish_after")) read_wait(section, "finish_after", config.limits.finish_after.emplace());
  read_wait(section, "silence", config.limits.silence);
  read_wait(section, "retry_first", config.limits.retry_first);
  read_wait(section, "retry_max", config.limits.retry_max);
  if (config.limits.retry_max < config.limits.retry_first) {
    section.refuse("retry_max", "retry_max is shorter than retry_first");
  }
  if (const auto failures = section.number("failures_max", 1, kFailuresMax)) {
    config.limits.failures_max = static_cast<std::uint32_t>(*failures);
  }
  config.accept_handshakes = section.truth("accept_handshakes").value_or(false);
  section.finish();
}

}  // namespace drover::device
