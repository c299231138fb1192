// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/history_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/drover/input.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

std::string member(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return "";
  return found->is_string() ? printable(found->get<std::string>()) : found->dump();
}

double time_of(const Json& json) {
  const auto found = json.find("time");
  return found != json.end() && found->is_number() ? found->get<double>() : 0;
}

std::string average(const Json& json) {
  const auto found = json.find("avg");
  return found != json.end() && found->is_number() ? fmt::format("{:.6g}", found->get<double>()) : "";
}

std::vector<std::string> with_endpoint(const Json& json, bool several, std::vector<std::string> row) {
  if (several) row.insert(row.begin() + 1, member(json, "endpoint"));
  return row;
}

}  // namespace

std::string moment_of(const std::string& text, std::int64_t now) {
  const auto ago = span_of(text);
  return ago ? std::to_string(now - *ago) : text;
}

std::optional<std::int64_t> every_of(const std::string& text) {
  if (const auto span = span_of(text)) return span;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || seconds < 1) return std::nullopt;
  return seconds;
}

std::string exact_time_text(double unix_seconds) {
  const auto milliseconds = std::llround(unix_seconds * 1000);
  const auto rest = ((milliseconds % 1000) + 1000) % 1000;
  const std::string whole = time_text((milliseconds - rest) / 1000);
  return rest == 0 ? whole : fmt::format("{}.{:03}", whole, rest);
}

std::string values_text(const Json& values, std::int64_t now, const NameOf& name_of) {
  Table table({"PATH", "NAME", "VALUE", "AGE", "HOW"});
  for (const Json& value : values) {
    const std::string path = member(value, "path");
    const auto parsed = lwm2m::Path::parse(path);
    table.add({path, parsed ? name_of(parsed->prefix(3)) : "", member(value, "value"),
               span_text(now - static_cast<std::int64_t>(time_of(value))), member(value, "how")});
  }
  return table.to_string();
}

std::string history_text(const Json& values, bool several) {
  Table table(with_endpoint({{"endpoint", "ENDPOINT"}}, several, {"TIME (UTC)", "PATH", "VALUE", "HOW"}));
  for (const Json& value : values) {
    table.add(with_endpoint(value, several, {exact_time_text(time_of(value)), member(value, "path"),
                                             member(value, "value"), member(value, "how")}));
  }
  return table.to_string();
}

std::string buckets_text(const Json& buckets, bool several) {
  Table table(with_endpoint({{"endpoint", "ENDPOINT"}}, several,
                            {"FROM (UTC)", "PATH", "COUNT", "MIN", "MAX", "AVG", "FIRST", "LAST"}));
  for (const Json& one : buckets) {
    table.add(with_endpoint(one, several,
                            {exact_time_text(time_of(one)), member(one, "path"), member(one, "count"), member(one, "min"),
                             member(one, "max"), average(one), member(one, "first"), member(one, "last")}));
  }
  return table.to_string();
}

}  // namespace drover::cli
