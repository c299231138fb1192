// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/commands.hpp"

#include <ctime>
#include <nlohmann/json.hpp>

#include "apps/drover/exit_status.hpp"
#include "apps/drover/jobs.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;
using lwm2m::Path;

constexpr std::size_t kPageMax = 1000;  // of the API

std::int64_t now() {
  return std::time(nullptr);
}

/// An operation whose success has nothing to show but its code.
std::string done_text(const Json& answer) {
  std::string text = printable(answer.value("code", "")) + " " + printable(answer.value("status", ""));
  if (const std::string location = answer.value("location", ""); !location.empty()) text += " " + printable(location);
  return text + "\n";
}

Query with_format(const Session& session, const char* name, const std::string& format) {
  Query query = operation_query(session);
  if (!format.empty()) query.emplace_back(name, format);
  return query;
}

/// The version in which the device has an object; "" when it announced none. A failure is the caller's answer.
tl::expected<std::string, Reply> version_of(Session& session, const std::string& endpoint, lwm2m::ObjectId object) {
  const Reply reply = session.api.call("GET", device_url(endpoint));
  if (!reply.is_success()) return tl::unexpected(reply);
  const Json device = Json::parse(reply.body, nullptr, false);
  if (!device.is_object()) return std::string();
  for (const Json& one : device.value("objects", Json::array())) {
    if (one.value("id", -1) == object && one.contains("version") && one["version"].is_string()) return one["version"];
  }
  return std::string();
}

int send_raw(Session& session, const char* method, const std::string& url, const WriteArguments& arguments) {
  if (!arguments.values.empty()) return usage_error("either values or --file");
  const auto content = read_file(arguments.file);
  if (!content) return usage_error(content.error().reason);
  const Reply reply = session.api.call(method, url, with_format(session, "format", arguments.format), *content,
                                       "application/octet-stream");
  return finish_operation(session, reply, done_text);
}

}  // namespace

int devices(Session& session, const std::string& search, const SelectionOptions& selection, std::size_t limit) {
  const Query filters = selection_query(selection, now());
  Json all = Json::array();
  Json page;
  std::string after;
  do {
    Query query{{"limit", std::to_string(std::min(limit - all.size(), kPageMax))}};
    if (!search.empty()) query.emplace_back("search", search);
    query.insert(query.end(), filters.begin(), filters.end());
    if (!after.empty()) query.emplace_back("after", after);
    const Reply reply = session.api.call("GET", "/api/v1/devices", query);
    if (!reply.is_success()) return fail(session, reply);
    page = Json::parse(reply.body, nullptr, false);
    if (!page.is_object()) return fail(session, {reply.status, ""});
    for (Json& device : page["devices"]) all.push_back(std::move(device));
    after = page["next"].is_string() ? page["next"].get<std::string>() : "";
  } while (!after.empty() && all.size() < limit);
  if (session.json) {
    page["devices"] = std::move(all);
    print_line(page.dump());
    return kOk;
  }
  print(devices_text(all, now()));
  if (page["total"].is_null()) {
    if (!after.empty()) print("more: --limit\n");
    return kOk;
  }
  const auto total = page.value("total", std::size_t{0});
  if (total > all.size()) print(std::to_string(total - all.size()) + " more: --limit, --search\n");
  return kOk;
}

int show(Session& session, const std::string& endpoint) {
  return finish(session, session.api.call("GET", device_url(endpoint)),
                [](const Json& device) { return device_text(device, now()); });
}

int read(Session& session, const std::string& endpoint, const Path& path, const std::string& accept) {
  const Reply reply =
      session.api.call("GET", device_url(endpoint, "resources", path), with_format(session, "accept", accept));
  Definitions definitions(session.api);
  return finish_operation(session, reply, [&](const Json& answer) {
    return answer_text(answer, [&](const Path& at) { return definitions.name(at); });
  });
}

