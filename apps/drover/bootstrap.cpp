// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/bootstrap.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/drover/bootstrap_text.hpp"
#include "apps/drover/exit_status.hpp"
#include "apps/drover/follow.hpp"
#include "apps/plans/plan_file.hpp"
#include "apps/drover/session.hpp"
#include "lwm2m/content/format.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* kBootstrap = "/api/v1/bootstrap";
constexpr const char* kKinds = "bootstrap-started,bootstrap-progress,bootstrap-ended,bootstrap-refused";
constexpr std::size_t kPageMax = 1000;  // of the API

std::string plan_url(const std::string& name) {
  return std::string(kBootstrap) + "/plans/" + percent_encode(name);
}

std::string session_url(std::uint64_t id) {
  return std::string(kBootstrap) + "/sessions/" + std::to_string(id);
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The sessions, newest first, as many as are asked for; a failure is the caller's answer.
tl::expected<Json, Reply> all_sessions(Session& session, const BootstrapArguments& arguments) {
  Json all = Json::array();
  std::string before;
  do {
    Query query{{"limit", std::to_string(std::min(arguments.limit - all.size(), kPageMax))}};
    if (!arguments.endpoint.empty()) query.emplace_back("endpoint", arguments.endpoint);
    if (!before.empty()) query.emplace_back("before", before);
    const Reply reply = session.api.call("GET", std::string(kBootstrap) + "/sessions", query);
    if (!reply.is_success()) return tl::unexpected(reply);
    Json page = Json::parse(reply.body, nullptr, false);
    if (!page.is_object() || !page["sessions"].is_array()) return tl::unexpected(Reply{reply.status, ""});
    for (Json& one : page["sessions"]) all.push_back(std::move(one));
    before = page["next"].is_number_integer() ? page["next"].dump() : "";
  } while (!before.empty() && all.size() < arguments.limit);
  return Json{{"sessions", std::move(all)}, {"next", before.empty() ? Json(nullptr) : Json::parse(before)}};
}

int list_sessions(Session& session, const BootstrapArguments& arguments) {
  Following following;
  if (arguments.follow) {
    catch_interrupt();
    following.last_event_id = newest_event(session);
  }
  const auto list = all_sessions(session, arguments);
  if (!list) return fail(session, list.error());
  if (session.json) {
    print_line(dump(*list));
  } else {
    print(sessions_text((*list)["sessions"]));
    if (!(*list)["next"].is_null()) print("more: --limit\n");
  }
  if (!arguments.follow) return kOk;
  following.query = {{"kind", kKinds}};
  if (!arguments.endpoint.empty()) following.query.emplace_back("endpoint", arguments.endpoint);
  following.found = [&](const StreamEvent& event) {
    print_event(session, event);
    return true;
  };
  return follow(session, std::move(following));
}

/// One session's rungs as they come, until it ends.
int follow_session(Session& session, Following following, const Json& view) {
  const std::int64_t began = view.value("began_at_ms", std::int64_t{0});
  const std::uint64_t id = view.value("id", std::uint64_t{0});
  // Events that came between the two requests are in the timeline, too.
  std::multiset<std::string> shown;
  for (const Json& message : view.value("timeline", Json::array())) shown.insert(rung_text(message, began));
  following.query = {{"endpoint", view.value("endpoint", "")}, {"kind", kKinds}};
  following.found = [&](const StreamEvent& event) {
    const Json data = Json::parse(event.data, nullptr, false);
    if (!data.is_object() || (event.name != "gap" && data.value("session", std::uint64_t{0}) != id)) return true;
    if (event.name == "bootstrap-progress") {
      const std::string rung = rung_text(data, began);
      if (const auto known = shown.find(rung); known != shown.end()) {
        shown.erase(known);
        return true;
      }
      if (session.json) print_line(event.data);
      if (!session.json) print(rung);
      return true;
    }
    if (event.name != "bootstrap-started") print_event(session, event);
    return event.name != "bootstrap-ended";
  };
  return follow(session, std::move(following));
}

int show_session(Session& session, const BootstrapArguments& arguments) {
  Following following;
  if (arguments.follow) {
    catch_interrupt();
    following.last_event_id = newest_event(session);
  }
  const Reply reply = session.api.call("GET", session_url(*arguments.id));
  const int status = finish(session, reply, session_text);
  if (status != kOk || !arguments.follow) return status;
  const Json view = Json::parse(reply.body, nullptr, false);
  if (!view.is_object() || !view.value("ended_at_ms", Json()).is_null()) return kOk;
  return follow_session(session, std::move(following), view);
}

}  // namespace

