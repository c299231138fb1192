// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drover::machine {

/// The folder in which /proc, /sys and /etc lie: "/", or a made-up tree in tests. What can't be read is nothing: every
/// file here is one that some kernel or board doesn't have.
class Root {
 public:
  /// Of a file, more of it isn't read: the routes of a host with some thousand of them fit.
  static constexpr std::size_t kTextMax = 256 << 10;

  explicit Root(std::string folder = "/") : folder_(std::move(folder)) {}

  /// Its content without white space at the end; "proc/meminfo".
  [[nodiscard]] std::optional<std::string> text(std::string_view file) const;
  /// As text(), nothing for an empty one.
  [[nodiscard]] std::optional<std::string> word(std::string_view file) const;
  /// A file that is one decimal number.
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view file) const;
  /// Where a symbolic link points to, as it is written.
  [[nodiscard]] std::optional<std::string> link(std::string_view file) const;
  [[nodiscard]] bool exists(std::string_view file) const;
  /// What is in a folder, in the order of the names.
  [[nodiscard]] std::vector<std::string> names(std::string_view folder) const;

 private:
  [[nodiscard]] std::string path(std::string_view file) const { return folder_ + "/" + std::string(file); }

  std::string folder_;
};

/// A whole text that is a number in base 10 or 16, without sign for base 16.
std::optional<std::int64_t> parse_number(std::string_view text, int base = 10);
/// Parts between blanks and tabs.
std::vector<std::string_view> words_of(std::string_view line);
/// Lines without their ends; no empty ones.
std::vector<std::string_view> lines_of(std::string_view text);

}  // namespace drover::machine
