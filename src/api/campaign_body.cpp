// SPDX-License-Identifier: Apache-2.0
// `NewCampaign` and `Campaign` of docs/openapi.json.
#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/campaign_calls.hpp"
#include "api/members.hpp"

namespace drover::api {

namespace {

using campaign::NewCampaign;
using campaign::Window;

constexpr int kNestingMax = 4;
const Json kNone = Json::object();

/// Reads an object's members; the first problem stays.
class Reader {
 public:
  Reader(const Json& object, std::string place, std::optional<Problem>& problem, std::initializer_list<std::string_view> known)
      : object_(object), place_(std::move(place)), problem_(problem) {
    if (!object.is_object()) refuse("", "must be an object");
    for (const auto& [name, value] : object.is_object() ? object.items() : kNone.items()) {
      if (std::find(known.begin(), known.end(), name) == known.end()) refuse(name, "isn't known here");
    }
  }
  void text(const char* name, std::string& to) {
    if (const Json* const value = find(name)) {
      if (!value->is_string()) return refuse(name, "must be a string");
      to = value->get<std::string>();
    }
  }
  void texts(const char* name, std::vector<std::string>& to) {
    const Json* const value = find(name);
    if (value == nullptr) return;
    const bool fine = value->is_array() && std::all_of(value->begin(), value->end(), [](const Json& one) { return one.is_string(); });
    if (!fine) return refuse(name, "must be a list of strings");
    to = value->get<std::vector<std::string>>();
  }
  void truth(const char* name, bool& to) {
    if (const Json* const value = find(name)) {
      if (!value->is_boolean()) return refuse(name, "must be true or false");
      to = value->get<bool>();
    }
  }
  template <class T>
  void number(const char* name, T& to, std::int64_t least, std::int64_t most) {
    const Json* const value = find(name);
    if (value == nullptr) return;
    const bool whole = value->is_number_integer() && (!value->is_number_unsigned() || value->get<std::uint64_t>() <= static_cast<std::uint64_t>(most));
    if (!whole || value->get<std::int64_t>() < least || value->get<std::int64_t>() > most) {
      return refuse(name, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    if constexpr (requires { to.has_value(); }) {
      to = static_cast<typename T::value_type>(value->get<std::int64_t>());
    } else {
      to = static_cast<T>(value->get<std::int64_t>());
    }
  }
  void refuse(const std::string& name, const std::string& detail) {
    if (problem_) return;
    const std::string pointer = place_ + (name.empty() ? "" : "/" + name);
    problem_ = Problem{.kind = "bad-value", .detail = detail, .pointer = pointer};
  }
  [[nodiscard]] const Json* find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

 private:
  const Json& object_;
  std::string place_;
  std::optional<Problem>& problem_;
};

constexpr std::int64_t kTimeMax = std::int64_t{1} << 40;

void read_selection(const Json& json, jobs::Selection& to, std::optional<Problem>& problem) {
  Reader reader(json, "/selection", problem,
                {"endpoints", "name", "tags", "manufacturer", "model", "version", "object", "seen_after", "seen_before"});
  reader.texts("endpoints", to.endpoints);
  reader.text("name", to.name);
  reader.texts("tags", to.tags);
  reader.text("manufacturer", to.manufacturer);
  reader.text("model", to.model);
  reader.text("version", to.version);
  reader.number("object", to.object, 0, lwm2m::kReservedId - 1);
  reader.number("seen_after", to.seen_after, 0, kTimeMax);
  reader.number("seen_before", to.seen_before, 0, kTimeMax);
  for (const std::string& endpoint : to.endpoints) {
    if (endpoint.empty() || endpoint.size() > kOptionTextMax) reader.refuse("endpoints", "an endpoint name has 1 to 255 bytes");
  }
}

/// "22:30"
std::optional<int> minute_of(const std::string& text) {
  const std::string_view view = text;
  if (view.size() != 5 || view[2] != ':') return std::nullopt;
  const auto hour = whole_number(view.substr(0, 2), 0, 23);
  const auto minute = whole_number(view.substr(3), 0, 59);
  if (!hour || !minute) return std::nullopt;
  return static_cast<int>(*hour * 60 + *minute);
}

std::string clock_text(int minute) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%02d:%02d", minute / 60, minute % 60);
  return text.data();
}

void read_window(const Json& json, std::optional<Window>& to, std::optional<Problem>& problem) {
  Reader reader(json, "/window", problem, {"from", "to"});
  std::string from, until;
  reader.text("from", from);
  reader.text("to", until);
  const auto first = minute_of(from), last = minute_of(until);
  if (!first || !last) return reader.refuse("", "from and to must be times of the day, UTC, such as \"22:30\"");
  to = Window{*first, *last};
}

void read_limits(const Json& json, campaign::TimeLimits& to, std::optional<Problem>& problem) {
  Reader reader(json, "/limits", problem, {"reach", "transfer", "download", "update"});
  reader.number("reach", to.reach, 1, campaign::kTimeLimitMax);
  reader.number("transfer", to.transfer, 1, campaign::kTimeLimitMax);
  reader.number("download", to.download, 1, campaign::kTimeLimitMax);
  reader.number("update", to.update, 1, campaign::kTimeLimitMax);
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

tl::expected<NewCampaign, Problem> campaign_body(const http::Request& request) {
  if (request.content_type != "application/json") {
    return tl::unexpected(Problem{.status = 415, .kind = "unsupported-media-type", .detail = "the body must be application/json"});
  }
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= kNestingMax; };
  const Json body = Json::parse(request.body, shallow, false);
  if (!body.is_object()) return tl::unexpected(Problem{.kind = "bad-body", .detail = "the body must be a JSON object"});
  NewCampaign wanted;
  campaign::Order& order = wanted.order;
  std::optional<Problem> problem;
  Reader reader(body, "", problem,
                {"name", "image", "selection", "method", "parallel", "stop_percent", "stop_after", "retries", "reset_stuck",
                 "skip_current", "start_at", "window", "limits"});
  std::string method;
  bool reset = true;
  reader.text("name", order.name);
  reader.text("image", order.image);
  reader.text("method", method);
  reader.number("parallel", order.parallel, 1, campaign::kParallelMax);
  reader.number("stop_percent", order.stop_percent, 0, 100);
  reader.number("stop_after", order.stop_after, 1, static_cast<std::int64_t>(jobs::kSelectedMax));
  reader.number("retries", order.retries, 0, campaign::kRetriesMax);
  reader.truth("reset_stuck", reset);
  reader.truth("skip_current", order.skip_current);
  reader.number("start_at", order.start_at, 0, kTimeMax);
  order.stuck = reset ? campaign::StuckPolicy::Reset : campaign::StuckPolicy::Fail;
  if (const auto known = campaign::parse_method(method)) {
    order.method = *known;
  } else {
    reader.refuse("method", "must be push, coap, coaps or http");
  }
  if (order.image.empty()) reader.refuse("image", "must name an image");
  const Json* const selection = reader.find("selection");
  if (selection == nullptr) reader.refuse("selection", "must say which devices");
  if (selection != nullptr) read_selection(*selection, wanted.selection, problem);
  if (const Json* const window = reader.find("window")) read_window(*window, order.window, problem);
  if (const Json* const limits = reader.find("limits")) read_limits(*limits, order.limits, problem);
  if (problem) return tl::unexpected(std::move(*problem));
  wanted.asked_by = caller_text(request.caller);
  return wanted;
}

Json to_json(const campaign::CampaignView& view) {
  using campaign::Ending;
  using campaign::Stage;
  const campaign::Head& head = view.head;
  const campaign::Order& order = head.order;
  Json stages = Json::object(), outcomes = Json::object();
  for (std::size_t i = 0; i < campaign::kStages; ++i) {
    if (view.tally.stages[i] > 0) stages[campaign::to_string(static_cast<Stage>(i))] = view.tally.stages[i];
  }
  for (std::size_t i = 1; i < campaign::kEndings; ++i) {
    if (view.tally.endings[i] > 0) outcomes[campaign::to_string(static_cast<Ending>(i))] = view.tally.endings[i];
  }
  const auto& limits = order.limits;
  Json window = nullptr;
  if (order.window) window = Json{{"from", clock_text(order.window->from)}, {"to", clock_text(order.window->to)}};
  return {{"id", head.id.value},
          {"name", order.name},
          {"image", order.image},
          {"version", head.target.version},
          {"method", campaign::to_string(order.method)},
          {"state", campaign::to_string(head.state)},
          {"reason", head.reason},
          {"devices", view.devices},
          {"stages", std::move(stages)},
          {"outcomes", std::move(outcomes)},
          {"parallel", order.parallel},
          {"stop_percent", order.stop_percent},
          {"stop_after", order.stop_after},
          {"retries", order.retries},
          {"reset_stuck", order.stuck == campaign::StuckPolicy::Reset},
          {"skip_current", order.skip_current},
          {"start_at", or_null(order.start_at)},
          {"window", std::move(window)},
          {"limits",
           {{"reach", limits.reach}, {"transfer", limits.transfer}, {"download", limits.download}, {"update", limits.update}}},
          {"asked_by", head.asked_by},
          {"created_at", head.created_at},
          {"started_at", or_null(head.started_at)},
          {"ended_at", or_null(head.ended_at)}};
}

Json to_json(const campaign::Device& device) {
  const bool over = device.stage == campaign::Stage::Ended;
  return {{"endpoint", device.endpoint},
          {"stage", campaign::to_string(device.stage)},
          {"outcome", over ? Json(campaign::to_string(device.ending)) : Json(nullptr)},
          {"update_result", or_null(device.result)},
          {"reason", device.reason},
          {"attempt", device.attempt + 1},
          {"version_before", device.version_before},
          {"version", device.version},
          {"since", device.since},
          {"operation", device.operation ? Json(std::to_string(device.operation->value)) : Json(nullptr)}};
}

}  // namespace drover::api