int write(Session& session, const std::string& endpoint, const Path& path, const WriteArguments& arguments) {
  const char* method = arguments.update ? "PATCH" : "PUT";
  const std::string url = device_url(endpoint, "resources", path);
  if (!arguments.file.empty()) return send_raw(session, method, url, arguments);
  if (arguments.values.empty()) return usage_error("a write needs a value or --file");
  const auto version = version_of(session, endpoint, path.object());
  if (!version) return fail(session, version.error());
  Definitions definitions(session.api);
  const auto value = parse_assignments(path, arguments.values, [&](lwm2m::ResourceId resource) {
    return definitions.type(path.object(), *version, resource);
  });
  if (!value) return usage_error(value.error().reason);
  const Json body{{"value", *value}};
  return finish_operation(
      session, session.api.call(method, url, with_format(session, "format", arguments.format), body.dump()), done_text);
}

int execute(Session& session, const std::string& endpoint, const Path& path, const std::string& arguments) {
  const std::string body = arguments.empty() ? "" : Json{{"arguments", arguments}}.dump();
  return finish_operation(
      session, session.api.call("POST", device_url(endpoint, "execute", path), operation_query(session), body),
      done_text);
}

int create(Session& session, const std::string& endpoint, const Path& path, const WriteArguments& arguments) {
  if (!path.is_object()) return usage_error("create takes an object such as /3303; its new instance is --instance");
  const std::string url = device_url(endpoint, "resources", path);
  if (!arguments.file.empty()) return send_raw(session, "POST", url, arguments);
  const auto version = version_of(session, endpoint, path.object());
  if (!version) return fail(session, version.error());
  Definitions definitions(session.api);
  const auto value = parse_assignments(path.child(0), arguments.values, [&](lwm2m::ResourceId resource) {
    return definitions.type(path.object(), *version, resource);
  });
  if (!value) return usage_error(value.error().reason);
  Json body{{"value", *value}};
  if (arguments.instance) body["instance"] = *arguments.instance;
  return finish_operation(
      session, session.api.call("POST", url, with_format(session, "format", arguments.format), body.dump()), done_text);
}

int remove(Session& session, const std::string& endpoint, const Path& path) {
  return finish_operation(
      session, session.api.call("DELETE", device_url(endpoint, "resources", path), operation_query(session)), done_text);
}

int discover(Session& session, const std::string& endpoint, const Path& path) {
  return finish_operation(
      session, session.api.call("GET", device_url(endpoint, "discover", path), operation_query(session)),
      [](const Json& answer) { return answer_text(answer, [](const Path&) { return std::string(); }); });
}

int attributes(Session& session, const std::string& endpoint, const Path& path,
               const std::vector<std::string>& assignments) {
  if (assignments.empty()) return discover(session, endpoint, path);
  Query query = operation_query(session);
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
      return usage_error("\"" + assignment + "\" isn't of the form NAME=VALUE, or NAME= to unset");
    }
    query.emplace_back(assignment.substr(0, equals), assignment.substr(equals + 1));
  }
  return finish_operation(session, session.api.call("PUT", device_url(endpoint, "attributes", path), query), done_text);
}

int observations(Session& session, const std::string& endpoint) {
  return finish(session, session.api.call("GET", device_url(endpoint) + "/observations"),
                [](const Json& list) { return observations_text(list.at("observations"), now()); });
}

int cancel(Session& session, const std::string& endpoint, const Path& path, const std::string& mode) {
  Query query = operation_query(session);
  query.emplace_back("mode", mode);
  return finish_operation(session, session.api.call("DELETE", device_url(endpoint, "observations", path), query),
                          done_text);
}

int objects(Session& session, std::optional<std::uint16_t> id, const std::string& version) {
  if (!id) {
    return finish(session, session.api.call("GET", "/api/v1/objects"),
                  [](const Json& list) { return objects_text(list.at("objects")); });
  }
  const Query query = version.empty() ? Query{} : Query{{"version", version}};
  return finish(session, session.api.call("GET", "/api/v1/objects/" + std::to_string(*id), query), object_text);
}

int status(Session& session) {
  return finish(session, session.api.call("GET", "/api/v1/status"), status_text);
}

}  // namespace drover::cli
