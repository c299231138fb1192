// SPDX-License-Identifier: Apache-2.0
#include "store/import.hpp"

#include <gtest/gtest.h>

#include "lwm2m/content/base64.hpp"
#include "store/test_backing.hpp"

namespace drover::store {
namespace {

std::string only_problem(std::string_view text) {
  const Import import = read_import(text);
  if (import.problems.size() != 1) return std::to_string(import.problems.size()) + " problems";
  return std::to_string(import.problems.front().line) + ": " + import.problems.front().reason;
}

TEST(Import, ReadsEveryKind) {
  const std::string spki = "base64:" + lwm2m::content::to_base64(as_bytes(testing::public_key()));
  const Import import = read_import(
      "\xEF\xBB\xBFkind,identity,key,endpoint,label\r\n"
      "psk,sensor-1,00ff,urn:dev:os:1,\"roof, \"\"south\"\"\"\r\n"
      "\r\n"
      "public-key,," + spki + ",pump,\n"
      "certificate,valve.example,,,\"two\nlines\"\n"
      "psk,x,base64:AP8=,,");
  ASSERT_TRUE(import.problems.empty()) << import.problems.front().reason;
  ASSERT_EQ(import.credentials.size(), 4U);
  EXPECT_EQ(import.lines, (std::vector<std::size_t>{2, 4, 5, 7}));
  const auto& psk = import.credentials[0];
  EXPECT_EQ(psk.identity, "sensor-1");
  EXPECT_EQ(psk.key.reveal(), (Bytes{0, 0xFF}));
  EXPECT_EQ(psk.endpoint, "urn:dev:os:1");
  EXPECT_EQ(psk.label, "roof, \"south\"");
  EXPECT_EQ(import.credentials[1].kind, IdentityKind::PublicKey);
  EXPECT_EQ(import.credentials[1].identity, testing::public_key());
  EXPECT_TRUE(import.credentials[1].key.empty());
  EXPECT_EQ(import.credentials[2].identity, "valve.example");
  EXPECT_EQ(import.credentials[3].key.reveal(), (Bytes{0, 0xFF}));
}

TEST(Import, ColumnsComeInAnyOrderAndMayBeMissing) {
  const Import import = read_import("key,kind,identity\n00,psk,a\n");
  ASSERT_EQ(import.credentials.size(), 1U);
  EXPECT_EQ(import.credentials.front().identity, "a");
}

TEST(Import, APurposeIsTheServersUnlessItIsSaid) {
  const Import import =
      read_import("purpose,kind,identity,key\nbootstrap,psk,a,00\nserver,psk,a,01\n,psk,b,02\nboth,psk,c,03\n");
  ASSERT_EQ(import.credentials.size(), 3U);
  EXPECT_EQ(import.credentials[0].purpose, Purpose::Bootstrap);
  EXPECT_EQ(import.credentials[1].purpose, Purpose::Server);
  EXPECT_EQ(import.credentials[2].purpose, Purpose::Server);
  ASSERT_EQ(import.problems.size(), 1U);
  EXPECT_EQ(import.problems.front().line, 5U);
  EXPECT_EQ(import.problems.front().reason, "purpose must be server or bootstrap");
}

TEST(Import, AWrongHeaderIsSaid) {
  EXPECT_EQ(only_problem(""), "0: the table is empty");
  EXPECT_EQ(only_problem("psk,a,00,,\n"), "1: the header row must be of kind, identity, key, endpoint, label, purpose");
  EXPECT_EQ(only_problem("kind,kind\n"), "1: the header row has the column kind twice");
  EXPECT_EQ(only_problem("identity,key\n"), "1: the header row has no column kind");
}

TEST(Import, EachWrongRowIsNamedAndTheOthersAreRead) {
  const Import import = read_import(
      "kind,identity,key\n"
      "psk,a,00\n"
      "psk,b\n"
      "pks,c,00\n"
      "psk,d,0\n"
      "psk,e\"e,00\n"
      "psk,\"f\"x,00\n"
      "public-key,g,00\n"
      "psk,h,00\n"
      "psk,\"i,00\n");
  ASSERT_EQ(import.credentials.size(), 2U);
  EXPECT_EQ(import.lines, (std::vector<std::size_t>{2, 9}));
  std::string all;
  for (const ImportProblem& problem : import.problems) all += std::to_string(problem.line) + ": " + problem.reason + "\n";
  EXPECT_EQ(all,
            "3: there are 2 fields instead of 3\n"
            "4: kind must be psk, public-key or certificate\n"
            "5: key must be hexadecimal digits, or base64: and Base64\n"
            "6: a field with a quotation mark must be in quotation marks\n"
            "7: there is text after a closing quotation mark\n"
            "8: a public key has no identity; it stands in key\n"
            "10: the closing quotation mark is missing\n");
}

TEST(Import, ThereIsALimit) {
  std::string table = "kind,identity,key\n";
  for (std::size_t i = 0; i <= kImportMax; ++i) table += "psk,a,00\n";
  EXPECT_EQ(only_problem(table), "100002: there are more than 100000 rows");
}

TEST(Import, EndsOnEveryTruncation) {
  const std::string table = "kind,identity,key\r\npsk,\"a\"\"b\",00\r\npsk,c,base64:AA==\r\n";
  for (std::size_t size = 0; size <= table.size(); ++size) {
    const Import import = read_import(std::string_view(table).substr(0, size));
    EXPECT_LE(import.credentials.size() + import.problems.size(), 2U) << size;
  }
}

}  // namespace
}  // namespace drover::store
