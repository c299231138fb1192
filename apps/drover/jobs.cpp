// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/jobs.hpp"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "apps/drover/exit_status.hpp"
#include "apps/drover/input.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;
using lwm2m::Path;

constexpr const char* kBulk = "/api/v1/bulk";
constexpr std::size_t kPageMax = 1000;  // of the API

std::string bulk_url(std::uint64_t id) {
  return std::string(kBulk) + "/" + std::to_string(id);
}

std::string rule_url(const std::string& name) {
  return "/api/v1/rules/" + percent_encode(name);
}

std::string number_text(const Json& json, const char* name) {
  return std::to_string(json.value(name, std::uint64_t{0}));
}

std::string texts(const Json& list) {
  std::string all;
  for (const Json& one : list) all += (all.empty() ? "" : ", ") + printable(one.is_string() ? one.get<std::string>() : one.dump());
  return all;
}

/// "name meter-*, tags pilot".
std::string selection_text(const Json& selection) {
  std::string text;
  for (const auto& [name, value] : selection.items()) {
    if (name == "all") return "all devices";
    text += (text.empty() ? "" : ", ") + name + " " + (value.is_array() ? texts(value) : value.is_string() ? printable(value.get<std::string>()) : value.dump());
  }
  return text;
}

std::string bulk_text(const Json& bulk) {
  const Json& devices = bulk.at("devices");
  std::string text = "bulk " + text_or(bulk, "id", "") + ": " + text_or(bulk, "operation", "?") + " " +
                     text_or(bulk, "path", "") + ", " + text_or(bulk, "state", "") + "\n";
  const auto line = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) text += name + std::string(name.size() < 14 ? 14 - name.size() : 1, ' ') + value + "\n";
  };
  line("why", text_or(bulk, "reason", ""));
  line("devices", selection_text(bulk.at("selection")));
  line("asked by", text_or(bulk, "asked_by", ""));
  line("begun", time_text(bulk.value("created_at", std::int64_t{0})) + " UTC");
  line("deadline", time_text(bulk.value("deadline", std::int64_t{0})) + " UTC");
  if (bulk.at("ended_at").is_number()) line("ended", time_text(bulk["ended_at"].get<std::int64_t>()) + " UTC");
  for (const char* state : {"total", "waiting", "sent", "queued", "done", "failed", "expired", "cancelled"}) {
    line(state, number_text(devices, state));
  }
  return text;
}

std::string bulks_text(const Json& bulks) {
  Table table({"ID", "STATE", "OPERATION", "PATH", "DEVICES", "DONE", "FAILED", "UNDER WAY", "ASKED BY"});
  for (const Json& bulk : bulks) {
    const Json& devices = bulk.at("devices");
    const auto count = [&](const char* state) { return devices.value(state, std::uint64_t{0}); };
    table.add({text_or(bulk, "id", ""), text_or(bulk, "state", ""), text_or(bulk, "operation", ""), text_or(bulk, "path", ""),
               number_text(devices, "total"), number_text(devices, "done"), std::to_string(count("failed") + count("expired")),
               std::to_string(count("sent") + count("queued")), text_or(bulk, "asked_by", "")});
  }
  return table.to_string();
}

Json selection_json(const SelectionOptions& options, std::int64_t now) {
  Json json = Json::object();
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  };
  if (options.all) json["all"] = true;
  if (!options.endpoints.empty()) json["endpoints"] = options.endpoints;
  if (!options.tags.empty()) json["tags"] = options.tags;
  text("name", options.name);
  text("manufacturer", options.manufacturer);
  text("model", options.model);
  text("version", options.firmware);
  if (options.object) json["object"] = *options.object;
  if (const auto span = span_of(options.seen_within)) json["seen_after"] = std::max<std::int64_t>(now - *span, 0);
  if (const auto span = span_of(options.silent_for)) json["seen_before"] = std::max<std::int64_t>(now - *span, 0);
  return json;
}

