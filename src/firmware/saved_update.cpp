// SPDX-License-Identifier: Apache-2.0
#include "firmware/saved_update.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/uri.hpp"

namespace drover::firmware {

namespace {

constexpr std::string_view kHeading = "drover-firmware 1";

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

tl::unexpected<Error> damaged(const std::string& what) {
  return tl::unexpected(Error{Fault::Environment, 0, "damaged firmware state: " + what});
}

/// False for a value that can't be.
bool take(std::string_view key, const std::string& value, SavedUpdate& saved) {
  constexpr auto kResultMax = static_cast<std::uint64_t>(client::FirmwareResult::UnsupportedProtocol);
  if (key == "phase") {
    const auto phase = client::parse_firmware_phase(value);
    if (phase) saved.record.phase = *phase;
    return phase.has_value();
  }
  if (key == "result") {
    const auto result = number(value);
    if (!result || *result > kResultMax) return false;
    saved.record.result = static_cast<client::FirmwareResult>(*result);
  }
  if (key == "size" || key == "offset") {
    const auto count = number(value);
    if (!count) return false;
    if (key == "size") saved.size = *count;
    if (key == "offset") saved.offset = *count;
  }
  if (key == "uri") saved.record.uri = value;
  if (key == "name") saved.record.name = value;
  if (key == "version") saved.record.version = value;
  if (key == "etag") saved.etag = value;
  if (key == "installed") saved.installed_version = value;
  return true;
}

}  // namespace

std::string to_text(const SavedUpdate& saved) {
  std::string text = std::string(kHeading) + "\n";
  const auto line = [&](std::string_view key, std::string_view value) {
    text += std::string(key) + "=" + percent_encode(value) + "\n";
  };
  line("phase", client::to_string(saved.record.phase));
  line("result", std::to_string(static_cast<int>(saved.record.result)));
  line("uri", saved.record.uri);
  line("name", saved.record.name);
  line("version", saved.record.version);
  line("etag", saved.etag);
  if (saved.size) line("size", std::to_string(*saved.size));
  line("offset", std::to_string(saved.offset));
  line("installed", saved.installed_version);
  return text;
}

Result<SavedUpdate> parse_saved_update(std::string_view text) {
  SavedUpdate saved;
  bool first = true;
  for (const std::string_view line : split(text, '\n')) {
    if (std::exchange(first, false)) {
      if (line != kHeading) return damaged("it doesn't begin with \"" + std::string(kHeading) + "\"");
      continue;
    }
    if (line.empty()) continue;
    const std::size_t equals = line.find('=');
    const auto value = equals == std::string_view::npos ? std::nullopt : percent_decode(line.substr(equals + 1));
    if (!value || !take(line.substr(0, equals), *value, saved)) return damaged(std::string(line));
  }
  return saved;
}

Result<std::optional<SavedUpdate>> load_saved_update(const std::string& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) return tl::unexpected(Error{Fault::Environment, 0, file + ": can't be read"});
  auto saved = parse_saved_update(text.str());
  if (!saved) return tl::unexpected(Error{Fault::Environment, 0, file + ": " + saved.error().reason});
  return std::optional(std::move(*saved));
}

}  // namespace drover::firmware
