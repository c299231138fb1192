// SPDX-License-Identifier: Apache-2.0
#include "jobs/rule_text.hpp"

#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "jobs/selection_text.hpp"

namespace drover::jobs {

namespace {

using Json = nlohmann::ordered_json;
using store::Refusal;

tl::unexpected<Refusal> wrong(const char* field, std::string reason) {
  return tl::unexpected(Refusal{Refusal::Why::Invalid, field, std::move(reason)});
}

std::string next_word(std::string_view& rest) {
  const std::size_t begin = std::min(rest.find_first_not_of(' '), rest.size());
  rest.remove_prefix(begin);
  const std::size_t end = std::min(rest.find(' '), rest.size());
  std::string word(rest.substr(0, end));
  rest.remove_prefix(end);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return word;
}

Json value_of(std::string_view text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

store::Answer<Json> attributes_of(std::string_view rest) {
  Json attributes = Json::object();
  while (!rest.empty()) {
    const std::string word = next_word(rest);
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) return wrong("steps", "\"" + word + "\" isn't of the form pmin=10");
    const std::string number = word.substr(equals + 1);
    attributes[word.substr(0, equals)] = number.empty() ? Json(nullptr) : Json(number);
  }
  return attributes;
}

store::Answer<std::vector<std::string>> steps_of(const Json& json, const Forms& forms) {
  if (!json.is_array() || json.empty()) return wrong("steps", "steps must be a list that isn't empty");
  if (json.size() > kRuleStepsMax) return wrong("steps", "at most " + std::to_string(kRuleStepsMax) + " steps");
  std::vector<std::string> steps;
  for (const Json& one : json) {
    store::Answer<Json> form = one.is_string() ? parse_step(one.get<std::string>()) : store::Answer<Json>(one);
    if (!form) return tl::unexpected(form.error());
    std::string text = form->dump(-1, ' ', false, Json::error_handler_t::replace);
    const std::string place = "step " + std::to_string(steps.size() + 1) + ": ";
    if (text.size() > kRuleStepSizeMax) {
      return wrong("steps", place + "it is longer than " + std::to_string(kRuleStepSizeMax) + " bytes");
    }
    const auto fine = forms.check(text);
    if (!fine) return wrong("steps", place + fine.error().reason);
    steps.push_back(std::move(text));
  }
  return steps;
}

std::optional<Refusal> take_truth(const Json& json, const char* name, bool& to) {
  const auto found = json.find(name);
  if (found == json.end()) return std::nullopt;
  if (!found->is_boolean()) return Refusal{Refusal::Why::Invalid, name, std::string(name) + " must be true or false"};
  to = found->get<bool>();
  return std::nullopt;
}

}  // namespace

store::Answer<Json> parse_step(const std::string& text) {
  std::string_view rest = text;
  const std::string operation = next_word(rest);
  const std::string path = next_word(rest);
  if (path.empty()) return wrong("steps", "\"" + text + "\" isn't of the form OPERATION PATH, such as observe /3/0/9");
  while (rest.ends_with(' ')) rest.remove_suffix(1);
  Json form = {{"operation", operation}, {"path", path}};
  if (operation == "write" || operation == "create") {
    if (rest.empty()) return wrong("steps", "\"" + text + "\" needs a value behind the path");
    form["value"] = value_of(rest);
  } else if (operation == "execute" && !rest.empty()) {
    form["arguments"] = std::string(rest);
  } else if (operation == "write-attributes") {
    auto attributes = attributes_of(rest);
    if (!attributes) return attributes;
    form["attributes"] = std::move(*attributes);
  } else if (!rest.empty()) {
    return wrong("steps", "\"" + text + "\" has more than an operation and a path");
  }
  return form;
}

store::Answer<Rule> parse_rule(const std::string& name, const Json& json, const Forms& forms) {
  Rule rule;
  rule.name = name;
  if (name.empty()) return wrong("name", "a rule needs a name");
  if (auto bad = store::check_text(name, "name", kRuleNameMax)) return tl::unexpected(std::move(*bad));
  if (name.find('/') != std::string::npos) return wrong("name", "a rule's name has no /");
  if (!json.is_object()) return wrong("", "a rule must be an object");
  for (const auto& [member, value] : json.items()) {
    if (member == "enabled" || member == "condition" || member == "ask" || member == "when" ||
        member == "stop_on_failure" || member == "steps") {
      continue;
    }
    return wrong("", "a rule has enabled, condition, ask, when, stop_on_failure and steps, no \"" + member + "\"");
  }
  if (!json.contains("condition")) return wrong("condition", "a condition is needed; {\"all\": true} is for every device");
  auto condition = parse_selection(json["condition"]);
  if (!condition) return wrong("condition", condition.error().reason);
  if (condition->seen_after || condition->seen_before) {
    return wrong("condition", "a rule looks at a device when it registers: seen_after and seen_before say nothing");
  }
  rule.condition = std::move(*condition);
  for (const auto& [member, to] : {std::pair{"enabled", &rule.enabled}, std::pair{"ask", &rule.ask},
                                   std::pair{"stop_on_failure", &rule.stop_on_failure}}) {
    if (auto bad = take_truth(json, member, *to)) return tl::unexpected(std::move(*bad));
  }
  if (const auto when = json.find("when"); when != json.end()) {
    if (*when != "registration" && *when != "once") return wrong("when", "when must be registration or once");
    rule.when = *when == "once" ? RuleWhen::Once : RuleWhen::Registration;
  }
  if (!json.contains("steps")) return wrong("steps", "steps are needed");
  auto steps = steps_of(json["steps"], forms);
  if (!steps) return tl::unexpected(steps.error());
  rule.steps = std::move(*steps);
  return rule;
}

Json to_json(const Rule& rule) {
  Json steps = Json::array();
  for (const std::string& step : rule.steps) steps.push_back(Json::parse(step, nullptr, false));
  return {{"enabled", rule.enabled},
          {"condition", to_json(rule.condition)},
          {"ask", rule.ask},
          {"when", to_string(rule.when)},
          {"stop_on_failure", rule.stop_on_failure},
          {"steps", std::move(steps)}};
}

}  // namespace drover::jobs
