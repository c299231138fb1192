// SPDX-License-Identifier: Apache-2.0
#include "sqlite/schema.hpp"

namespace drover::sqlite {

using Kind = Condition::Kind;

Condition inspect(Database& database, const Schema& schema) {
  const auto version = database.number("PRAGMA user_version");
  const auto application = database.number("PRAGMA application_id");
  const auto tables = database.number("SELECT count(*) FROM sqlite_schema");
  if (!version || !application || !tables) return {Kind::Damaged, 0, "damaged (" + database.reason() + ")"};
  if (*tables == 0) return {};
  if (*application != schema.application) return {Kind::Foreign, 0, "is a database of another program"};
  if (*version > schema.version) {
    return {Kind::Later, *version,
            "written by a later version (format " + std::to_string(*version) + "; this one knows " +
                std::to_string(schema.version) + ")"};
  }
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

}  // namespace drover::sqlite
