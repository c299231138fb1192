// SPDX-License-Identifier: Apache-2.0
#include "jobs/sealed_texts.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace drover::jobs {

namespace {

struct BulkText {
  std::int64_t id;
  Bytes sealed;
};
struct RuleText {
  std::string name;
  bool configured;
  Bytes sealed;
};

Result<Bytes> again(store::StoreFile& file, const store::Sealer& from, const store::Sealer& to, ByteView sealed,
                    const std::string& about) {
  const auto text = open_text(from, sealed, about);
  if (!text) return file.failure("damaged (" + about + ")");
  return seal_text(to, *text, about);
}

bool write(sqlite::Database& database, const std::vector<BulkText>& bulks, const std::vector<RuleText>& rules) {
  sqlite::Statement bulk = database.prepare("UPDATE bulk SET operation = ? WHERE id = ?");
  sqlite::Statement rule = database.prepare("UPDATE rule SET text = ? WHERE name = ? AND configured = ?");
  return std::ranges::all_of(bulks, [&](const BulkText& one) { return bulk.bind(ByteView(one.sealed)).bind(one.id).run(); }) &&
         std::ranges::all_of(rules, [&](const RuleText& one) {
           return rule.bind(ByteView(one.sealed)).bind(std::string_view(one.name)).bind(static_cast<int>(one.configured)).run();
         });
}

}  // namespace

std::string about_bulk() {
  return "bulk operation";
}

std::string about_rule(std::string_view name, bool configured) {
  return (configured ? "configured rule " : "rule ") + std::string(name);
}

Result<Bytes> seal_text(const store::Sealer& sealer, std::string_view text, std::string_view about) {
  return sealer.seal(as_bytes(text), as_bytes(about));
}

std::optional<std::string> open_text(const store::Sealer& sealer, ByteView sealed, std::string_view about) {
  const auto opened = sealer.open(sealed, as_bytes(about));
  if (!opened) return std::nullopt;
  return std::string(as_text(opened->reveal()));
}

Result<std::function<bool(sqlite::Database&)>> reseal(store::StoreFile& file, const store::Sealer& from,
                                                      const store::Sealer& to) {
  std::vector<BulkText> bulks;
  std::vector<RuleText> rules;
  store::StoreFile::Turn database = file.turn();
  sqlite::Statement bulk = database->prepare("SELECT id, operation FROM bulk");
  while (bulk.row()) {
    auto sealed = again(file, from, to, bulk.bytes(1), about_bulk());
    if (!sealed) return tl::unexpected(sealed.error());
    bulks.push_back({bulk.number(0), std::move(*sealed)});
  }
  sqlite::Statement rule = database->prepare("SELECT name, configured, text FROM rule");
  while (rule.row()) {
    const std::string name = rule.text(0);
    const bool configured = rule.number(1) != 0;
    auto sealed = again(file, from, to, rule.bytes(2), about_rule(name, configured));
    if (!sealed) return tl::unexpected(sealed.error());
    rules.push_back({name, configured, std::move(*sealed)});
  }
  if (!bulk.ok() || !rule.ok()) return file.failure("can't be read: " + database->reason());
  return [bulks = std::move(bulks), rules = std::move(rules)](sqlite::Database& to_write) {
    return write(to_write, bulks, rules);
  };
}

}  // namespace drover::jobs