/// What the operation's own command would send; an error for people.
tl::expected<Json, std::string> form_of(Session& session, const BulkArguments& a) {
  const auto path = Path::parse(a.path_text);
  if (!path) return tl::unexpected("\"" + a.path_text + "\" is no path such as /3/0/14");
  Json form = {{"operation", a.operation}, {"path", path->to_string()}};
  const bool writes = a.operation == "write" || a.operation == "create";
  if (writes && !a.write.file.empty()) {
    if (!a.write.values.empty()) return tl::unexpected(std::string("either values or --file"));
    const auto content = read_file(a.write.file);
    if (!content) return tl::unexpected(content.error().reason);
    form["payload"] = to_base64(*content);
  } else if (writes) {
    // By the definitions of version 1.0: which version a device has differs.
    Definitions definitions(session.api);
    const Path at = a.operation == "create" ? path->child(0) : *path;
    const auto value = parse_assignments(at, a.write.values, [&](lwm2m::ResourceId resource) {
      return definitions.type(path->object(), "", resource);
    });
    if (!value) return tl::unexpected(value.error().reason);
    form["value"] = *value;
  }
  if (!a.write.format.empty()) form["format"] = a.write.format;
  if (a.write.update) form["mode"] = "update";
  if (a.write.instance) form["instance"] = *a.write.instance;
  if (!a.accept.empty()) form["accept"] = a.accept;
  if (!a.arguments.empty()) form["arguments"] = a.arguments;
  if (!a.mode.empty()) form["mode"] = a.mode;
  for (const std::string& assignment : a.attributes) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
      return tl::unexpected("\"" + assignment + "\" isn't of the form NAME=VALUE, or NAME= to unset");
    }
    const std::string value = assignment.substr(equals + 1);
    form["attributes"][assignment.substr(0, equals)] = value.empty() ? Json(nullptr) : Json(value);
  }
  return form;
}

/// All pages of a list of devices, up to `limit`.
int list_pages(Session& session, const std::string& url, const std::string& state, std::size_t limit,
               const std::function<std::string(const Json&)>& text) {
  Json all = Json::array();
  std::string after;
  do {
    Query query{{"limit", std::to_string(std::min(limit - all.size(), kPageMax))}};
    if (!state.empty()) query.emplace_back("state", state);
    if (!after.empty()) query.emplace_back("after", after);
    const Reply reply = session.api.call("GET", url, query);
    if (!reply.is_success()) return fail(session, reply);
    Json page = Json::parse(reply.body, nullptr, false);
    if (!page.is_object() || !page.contains("devices")) return fail(session, {reply.status, ""});
    for (Json& device : page["devices"]) all.push_back(std::move(device));
    after = page["next"].is_string() ? page["next"].get<std::string>() : "";
  } while (!after.empty() && all.size() < limit);
  if (session.json) {
    print_line(dump(Json{{"devices", std::move(all)}, {"next", after.empty() ? Json(nullptr) : Json(after)}}));
    return kOk;
  }
  print(text(all));
  if (!after.empty()) print("more: --limit, --state\n");
  return kOk;
}

std::string tags_text(const Json& answer) {
  const std::string tags = texts(answer.at("tags"));
  return (tags.empty() ? "no tags" : tags) + "\n";
}

}  // namespace

Query selection_query(const SelectionOptions& options, std::int64_t now) {
  Query query;
  const Json selection = selection_json(options, now);
  for (const auto& [name, value] : selection.items()) {
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (value.is_array()) {
      text.clear();
      for (const Json& one : value) text += (text.empty() ? "" : ",") + one.get<std::string>();
    }
    query.emplace_back(name == "tags" ? "tag" : name, text);
  }
  return query;
}

int add_bulk(Session& session, const BulkArguments& arguments) {
  auto form = form_of(session, arguments);
  if (!form) return usage_error(form.error());
  Json body = {{"operation", std::move(*form)}, {"selection", selection_json(arguments.selection, std::time(nullptr))}};
  if (body["selection"].empty()) return usage_error("say for which devices: --name, --tag, --model, ... or --all");
  if (arguments.parallel) body["parallel"] = *arguments.parallel;
  if (const auto span = span_of(arguments.lifetime)) body["lifetime"] = *span;
  if (!arguments.priority.empty()) body["priority"] = arguments.priority;
  if (arguments.stop_at_failures) body["stop_at_failures"] = *arguments.stop_at_failures;
  return finish(session, session.api.call("POST", kBulk, {}, dump(body)), [](const Json& bulk) {
    const std::string id = text_or(bulk, "id", "");
    return "bulk " + id + " begins: drover bulk show " + id + "\n";
  });
}

int list_bulks(Session& session) {
  return finish(session, session.api.call("GET", kBulk), [](const Json& list) { return bulks_text(list.at("bulks")); });
}

int show_bulk(Session& session, std::uint64_t id) {
  return finish(session, session.api.call("GET", bulk_url(id)), bulk_text);
}

