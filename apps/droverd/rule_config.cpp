// SPDX-License-Identifier: Apache-2.0
#include "rule_config.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "config_reader.hpp"
#include "jobs/rule_text.hpp"

namespace drover::droverd {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kNestingMax = 18;  // as the API has it

/// Nothing for dates, which no rule has, and for what is nested too deeply.
std::optional<Json> json_of(const toml::node& node, int depth) {
  if (depth > kNestingMax) return std::nullopt;
  if (const auto* const text = node.as_string()) return Json(text->get());
  if (const auto* const number = node.as_integer()) return number->get() >= 0 ? Json(static_cast<std::uint64_t>(number->get())) : Json(number->get());
  if (const auto* const real = node.as_floating_point()) return Json(real->get());
  if (const auto* const truth = node.as_boolean()) return Json(truth->get());
  if (const auto* const array = node.as_array()) {
    Json list = Json::array();
    for (const toml::node& element : *array) {
      auto one = json_of(element, depth + 1);
      if (!one) return std::nullopt;
      list.push_back(std::move(*one));
    }
    return list;
  }
  const auto* const table = node.as_table();
  if (table == nullptr) return std::nullopt;
  Json object = Json::object();
  for (const auto& [key, value] : *table) {
    auto one = json_of(value, depth + 1);
    if (!one) return std::nullopt;
    object[std::string(key.str())] = std::move(*one);
  }
  return object;
}

}  // namespace

Setter rules_section(std::vector<RuleSource>& to) {
  return [&to](const toml::node& node, const Place& place) -> Result<void> {
    const auto* const array = node.as_array();
    if (array == nullptr) return at(place, "rules are written [[rule]]");
    to.clear();
    for (const toml::node& element : *array) {
      const Place where{place.file, place.key, element.source().begin.line};
      auto json = json_of(element, 0);
      if (!json || !json->is_object()) return at(where, "a rule must be a table [[rule]] of texts, numbers and lists");
      const auto name = json->find("name");
      if (name == json->end() || !name->is_string()) return at(where, "a rule needs a name");
      RuleSource source{.name = name->get<std::string>(), .json = {}, .file = where.file, .line = where.line};
      if (std::ranges::any_of(to, [&](const RuleSource& one) { return one.name == source.name; })) {
        return at(where, "there are two rules \"" + source.name + "\"");
      }
      json->erase("name");
      source.json = json->dump(-1, ' ', false, Json::error_handler_t::replace);
      to.push_back(std::move(source));
    }
    if (to.size() > jobs::kRulesMax) return at(place, "there are at most " + std::to_string(jobs::kRulesMax) + " rules");
    return {};
  };
}

Result<std::vector<jobs::Rule>> read_rules(const Config& config, const jobs::Forms& forms) {
  std::vector<jobs::Rule> rules;
  for (const RuleSource& source : config.rules) {
    auto rule = jobs::parse_rule(source.name, Json::parse(source.json, nullptr, false), forms);
    if (!rule) {
      return at({source.file, "", source.line}, "rule \"" + source.name + "\": " + rule.error().reason);
    }
    rules.push_back(std::move(*rule));
  }
  return rules;
}

}  // namespace drover::droverd
