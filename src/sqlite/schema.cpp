// SPDX-License-Identifier: Apache-2.0
#include "sqlite/schema.hpp"

#include <array>
#include <cassert>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace drover::sqlite {

using Kind = Condition::Kind;

namespace {

// "The Database Header" of SQLite's file format: big-endian numbers at fixed places.
constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr std::size_t kHeaderSize = 100;
constexpr std::size_t kPagesAt = 28;
constexpr std::size_t kVersionAt = 60;
constexpr std::size_t kApplicationAt = 68;

std::int64_t number_at(const std::array<char, kHeaderSize>& header, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + 4; ++i) number = number << 8 | static_cast<std::uint8_t>(header[i]);
  return static_cast<std::int32_t>(number);
}

Condition later(std::int64_t version, const Schema& schema) {
  return {Kind::Later, version,
          "written by a later version (format " + std::to_string(version) + "; this one knows " +
              std::to_string(schema.version) + ")"};
}

const char* const kForeign = "is a database of another program";

}  // namespace

Condition peek(const std::string& file, const Schema& schema) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return {};
  std::ifstream stream(file, std::ios::binary);
  std::array<char, kHeaderSize> header{};
  stream.read(header.data(), header.size());
  if (stream.gcount() == 0) return {};  // empty, or unreadable: opening it will say why
  if (static_cast<std::size_t>(stream.gcount()) < kHeaderSize || !std::string_view(header.data(), 16).starts_with(kMagic)) {
    return {Kind::Damaged, 0, "damaged (file is not a database)"};
  }
  const std::int64_t application = number_at(header, kApplicationAt);
  if (application == 0) {
    // One whose first transaction is in its log still; without a log, tables are of somebody who gives no number.
    const bool tables = number_at(header, kPagesAt) > 1 && !std::filesystem::exists(file + "-wal", error);
    return tables ? Condition{Kind::Foreign, 0, kForeign} : Condition{};
  }
  if (application != schema.application) return {Kind::Foreign, 0, kForeign};
  const std::int64_t version = number_at(header, kVersionAt);
  return version > schema.version ? later(version, schema) : Condition{};
}

Condition inspect(Database& database, const Schema& schema, Depth depth) {
  const auto version = database.number("PRAGMA user_version");
  const auto application = database.number("PRAGMA application_id");
  const auto tables = database.number("SELECT count(*) FROM sqlite_schema");
  if (!version || !application || !tables) return {Kind::Damaged, 0, "damaged (" + database.reason() + ")"};
  if (*tables == 0) return {};
  if (*application != schema.application) return {Kind::Foreign, 0, kForeign};
  if (*version > schema.version) return later(*version, schema);
  if (depth == Depth::Header) return {Kind::Sound, *version};
  Statement sound = database.prepare("PRAGMA quick_check(1)");
  if (!sound.row()) return {Kind::Damaged, *version, "damaged (" + database.reason() + ")"};
  if (sound.text(0) != "ok") return {Kind::Damaged, *version, "damaged (" + sound.text(0) + ")"};
  return {Kind::Sound, *version};
}

bool mark(Database& database, const Schema& schema) {
  const std::string numbers = "PRAGMA application_id=" + std::to_string(schema.application) +
                              "; PRAGMA user_version=" + std::to_string(schema.version);
  return database.run(numbers.c_str());
}

bool upgrade(Database& database, const Schema& schema, std::int64_t from, std::span<const char* const> steps) {
  assert(static_cast<std::int64_t>(steps.size()) == schema.version && from >= 0);
  if (from >= schema.version) return true;
  bool done = database.run("BEGIN IMMEDIATE");
  for (const char* step : steps.subspan(static_cast<std::size_t>(from))) done = done && database.run(step);
  done = done && mark(database, schema) && database.run("COMMIT");
  if (!done) database.roll_back();
  return done;
}

}  // namespace drover::sqlite
