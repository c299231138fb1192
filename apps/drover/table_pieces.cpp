// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/table_pieces.hpp"

#include <algorithm>

namespace drover::cli {
namespace {

/// The lines where rows begin, good and bad ones.
std::vector<std::size_t> row_lines(const store::Import& import) {
  std::vector<std::size_t> lines = import.lines;
  for (const store::ImportProblem& problem : import.problems) lines.push_back(problem.line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// Where each line begins, the first at 0, and where the last one ends.
std::vector<std::size_t> line_offsets(std::string_view table) {
  std::vector<std::size_t> offsets{0};
  for (std::size_t at = table.find('\n'); at != std::string_view::npos; at = table.find('\n', at + 1)) {
    offsets.push_back(at + 1);
  }
  if (offsets.back() != table.size()) offsets.push_back(table.size());
  return offsets;
}

}  // namespace

std::vector<TablePiece> split_table(std::string_view table, const store::Import& import, std::size_t most) {
  const std::vector<std::size_t> rows = row_lines(import);
  const std::vector<std::size_t> offsets = line_offsets(table);
  std::vector<TablePiece> pieces;
  if (rows.empty()) return pieces;
  const std::string_view header = table.substr(0, offsets[rows.front() - 1]);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t begin = offsets[rows[i] - 1];
    const std::size_t end = i + 1 < rows.size() ? offsets[rows[i + 1] - 1] : table.size();
    if (pieces.empty() || pieces.back().text.size() + (end - begin) > most) {
      pieces.push_back({std::string(header), rows.front() - 1, rows[i]});
    }
    pieces.back().text += table.substr(begin, end - begin);
  }
  return pieces;
}

}  // namespace drover::cli
