// SPDX-License-Identifier: Apache-2.0
#include "api/members.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace drover::api {

Problem bad_value(std::string_view member, std::string detail) {
  const std::string pointer = member.empty() ? std::string() : "/" + std::string(member);
  return {.kind = "bad-value", .detail = std::move(detail), .pointer = pointer};
}

tl::expected<Members, Problem> Members::parse(const http::Request& request,
                                              std::initializer_list<std::string_view> known, int nesting_max) {
  if (request.content_type != "application/json") {
    return tl::unexpected(
        Problem{.status = 415, .kind = "unsupported-media-type", .detail = "the body must be application/json"});
  }
  // Refused while parsing: a deep body would otherwise be built, and destroyed recursively.
  bool too_deep = false;
  const auto shallow = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > nesting_max;
    return !too_deep;
  };
  Json body = Json::parse(request.body, shallow, false);
  if (too_deep || !body.is_object()) {
    return tl::unexpected(Problem{.kind = "bad-body", .detail = "the body must be a JSON object"});
  }
  for (const auto& [name, value] : body.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string names;
    for (const std::string_view each : known) names += (names.empty() ? "" : ", ") + std::string(each);
    return tl::unexpected(bad_value("", "only " + names + " are known here"));
  }
  return Members(std::make_shared<const Json>(std::move(body)));
}

bool Members::has(const char* name) const {
  return find(name) != nullptr;
}

const Json* Members::find(const char* name) const {
  const auto found = body_->find(name);
  return found == body_->end() ? nullptr : &*found;
}

std::optional<std::string> Members::text(const char* name) {
  const Json* const found = find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  note(name, "must be a string");
  return std::nullopt;
}

std::optional<std::string> Members::text_or_null(const char* name) {
  const Json* const found = find(name);
  return found != nullptr && found->is_null() ? std::string() : text(name);
}

std::optional<bool> Members::truth(const char* name) {
  const Json* const found = find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_boolean()) return found->get<bool>();
  note(name, "must be true or false");
  return std::nullopt;
}

std::optional<std::int64_t> Members::number(const char* name, std::int64_t least, std::int64_t most) {
  const Json* const found = find(name);
  if (found == nullptr) return std::nullopt;
  // What is larger than any signed number is one of the library's unsigned ones.
  const bool fits =
      found->is_number_integer() && (!found->is_number_unsigned() ||
                                     found->get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()});
  const std::int64_t value = fits ? found->get<std::int64_t>() : least - 1;
  if (value >= least && value <= most) return value;
  note(name, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<std::optional<UnixSeconds>> Members::time(const char* name) {
  const Json* const found = find(name);
  if (found != nullptr && found->is_null()) return std::optional<UnixSeconds>();
  const auto value = number(name, 0, std::numeric_limits<std::int64_t>::max() - 1);
  if (!value) return std::nullopt;
  return std::optional<UnixSeconds>(*value);
}

std::optional<std::vector<std::string>> Members::texts(const char* name) {
  const Json* const found = find(name);
  if (found == nullptr) return std::nullopt;
  std::vector<std::string> list;
  for (const Json& one : *found) {
    if (!found->is_array() || !one.is_string()) break;
    list.push_back(one.get<std::string>());
  }
  if (found->is_array() && list.size() == found->size()) return list;
  note(name, "must be a list of texts");
  return std::nullopt;
}

void Members::note(const char* name, const std::string& detail) {
  if (!problem_) problem_ = bad_value(name, std::string(name) + " " + detail);
}

}  // namespace drover::api