int list_plans(Session& session) {
  return finish(session, session.api.call("GET", std::string(kBootstrap) + "/plans"),
                [](const Json& list) { return plans_text(list.at("plans")); });
}

int show_plan(Session& session, const std::string& name) {
  return finish(session, session.api.call("GET", plan_url(name)), plan_text);
}

int put_plan(Session& session, const BootstrapArguments& arguments) {
  const auto plan = plans::read_plan_file(arguments.file);
  if (!plan) return usage_error(plan.error().reason);
  const std::string name = arguments.plan.empty() ? plans::name_of_plan(*plan) : arguments.plan;
  if (name.empty()) return usage_error(arguments.file + " has no name for the plan: give \"name\" there, or --name");
  return finish(session, session.api.call("PUT", plan_url(name), {}, plan->reveal()), plan_text);
}

int remove_plan(Session& session, const std::string& name) {
  return finish(session, session.api.call("DELETE", plan_url(name)),
                [](const Json& plan) { return "removed " + plan_text(plan); });
}

int validate_plan(Session& session, const std::string& file) {
  const auto plan = plans::read_plan_file(file);
  if (!plan) return usage_error(plan.error().reason);
  return finish(session, session.api.call("POST", std::string(kBootstrap) + "/validate", {}, plan->reveal()),
                [](const Json& answer) {
                  std::string text = "the plan is valid\n";
                  for (const Json& warning : answer.value("warnings", Json::array())) {
                    text += "warning: " + printable(warning.get<std::string>()) + "\n";
                  }
                  return text;
                });
}

int dry_run_plan(Session& session, const BootstrapArguments& arguments) {
  Json body{{"endpoint", arguments.endpoint}};
  if (!arguments.plan.empty()) body["plan"] = arguments.plan;
  if (!arguments.format.empty()) {
    const auto format = lwm2m::parse_format(arguments.format);
    if (!format) return usage_error("--format must be tlv, json or a number");
    body["format"] = *format;
  }
  std::string text = dump(body);
  if (!arguments.file.empty()) {
    const auto plan = plans::read_plan_file(arguments.file);
    if (!plan) return usage_error(plan.error().reason);
    // As it is, so that the server sees its mistakes.
    text.pop_back();
    text += ",\"plan\":" + plan->reveal() + "}";
  }
  const Secret<std::string> sent(std::move(text));
  return finish(session, session.api.call("POST", std::string(kBootstrap) + "/dry-run", {}, sent.reveal()), dry_run_text);
}

int bootstrap_sessions(Session& session, const BootstrapArguments& arguments) {
  return arguments.id ? show_session(session, arguments) : list_sessions(session, arguments);
}

int start_bootstrap(Session& session, const BootstrapArguments& arguments) {
  Json body{{"endpoint", arguments.endpoint}};
  if (!arguments.uri.empty()) body["uri"] = arguments.uri;
  if (arguments.server_instance) body["server_instance"] = *arguments.server_instance;
  const Reply reply =
      session.api.call("POST", std::string(kBootstrap) + "/sessions", operation_query(session), dump(body));
  return finish(session, reply, [](const Json& answer) {
    const auto id = answer.find("session");
    if (id != answer.end() && id->is_number_unsigned()) {
      return "session " + id->dump() + " has begun; drover bootstrap sessions " + id->dump() + " --follow shows it\n";
    }
    if (const auto waits = answer.find("operation"); waits != answer.end() && waits->is_string()) {
      return "the device sleeps and is asked when it wakes: queued as " + printable(waits->get<std::string>()) + "\n";
    }
    return printable(answer.value("code", "")) + " " + printable(answer.value("status", "")) +
           ": the device was asked to bootstrap, by " + printable(answer.value("path", "")) + "\n";
  });
}

int end_bootstrap(Session& session, std::uint64_t id) {
  return finish(session, session.api.call("DELETE", session_url(id)), session_text);
}

}  // namespace drover::cli
