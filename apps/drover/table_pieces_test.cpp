// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/table_pieces.hpp"

#include <gtest/gtest.h>

namespace drover::cli {
namespace {

std::vector<TablePiece> split(const std::string& table, std::size_t most) {
  return split_table(table, store::read_import(table), most);
}

TEST(TablePieces, EachHasTheHeaderAndWholeRows) {
  const std::string header = "kind,identity,key\n";
  const std::string a = "psk,a,00\n", b = "psk,\"b\nb\",01\n", c = "nonsense\n", d = "psk,d,03";
  const auto pieces = split(header + a + b + "\n" + c + d, header.size() + a.size() + b.size() + 1);
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[0].text, header + a + b + "\n");
  EXPECT_EQ(pieces[1].text, header + c + d);
  EXPECT_EQ(pieces[0].line_in_table(1), 1U);
  EXPECT_EQ(pieces[0].line_in_table(3), 3U);
  EXPECT_EQ(pieces[1].line_in_table(2), 6U) << "a row of two lines and an empty line are before it";
  EXPECT_EQ(pieces[1].line_in_table(3), 7U);
}

TEST(TablePieces, ARowIsNeverCut) {
  const auto pieces = split("\n\nkind,identity,key\r\npsk,a,00\r\npsk,b,01\r\n", 1);
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[1].text, "\n\nkind,identity,key\r\npsk,b,01\r\n");
  EXPECT_EQ(pieces[1].line_in_table(4), 5U);
}

TEST(TablePieces, TogetherTheyHoldEveryRow) {
  std::string table = "kind,identity,key\n";
  for (int i = 0; i < 1000; ++i) table += "psk,device-" + std::to_string(i) + ",0011223344556677\n";
  std::size_t rows = 0;
  for (const TablePiece& piece : split(table, 4096)) {
    EXPECT_LE(piece.text.size(), 4096U);
    const store::Import import = store::read_import(piece.text);
    EXPECT_TRUE(import.problems.empty());
    for (std::size_t i = 0; i < import.lines.size(); ++i, ++rows) {
      EXPECT_EQ(import.credentials[i].identity, "device-" + std::to_string(rows));
      EXPECT_EQ(piece.line_in_table(import.lines[i]), rows + 2);
    }
  }
  EXPECT_EQ(rows, 1000U);
}

}  // namespace
}  // namespace drover::cli
