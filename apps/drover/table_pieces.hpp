// SPDX-License-Identifier: Apache-2.0
// A table of credentials in parts that the server takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "store/import.hpp"

namespace drover::cli {

/// Rows of a table behind its header.
struct TablePiece {
  std::string text;
  std::size_t header_lines = 0;
  std::size_t first_line = 0;  ///< of its first row in the whole table, from 1
  /// Where a line of `text` stands in the whole table.
  [[nodiscard]] std::size_t line_in_table(std::size_t line) const {
    return line <= header_lines ? line : first_line + (line - header_lines - 1);
  }
};

/// `import` is what store::read_import() made of `table`, whose header it understood. A piece has at most `most` bytes,
/// unless one row alone has more.
std::vector<TablePiece> split_table(std::string_view table, const store::Import& import, std::size_t most);

}  // namespace drover::cli
