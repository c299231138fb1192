// SPDX-License-Identifier: Apache-2.0
#include "apps/device/section.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace drover::device {
namespace {

constexpr Duration kDurationMin = std::chrono::milliseconds(10);
constexpr std::int64_t kDurationCountMax = 1'000'000'000;

const toml::table& as_table(const void* table) {
  return *static_cast<const toml::table*>(table);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || count < 0 || count > kDurationCountMax) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  std::optional<Duration> duration;
  if (unit == "ms") duration = std::chrono::milliseconds(count);
  if (unit == "s") duration = std::chrono::seconds(count);
  if (unit == "m") duration = std::chrono::minutes(count);
  if (unit == "h" && count <= kDurationCountMax / 3600) duration = std::chrono::hours(count);
  if (!duration || *duration < kDurationMin) return std::nullopt;
  return duration;
}

std::optional<std::string> Section::text(std::string_view key) {
  known_.emplace_back(key);
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  if (auto text = node->value_exact<std::string>()) return text;
  refuse(key, std::string(key) + " takes a text in quotes");
}

std::optional<std::string> Section::filled_text(std::string_view key) {
  auto value = text(key);
  if (value && value->empty()) refuse(key, std::string(key) + " is empty");
  return value;
}

std::optional<std::vector<std::string>> Section::texts(std::string_view key) {
  known_.emplace_back(key);
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  const toml::array* list = node->as_array();
  if (list == nullptr) refuse(key, std::string(key) + " takes a list in [ ]");
  std::vector<std::string> values;
  for (const toml::node& element : *list) {
    const auto text = element.value_exact<std::string>();
    if (!text) refuse(key, std::string(key) + " takes a list of texts in quotes");
    values.push_back(*text);
  }
  return values;
}

std::optional<std::int64_t> Section::number(std::string_view key, std::int64_t least, std::int64_t most) {
  known_.emplace_back(key);
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  const auto number = node->value_exact<std::int64_t>();
  if (number && *number >= least && *number <= most) return number;
  refuse(key, std::string(key) + " takes a number from " + std::to_string(least) + " to " + std::to_string(most));
}

std::optional<std::vector<std::int64_t>> Section::numbers(std::string_view key, std::int64_t least, std::int64_t most) {
  known_.emplace_back(key);
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  const toml::array* list = node->as_array();
  if (list == nullptr) refuse(key, std::string(key) + " takes a list in [ ]");
  std::vector<std::int64_t> values;
  for (const toml::node& element : *list) {
    const auto number = element.value_exact<std::int64_t>();
    if (!number || *number < least || *number > most) {
      refuse(key, std::string(key) + " takes numbers from " + std::to_string(least) + " to " + std::to_string(most));
    }
    values.push_back(*number);
  }
  return values;
}

std::optional<bool> Section::truth(std::string_view key) {
  known_.emplace_back(key);
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  if (const auto truth = node->value_exact<bool>()) return truth;
  refuse(key, std::string(key) + " takes true or false");
}

std::optional<Duration> Section::duration(std::string_view key) {
  known_.emplace_back(key);
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  std::optional<Duration> duration;
  if (const auto seconds = node->value_exact<std::int64_t>()) {
    duration = parse_duration(std::to_string(*seconds) + "s");
  } else if (const auto text = node->value_exact<std::string>()) {
    duration = parse_duration(*text);
  }
  if (duration) return duration;
  refuse(key, std::string(key) + " takes a duration such as \"500ms\", \"5s\", \"2m\" or \"1h\"");
}

std::optional<Section> Section::table(std::string_view key) {
  known_.emplace_back(key);
  const toml::node* node = as_table(table_).get(key);
  if (node == nullptr) return std::nullopt;
  if (const toml::table* table = node->as_table()) return Section(key, table);
  refuse(key, std::string(key) + " takes a table");
}

bool Section::has(std::string_view key) const {
  return as_table(table_).contains(key);
}

std::size_t Section::line(std::string_view key) const {
  const toml::node* node = as_table(table_).get(key);
  return node == nullptr ? as_table(table_).source().begin.line : node->source().begin.line;
}

void Section::refuse(std::string_view key, std::string reason) const {
  throw Mistake{line(key), std::move(reason)};
}

void Section::finish() const {
  for (const auto& [key, node] : as_table(table_)) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    std::string list;
    for (const std::string& other : known_) list += (list.empty() ? "" : ", ") + other;
    throw Mistake{key.source().begin.line,
                  "unknown key \"" + std::string(key.str()) + "\" in " + name_ + "; known are " + list};
  }
}

}  // namespace drover::device