int bulk_devices(Session& session, const BulkArguments& arguments) {
  return list_pages(session, bulk_url(arguments.id) + "/devices", arguments.state, arguments.limit, [](const Json& all) {
    Table table({"ENDPOINT", "STATE", "CODE", "OPERATION", "DETAIL"});
    for (const Json& one : all) {
      table.add({text_or(one, "endpoint", ""), text_or(one, "state", ""), text_or(one, "code", ""),
                 text_or(one, "operation_id", ""), text_or(one, "detail", "")});
    }
    return table.to_string();
  });
}

int change_bulk(Session& session, std::uint64_t id, const char* command) {
  return finish(session, session.api.call("POST", bulk_url(id) + "/" + command), bulk_text);
}

int remove_bulk(Session& session, std::uint64_t id) {
  return finish(session, session.api.call("DELETE", bulk_url(id)),
                [](const Json& bulk) { return "removed bulk " + text_or(bulk, "id", "") + "\n"; });
}

int add_tags(Session& session, const std::string& endpoint, const std::vector<std::string>& tags) {
  return finish(session,
                session.api.call("PUT", device_url(endpoint) + "/tags", {{"keep", "true"}}, dump(Json{{"tags", tags}})),
                tags_text);
}

int remove_tags(Session& session, const std::string& endpoint, const std::vector<std::string>& tags) {
  std::string list;
  for (const std::string& tag : tags) list += (list.empty() ? "" : ",") + tag;
  return finish(session, session.api.call("DELETE", device_url(endpoint) + "/tags", {{"tag", list}}), tags_text);
}

int list_tags(Session& session, const std::string& endpoint) {
  if (!endpoint.empty()) return finish(session, session.api.call("GET", device_url(endpoint) + "/tags"), tags_text);
  return finish(session, session.api.call("GET", "/api/v1/tags"), [](const Json& list) {
    Table table({"TAG", "DEVICES"});
    for (const Json& one : list.at("tags")) table.add({text_or(one, "tag", ""), number_text(one, "devices")});
    return table.to_string();
  });
}

int list_rules(Session& session) {
  return finish(session, session.api.call("GET", "/api/v1/rules"), [](const Json& list) {
    Table table({"NAME", "ENABLED", "WHEN", "STEPS", "DONE", "FAILED", "RUNNING", "DEVICES"});
    for (const Json& one : list.at("rules")) {
      const Json& devices = one.at("devices");
      table.add({text_or(one, "name", ""), one.value("enabled", false) ? "yes" : "no", text_or(one, "when", ""),
                 std::to_string(one.at("steps").size()), number_text(devices, "done"), number_text(devices, "failed"),
                 number_text(devices, "running"), selection_text(one.at("condition"))});
    }
    return table.to_string();
  });
}

int show_rule(Session& session, const std::string& name) {
  return finish(session, session.api.call("GET", rule_url(name)), [](const Json& rule) {
    std::string text = text_or(rule, "name", "") + ": " + selection_text(rule.at("condition")) + "; " +
                       (rule.value("when", "") == "once" ? "once for each device" : "upon each registration") +
                       (rule.value("enabled", false) ? "" : "; disabled") +
                       (rule.value("configured", false) ? "; from the configuration file" : "") + "\n";
    for (const Json& step : rule.at("steps")) text += "  " + printable(step.dump()) + "\n";
    return text;
  });
}

int put_rule(Session& session, const std::string& name, const std::string& file) {
  const auto body = read_input(file);
  if (!body) return usage_error(body.error());
  return finish(session, session.api.call("PUT", rule_url(name), {}, *body),
                [](const Json& rule) { return "rule " + text_or(rule, "name", "") + " is kept\n"; });
}

int remove_rule(Session& session, const std::string& name) {
  return finish(session, session.api.call("DELETE", rule_url(name)),
                [](const Json& rule) { return "removed rule " + text_or(rule, "name", "") + "\n"; });
}

int rule_devices(Session& session, const std::string& name, const std::string& state, std::size_t limit) {
  return list_pages(session, rule_url(name) + "/devices", state, limit, [](const Json& all) {
    Table table({"ENDPOINT", "STATE", "STEPS", "FAILED", "DETAIL"});
    for (const Json& one : all) {
      table.add({text_or(one, "endpoint", ""), text_or(one, "state", ""), number_text(one, "steps_over"),
                 number_text(one, "steps_failed"), text_or(one, "detail", "")});
    }
    return table.to_string();
  });
}

}  // namespace drover::cli
