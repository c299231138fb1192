// SPDX-License-Identifier: Apache-2.0
#include "api/bootstrap_body.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace drover::api {

namespace {

template <class T>
using Made = tl::expected<T, Problem>;

constexpr int kNestingMax = 17;  ///< a plan's own (16), inside of an object

tl::unexpected<Problem> bad_body(std::string detail) {
  return tl::unexpected(Problem{.kind = "bad-body", .detail = std::move(detail)});
}

tl::unexpected<Problem> bad_value(const std::string& member, const std::string& detail) {
  return tl::unexpected(Problem{.kind = "bad-value", .detail = member + " " + detail, .pointer = "/" + member});
}

std::optional<Problem> check_media_type(const Call& call) {
  if (call.request.content_type == "application/json") return std::nullopt;
  return Problem{.status = 415, .kind = "unsupported-media-type", .detail = "the body must be application/json"};
}

/// Refuses doubled members, as plans do: the library would take the last of them.
Made<Json> parse_object(const std::string& text, std::initializer_list<std::string_view> known) {
  std::string mistake;
  std::vector<std::set<std::string>> open;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kNestingMax) mistake = "the body is nested too deeply";
    if (!mistake.empty()) return false;
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    const bool doubled = event == Json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second;
    if (doubled) mistake = "the member \"" + parsed.get<std::string>() + "\" is doubled";
    return !doubled;
  };
  Json body = Json::parse(text, watch, false);
  if (!mistake.empty()) return bad_body(mistake);
  if (!body.is_object()) return bad_body("the body must be a JSON object");
  for (const auto& [name, value] : body.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string names;
    for (const std::string_view each : known) names += (names.empty() ? "" : ", ") + std::string(each);
    return bad_body("only " + names + " are known here");
  }
  return body;
}

Made<std::string> endpoint_of(const Json& body) {
  const auto endpoint = body.find("endpoint");
  if (endpoint == body.end() || !endpoint->is_string()) return bad_value("endpoint", "must be a string");
  auto text = endpoint->get<std::string>();
  if (text.empty() || text.size() > kOptionTextMax) {
    return bad_value("endpoint", "must have 1 to " + std::to_string(kOptionTextMax) + " bytes");
  }
  return text;
}

/// The text is changed and not its meaning: whoever reads the plan sees all its mistakes.
Secret<std::string> with_name(Secret<std::string> text, const std::string& name) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= 1; };
  const Json plan = Json::parse(text.reveal(), shallow, false);
  if (!plan.is_object() || plan.contains("name")) return text;
  const std::string member = "\"name\":" + Json(name).dump() + (plan.empty() ? "" : ",");
  const std::string_view old = text.reveal();
  const std::size_t at = old.find('{') + 1;
  std::string named;
  named.reserve(old.size() + member.size());  // in one allocation, so that no copy of a key is left behind
  named.append(old.substr(0, at)).append(member).append(old.substr(at));
  return Secret<std::string>(std::move(named));
}

}  // namespace

Made<Secret<std::string>> plan_body(Call& call, const std::string& name) {
  Secret<std::string> text(std::move(call.request.body));
  if (const auto wrong = check_media_type(call)) return tl::unexpected(*wrong);
  return name.empty() ? text : with_name(std::move(text), name);
}

Made<DryRunBody> dry_run_body(Call& call) {
  const Secret<std::string> text(std::move(call.request.body));
  if (const auto wrong = check_media_type(call)) return tl::unexpected(*wrong);
  const auto body = parse_object(text.reveal(), {"endpoint", "plan", "format"});
  if (!body) return tl::unexpected(body.error());
  auto endpoint = endpoint_of(*body);
  if (!endpoint) return tl::unexpected(endpoint.error());
  DryRunBody asked;
  asked.endpoint = std::move(*endpoint);
  if (const auto plan = body->find("plan"); plan != body->end()) {
    if (plan->is_string() && !plan->get_ref<const std::string&>().empty()) {
      asked.plan_name = plan->get<std::string>();
    } else if (plan->is_object()) {
      asked.plan = Secret<std::string>(plan->dump());
    } else {
      return bad_value("plan", "must be the name of a plan, or a plan");
    }
  }
  if (const auto format = body->find("format"); format != body->end()) {
    const bool fits = format->is_number_unsigned() &&
                      format->get<std::uint64_t>() <= std::numeric_limits<lwm2m::FormatNumber>::max();
    const auto number = fits ? std::optional(format->get<lwm2m::FormatNumber>()) : std::nullopt;
    const auto known = number ? lwm2m::format_of(*number) : std::nullopt;
    if (known != lwm2m::Format::Tlv && known != lwm2m::Format::Json) {
      return bad_value("format", "must be 11542 (TLV) or 11543 (JSON)");
    }
    asked.format = number;
  }
  return asked;
}

Made<StartBody> start_body(const Call& call) {
  if (const auto wrong = check_media_type(call)) return tl::unexpected(*wrong);
  const auto body = parse_object(call.request.body, {"endpoint", "uri", "server_instance"});
  if (!body) return tl::unexpected(body.error());
  auto endpoint = endpoint_of(*body);
  if (!endpoint) return tl::unexpected(endpoint.error());
  StartBody asked;
  asked.endpoint = std::move(*endpoint);
  if (const auto uri = body->find("uri"); uri != body->end()) {
    if (!uri->is_string() || uri->get_ref<const std::string&>().empty() ||
        uri->get_ref<const std::string&>().size() > bootstrap::kUriBytesMax) {
      return bad_value("uri", "must be one like coaps://192.0.2.1:5684");
    }
    asked.uri = uri->get<std::string>();
  }
  if (const auto instance = body->find("server_instance"); instance != body->end()) {
    if (!instance->is_number_unsigned() || instance->get<std::uint64_t>() >= lwm2m::kReservedId) {
      return bad_value("server_instance", "must be an instance of object 1, 0 to 65534");
    }
    if (!asked.uri.empty()) return bad_value("server_instance", "doesn't go with uri");
    asked.server_instance = instance->get<lwm2m::InstanceId>();
  }
  return asked;
}

Problem plan_problem(const std::string& reason, const std::string& below) {
  Problem problem{.kind = "bad-value", .detail = reason};
  const std::size_t colon = reason.find(": ");
  // A place is one word; "no JSON: a mistake at byte 7" has none.
  const bool has_place = colon != std::string::npos && reason.find(' ') > colon;
  if (!has_place) {
    problem.pointer = below;
    return problem;
  }
  problem.pointer = below + "/";
  for (const char c : reason.substr(0, colon)) {
    if (c == ']') continue;
    if (c == '.' || c == '[') {
      problem.pointer += '/';
    } else if (c == '~' || c == '/') {
      problem.pointer += c == '~' ? "~0" : "~1";  // RFC 6901 §3
    } else {
      problem.pointer += c;
    }
  }
  return problem;
}

}  // namespace drover::api
