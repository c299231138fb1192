// SPDX-License-Identifier: Apache-2.0
// A table of the configuration file, as the part of the device that it is about reads it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace drover::device {

/// Stops the reading at the first mistake; becomes "FILE:LINE: reason" where the file is read.
struct Mistake {
  std::size_t line;
  std::string reason;
};

/// Gives the values of a table by key, or nothing for a key that isn't there. A value of another type or out of range
/// is a Mistake, and so is each key that nobody asked for when finish() is called: a misspelt one must not be silently
/// without effect. Borrows the table.
class Section {
 public:
  /// `name` as people write it: "[firmware]" or "[[server]]". `table` is a toml::table.
  Section(std::string_view name, const void* table) : name_(name), table_(table) {}

  std::optional<std::string> text(std::string_view key);
  /// "" isn't taken: the Mistake says that the key needs a value.
  std::optional<std::string> filled_text(std::string_view key);
  std::optional<std::vector<std::string>> texts(std::string_view key);
  std::optional<std::int64_t> number(std::string_view key, std::int64_t least, std::int64_t most);
  std::optional<std::vector<std::int64_t>> numbers(std::string_view key, std::int64_t least, std::int64_t most);
  std::optional<bool> truth(std::string_view key);
  /// "500ms", "5s", "2m", "1h", or a number of seconds.
  std::optional<Duration> duration(std::string_view key);
  /// A table within this one: `key = { ... }`. Its mistakes name it by `key`.
  std::optional<Section> table(std::string_view key);
  /// A key that somebody else reads.
  void allow(std::string_view key) { known_.emplace_back(key); }
  [[nodiscard]] bool has(std::string_view key) const;
  /// Of the key's value, or of the table.
  [[nodiscard]] std::size_t line(std::string_view key = {}) const;
  [[noreturn]] void refuse(std::string_view key, std::string reason) const;
  void finish() const;

 private:
  std::string name_;
  const void* table_;
  std::vector<std::string> known_;
};

/// "500ms", "5s", "2m", "1h"; nothing for anything else, and for less than 10 ms.
std::optional<Duration> parse_duration(std::string_view text);

}  // namespace drover::device
