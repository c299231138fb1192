// SPDX-License-Identifier: Apache-2.0
#include "machine/root.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace drover::machine {

namespace {

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  for (std::size_t at = text.find_first_not_of(separators); at != std::string_view::npos;) {
    const std::size_t end = text.find_first_of(separators, at);
    parts.push_back(text.substr(at, end == std::string_view::npos ? end : end - at));
    at = end == std::string_view::npos ? end : text.find_first_not_of(separators, end);
  }
  return parts;
}

}  // namespace

std::optional<std::string> Root::text(std::string_view file) const {
  std::ifstream stream(path(file), std::ios::binary);
  if (!stream) return std::nullopt;
  std::string content(4096, '\0');
  std::size_t size = 0;
  while (size < kTextMax) {
    // Files of /proc and /sys have no size before they are read.
    stream.read(content.data() + size, static_cast<std::streamsize>(content.size() - size));
    size += static_cast<std::size_t>(stream.gcount());
    if (!stream) break;
    content.resize(std::min(kTextMax, content.size() * 2));
  }
  if (stream.bad() || (size == 0 && !stream.eof())) return std::nullopt;
  content.resize(size);
  content.erase(content.find_last_not_of(" \t\r\n") + 1);
  return content;
}

std::optional<std::string> Root::word(std::string_view file) const {
  auto content = text(file);
  if (content && content->empty()) content.reset();
  return content;
}

std::optional<std::int64_t> Root::number(std::string_view file) const {
  const auto content = text(file);
  return content ? parse_number(*content) : std::nullopt;
}

std::optional<std::string> Root::link(std::string_view file) const {
  std::error_code failed;
  const auto target = std::filesystem::read_symlink(path(file), failed);
  if (failed) return std::nullopt;
  return target.string();
}

bool Root::exists(std::string_view file) const {
  std::error_code failed;
  return std::filesystem::exists(path(file), failed);
}

std::vector<std::string> Root::names(std::string_view folder) const {
  std::vector<std::string> found;
  std::error_code failed;
  std::filesystem::directory_iterator entry(path(folder), failed);
  for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
    found.push_back(entry->path().filename().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::optional<std::int64_t> parse_number(std::string_view text, int base) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> words_of(std::string_view line) {
  return split(line, " \t");
}

std::vector<std::string_view> lines_of(std::string_view text) {
  return split(text, "\r\n");
}

}  // namespace drover::machine
