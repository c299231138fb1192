// SPDX-License-Identifier: Apache-2.0
#include "apps/plans/plan_file.hpp"

#include <toml++/toml.h>

#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace drover::plans {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kFileMax = std::size_t{1} << 20;  // of a plan (docs/bootstrap.md)

tl::unexpected<Error> refusal(const std::string& file, const toml::source_region& at, const std::string& reason) {
  return tl::unexpected(Error{Fault::Us, 0, file + ":" + std::to_string(at.begin.line) + ": " + reason});
}

Result<Json> to_json(const toml::node& node, const std::string& file);

Result<Json> to_json(const toml::table& table, const std::string& file) {
  Json object = Json::object();
  for (const auto& [key, value] : table) {
    auto member = to_json(value, file);
    if (!member) return member;
    object[std::string(key.str())] = std::move(*member);
  }
  return object;
}

Result<Json> to_json(const toml::array& array, const std::string& file) {
  Json list = Json::array();
  for (const toml::node& node : array) {
    auto element = to_json(node, file);
    if (!element) return element;
    list.push_back(std::move(*element));
  }
  return list;
}

Result<Json> to_json(const toml::node& node, const std::string& file) {
  if (const auto* table = node.as_table()) return to_json(*table, file);
  if (const auto* array = node.as_array()) return to_json(*array, file);
  if (const auto* text = node.as_string()) return Json(text->get());
  if (const auto* number = node.as_integer()) return Json(number->get());
  if (const auto* truth = node.as_boolean()) return Json(truth->get());
  if (const auto* number = node.as_floating_point()) {
    if (std::isfinite(number->get())) return Json(number->get());
    return refusal(file, node.source(), "a plan has finite numbers only");
  }
  return refusal(file, node.source(), "a plan has no dates; a time is seconds since 1970");
}

}  // namespace

Result<Secret<std::string>> plan_from_toml(std::string_view text, const std::string& file) {
  try {
    const toml::table table = toml::parse(text, file);
    const auto json = to_json(table, file);
    if (!json) return tl::unexpected(json.error());
    return Secret<std::string>(json->dump());
  } catch (const toml::parse_error& error) {
    // Its description may quote what stands there, which may be a key.
    return refusal(file, error.source(), "no TOML");
  }
}

Result<Secret<std::string>> read_plan_file(const std::string& file) {
  const bool is_toml = file.ends_with(".toml");
  if (!is_toml && file != "-" && !file.ends_with(".json")) {
    return tl::unexpected(Error{Fault::Us, 0, file + ": a plan's file ends in .toml or .json; - is JSON from standard input"});
  }
  std::string content;
  if (file == "-") {
    content.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream stream(file, std::ios::binary);
    if (stream) content.assign(std::istreambuf_iterator<char>(stream), {});
    if (!stream) return tl::unexpected(Error{Fault::Environment, 0, file + " can't be read"});
  }
  const Secret<std::string> text(std::move(content));
  if (text.reveal().size() > kFileMax) {
    return tl::unexpected(Error{Fault::Us, 0, file + " is larger than a plan may be (1 MiB)"});
  }
  if (is_toml) return plan_from_toml(text.reveal(), file);
  return text;
}

std::string name_of_plan(const Secret<std::string>& json) {
  const Json plan = Json::parse(json.reveal(), nullptr, false);
  const auto name = plan.is_object() ? plan.find("name") : plan.end();
  return plan.is_object() && name != plan.end() && name->is_string() ? name->get<std::string>() : "";
}

}  // namespace drover::plans
