// SPDX-License-Identifier: Apache-2.0
#include "jobs/selection_text.hpp"

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "jobs/tags.hpp"

namespace drover::jobs {

namespace {

using Json = nlohmann::ordered_json;
using store::Refusal;
using Problem = std::optional<Refusal>;

struct TextMember {
  const char* name;
  std::string Selection::*to;
};
constexpr std::array<TextMember, 4> kTexts{{{"name", &Selection::name},
                                            {"manufacturer", &Selection::manufacturer},
                                            {"model", &Selection::model},
                                            {"version", &Selection::version}}};

Refusal wrong(const std::string& member, const std::string& reason) {
  return {Refusal::Why::Invalid, member, member + " " + reason};
}

Problem take_texts(const Json& value, const std::string& member, std::vector<std::string>& to) {
  if (!value.is_array() || value.empty()) return wrong(member, "must be a list that isn't empty");
  for (const Json& one : value) {
    if (!one.is_string() || one.get_ref<const std::string&>().empty()) return wrong(member, "must be a list of texts");
    to.push_back(one.get<std::string>());
    if (member == "tags") {
      if (auto problem = check_tag(to.back())) return problem;
    } else if (auto problem = store::check_text(to.back(), "endpoints", kEndpointMax)) {
      return problem;
    }
  }
  if (member == "tags" && to.size() > kTagsOfDeviceMax) {
    return wrong(member, "must be at most " + std::to_string(kTagsOfDeviceMax));
  }
  return std::nullopt;
}

Problem take_number(const Json& value, const std::string& member, std::uint64_t most, std::uint64_t& to) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() <= most) {
    to = value.get<std::uint64_t>();
    return std::nullopt;
  }
  return wrong(member, "must be a whole number, 0 to " + std::to_string(most));
}

Problem take_member(const std::string& name, const Json& value, Selection& to) {
  for (const TextMember& text : kTexts) {
    if (name != text.name) continue;
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
      return wrong(name, "must be a pattern that isn't empty");
    }
    to.*text.to = value.get<std::string>();
    return store::check_text(to.*text.to, text.name, kPatternMax);
  }
  if (name == "endpoints") return take_texts(value, name, to.endpoints);
  if (name == "tags") return take_texts(value, name, to.tags);
  std::uint64_t number = 0;
  if (name == "object") {
    auto problem = take_number(value, name, std::numeric_limits<lwm2m::ObjectId>::max(), number);
    to.object = static_cast<lwm2m::ObjectId>(number);
    return problem;
  }
  if (name == "seen_after" || name == "seen_before") {
    auto problem = take_number(value, name, std::numeric_limits<std::int64_t>::max(), number);
    (name == "seen_after" ? to.seen_after : to.seen_before) = static_cast<UnixSeconds>(number);
    return problem;
  }
  return Refusal{Refusal::Why::Invalid, "",
                 "a selection has endpoints, name, tags, manufacturer, model, version, object, seen_after and"
                 " seen_before, or all"};
}

}  // namespace

store::Answer<Selection> parse_selection(const Json& json) {
  Selection selection;
  if (!json.is_object()) return tl::unexpected(Refusal{Refusal::Why::Invalid, "", "a selection must be an object"});
  bool all = false;
  for (const auto& [name, value] : json.items()) {
    if (name == "all") {
      if (!value.is_boolean()) return tl::unexpected(wrong(name, "must be true or false"));
      all = value.get<bool>();
    } else if (auto problem = take_member(name, value, selection)) {
      return tl::unexpected(std::move(*problem));
    }
  }
  if (selection.is_empty() && !all) {
    return tl::unexpected(wrong("all", "must be true where nothing narrows the selection: it is for every device"));
  }
  if (!selection.is_empty() && all) {
    return tl::unexpected(wrong("all", "goes with no other member: the others narrow the selection"));
  }
  return selection;
}

Json to_json(const Selection& selection) {
  Json json = Json::object();
  if (selection.is_empty()) json["all"] = true;
  if (!selection.endpoints.empty()) json["endpoints"] = selection.endpoints;
  if (!selection.tags.empty()) json["tags"] = selection.tags;
  for (const TextMember& text : kTexts) {
    if (!(selection.*text.to).empty()) json[text.name] = selection.*text.to;
  }
  if (selection.object) json["object"] = *selection.object;
  if (selection.seen_after) json["seen_after"] = *selection.seen_after;
  if (selection.seen_before) json["seen_before"] = *selection.seen_before;
  return json;
}

}  // namespace drover::jobs
