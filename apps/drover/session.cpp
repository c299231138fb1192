// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/session.hpp"

#include <charconv>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/drover/exit_status.hpp"
#include "apps/drover/operation_text.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

Json parse(const std::string& body) {
  return Json::parse(body, nullptr, false);
}

}  // namespace

int exit_status_of(const Json& problem, int http_status) {
  constexpr const char* kPrefix = "urn:drover:problem:";
  const std::string type = problem.is_object() ? problem.value("type", "") : "";
  const std::string kind = type.rfind(kPrefix, 0) == 0 ? type.substr(std::string(kPrefix).size()) : "";
  if (kind == "device-answer") return kDeviceError;
  if (kind == "unauthorized" || kind == "forbidden") return kDenied;
  if (kind == "not-registered" || kind == "registration-ended") return kNotRegistered;
  if (kind == "no-answer" || kind == "expired" || kind == "cancelled" || kind == "unreachable") return kNoAnswer;
  if (kind == "busy" || kind == "queue-full" || kind == "unavailable" || kind == "internal") return kServer;
  return http_status >= 400 && http_status < 500 ? kUsage : kServer;
}

std::string device_url(const std::string& endpoint) {
  return "/api/v1/devices/" + percent_encode(endpoint);
}

std::string device_url(const std::string& endpoint, const char* what, const lwm2m::Path& path) {
  return device_url(endpoint) + "/" + what + path.to_string();
}

std::string operation_url(const std::string& endpoint, const std::string& id) {
  return device_url(endpoint) + "/operations/" + id;
}

std::optional<std::int64_t> span_of(const std::string& text) {
  constexpr std::pair<char, std::int64_t> kUnits[] = {{'s', 1}, {'m', 60}, {'h', 3'600}, {'d', 86'400}};
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || stop + 1 != end || count < 1) return std::nullopt;
  for (const auto& [unit, seconds] : kUnits) {
    if (*stop != unit) continue;
    if (count > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
    return count * seconds;
  }
  return std::nullopt;
}

Query operation_query(const Session& session) {
  const OperationOptions& options = session.operation;
  Query query{{"timeout", std::to_string(session.api.timeout())}};
  if (options.wait) query.emplace_back("wait", "true");
  if (options.no_trigger) query.emplace_back("trigger", "false");
  if (!options.priority.empty()) query.emplace_back("priority", options.priority);
  if (!options.via.empty()) query.emplace_back("via", options.via);
  if (!options.redeliver.empty()) query.emplace_back("redeliver", options.redeliver);
  if (const auto expires = span_of(options.expires)) query.emplace_back("expires", std::to_string(*expires));
  return query;
}

int usage_error(const std::string& reason) {
  std::fprintf(stderr, "drover: %s\n", reason.c_str());
  return kUsage;
}

int fail(const Session& session, const Reply& reply) {
  if (reply.status == 0) {
    const bool secure = session.api.url().starts_with("https:");
    std::fprintf(stderr,
                 secure ? "drover: no server answers at %s (%s)\n"
                        : "drover: no server answers at %s (%s): start droverd, or name the right one with --api\n",
                 session.api.url().c_str(), reply.body.c_str());
    return kServer;
  }
  const Json problem = parse(reply.body);
  if (!problem.is_object()) {
    std::fprintf(stderr, "drover: %s answered with HTTP status %d and no reason: is it droverd?\n",
                 session.api.url().c_str(), reply.status);
    return kServer;
  }
  if (session.json) print_line(reply.body);
  std::fprintf(stderr, "drover: %s\n", problem_text(problem).c_str());
  return exit_status_of(problem, reply.status);
}

int finish(const Session& session, const Reply& reply, const std::function<std::string(const Json&)>& text) {
  if (!reply.is_success()) return fail(session, reply);
  if (session.json) {
    print_line(reply.body);
    return kOk;
  }
  const Json answer = parse(reply.body);
  if (!answer.is_object()) return fail(session, {reply.status, ""});
  print(text(answer));
  return kOk;
}

int finish_operation(const Session& session, const Reply& reply, const std::function<std::string(const Json&)>& text) {
  if (reply.status != kAccepted) return finish(session, reply, text);
  const int status = finish(session, reply, queued_text);
  return status == kOk ? kQueued : status;
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void print_line(const std::string& json) {
  print(!json.empty() && json.back() == '\n' ? json : json + "\n");
}

const std::map<lwm2m::ResourceId, Definitions::Resource>& Definitions::resources(lwm2m::ObjectId object,
                                                                                 const std::string& version) {
  const auto [place, fresh] = known_.try_emplace({object, version});
  if (!fresh) return place->second;
  const Query query = version.empty() ? Query{} : Query{{"version", version}};
  const Reply reply = api_.call("GET", "/api/v1/objects/" + std::to_string(object), query);
  if (!reply.is_success()) return place->second;
  const Json definition = parse(reply.body);
  if (!definition.is_object() || !definition.contains("resources")) return place->second;
  for (const Json& resource : definition["resources"]) {
    place->second[resource.at("id").get<lwm2m::ResourceId>()] = {
        {resource.value("type", ""), resource.value("multiple", false)}, resource.value("name", "")};
  }
  return place->second;
}

std::optional<ResourceType> Definitions::type(lwm2m::ObjectId object, const std::string& version,
                                              lwm2m::ResourceId resource) {
  const auto& all = resources(object, version);
  const auto found = all.find(resource);
  if (found == all.end()) return std::nullopt;
  return found->second.type;
}

std::string Definitions::name(const lwm2m::Path& path) {
  if (path.depth() < 3) return "";
  const auto& all = resources(path.object(), "");
  const auto found = all.find(path.resource());
  return found == all.end() ? "" : printable(found->second.name);
}

}  // namespace drover::cli
