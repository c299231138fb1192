// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/campaigns.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "apps/drover/exit_status.hpp"
#include "apps/drover/session.hpp"

namespace drover::cli {

using Json = nlohmann::json;

namespace {

constexpr const char* kCampaigns = "/api/v1/campaigns";
constexpr const char* kImages = "/api/v1/images";
constexpr std::size_t kPageMax = 1000;  // of the API

std::int64_t unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string url(std::uint64_t id, const std::string& rest = {}) {
  return std::string(kCampaigns) + "/" + std::to_string(id) + rest;
}

std::string image_url(const std::string& name) {
  return std::string(kImages) + "/" + percent_encode(name);
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// All pages of what `member` holds, `limit` at most, and `next` of the last one.
tl::expected<Json, Reply> all_of(Session& session, const std::string& path, const char* member, const char* from,
                                 Query query, std::size_t limit) {
  Json all = Json::array(), next = nullptr;
  query.emplace_back("limit", "");
  const std::size_t place = query.size() - 1;
  do {
    query[place].second = std::to_string(std::min(limit - all.size(), kPageMax));
    Query asked = query;
    if (!next.is_null()) asked.emplace_back(from, next.is_string() ? next.get<std::string>() : next.dump());
    const Reply reply = session.api.call("GET", path, asked);
    if (!reply.is_success()) return tl::unexpected(reply);
    Json page = Json::parse(reply.body, nullptr, false);
    if (!page.is_object() || !page[member].is_array()) return tl::unexpected(Reply{reply.status, ""});
    for (Json& one : page[member]) all.push_back(std::move(one));
    next = page["next"];
  } while (!next.is_null() && all.size() < limit);
  return Json{{member, std::move(all)}, {"next", next}};
}

int show_list(Session& session, const tl::expected<Json, Reply>& list, const char* member,
              const std::function<std::string(const Json&)>& text) {
  if (!list) return fail(session, list.error());
  if (session.json) {
    print_line(dump(*list));
  } else {
    print(text((*list)[member]));
    if (!(*list)["next"].is_null()) print("more: --limit\n");
  }
  return kOk;
}

int show(Session& session, const Reply& reply) {
  return finish(session, reply, [](const Json& campaign) { return campaign_text(campaign, unix_now()); });
}

/// Empty lines and those that begin with '#' are none.
Result<std::vector<std::string>> read_endpoints(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return tl::unexpected(Error{Fault::Us, 0, file + " can't be read"});
  std::vector<std::string> endpoints;
  for (std::string line; std::getline(stream, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty() && line.front() != '#') endpoints.push_back(line);
  }
  return endpoints;
}

Result<Json> selection_of(const CampaignArguments& a) {
  Json selection = Json::object();
  std::vector<std::string> endpoints = a.endpoints;
  if (!a.endpoints_file.empty()) {
    auto more = read_endpoints(a.endpoints_file);
    if (!more) return tl::unexpected(more.error());
    endpoints.insert(endpoints.end(), more->begin(), more->end());
  }
  if (!endpoints.empty()) selection["endpoints"] = endpoints;
  if (!a.tags.empty()) selection["tags"] = a.tags;
  for (const auto& [name, value] : {std::pair("name", &a.pattern), std::pair("manufacturer", &a.manufacturer),
                                    std::pair("model", &a.model), std::pair("version", &a.version)}) {
    if (!value->empty()) selection[name] = *value;
  }
  if (!a.seen_within.empty()) selection["seen_after"] = unix_now() - span_of(a.seen_within).value_or(0);
  if (selection.empty()) return tl::unexpected(Error{Fault::Us, 0, "say which devices: endpoints, --name, --tag, ..."});
  return selection;
}

}  // namespace

int put_image(Session& session, const CampaignArguments& a) {
  std::ifstream stream(a.file, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream || content.empty()) return usage_error(a.file + " can't be read, or is empty");
  Query query;
  if (!a.firmware_version.empty()) query.emplace_back("version", a.firmware_version);
  return finish(session, session.api.call("PUT", image_url(a.image), query, content, "application/octet-stream"),
                [](const Json& image) { return images_text(Json::array({image})); });
}

int list_images(Session& session) {
  return finish(session, session.api.call("GET", kImages), [](const Json& list) { return images_text(list.at("images")); });
}

int remove_image(Session& session, const std::string& name) {
  return finish(session, session.api.call("DELETE", image_url(name)),
                [](const Json& image) { return "removed:\n" + images_text(Json::array({image})); });
}

int create_campaign(Session& session, const CampaignArguments& a) {
  auto selection = selection_of(a);
  if (!selection) return usage_error(selection.error().reason);
  Json body{{"name", a.name.empty() ? a.image : a.name},
            {"image", a.image},
            {"selection", std::move(*selection)},
            {"method", a.method},
            {"parallel", a.parallel},
            {"stop_percent", a.stop_percent},
            {"stop_after", a.stop_after},
            {"retries", a.retries},
            {"reset_stuck", !a.keep_stuck},
            {"skip_current", !a.again}};
  if (!a.start.empty()) body["start_at"] = unix_now() + span_of(a.start).value_or(0);
  if (!a.window_from.empty()) body["window"] = {{"from", a.window_from}, {"to", a.window_to}};
  Json limits = Json::object();
  for (const auto& [name, value] : {std::pair("reach", &a.reach), std::pair("transfer", &a.transfer),
                                    std::pair("download", &a.download), std::pair("update", &a.update)}) {
    if (!value->empty()) limits[name] = span_of(*value).value_or(0);
  }
  if (!limits.empty()) body["limits"] = std::move(limits);
  return show(session, session.api.call("POST", kCampaigns, {}, dump(body)));
}

int list_campaigns(Session& session, std::size_t limit) {
  return show_list(session, all_of(session, kCampaigns, "campaigns", "before", {}, limit), "campaigns", campaigns_text);
}

int show_campaign(Session& session, const CampaignArguments& a) {
  constexpr std::chrono::seconds kLookEvery{2};
  std::string before;
  for (bool more = true; more;) {
    const Reply reply = session.api.call("GET", url(a.id));
    const Json campaign = Json::parse(reply.body, nullptr, false);
    const std::string state = campaign.is_object() ? campaign.value("state", "") : "";
    more = a.follow && reply.is_success() && (state == "running" || state == "scheduled");
    // What stands still isn't said again.
    const std::string now = campaign.is_object() ? dump(campaign) : "";
    if (now != before || !more) {
      if (const int status = show(session, reply); status != kOk) return status;
    }
    before = now;
    if (more) std::this_thread::sleep_for(kLookEvery);
  }
  return kOk;
}

int campaign_devices(Session& session, const CampaignArguments& a) {
  Query query;
  if (!a.state.empty()) query.emplace_back("state", a.state);
  return show_list(session, all_of(session, url(a.id, "/devices"), "devices", "after", std::move(query), a.limit), "devices",
                   [](const Json& devices) { return campaign_devices_text(devices, unix_now()); });
}

int act_on_campaign(Session& session, const CampaignArguments& a, const std::string& what) {
  Query query;
  if (what == "cancel" && a.reset) query.emplace_back("reset", "true");
  return show(session, session.api.call("POST", url(a.id, "/" + what), query));
}

int remove_campaign(Session& session, std::uint64_t id) {
  return finish(session, session.api.call("DELETE", url(id)),
                [](const Json& campaign) { return "removed: " + campaign_text(campaign, unix_now()); });
}

}  // namespace drover::cli
