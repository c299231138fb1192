// SPDX-License-Identifier: Apache-2.0
// Commands for firmware images and campaigns.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace drover::cli {

struct Session;

struct CampaignArguments {
  // Images
  std::string image, file, firmware_version;
  // A new campaign
  std::string name, method = "push";
  std::vector<std::string> endpoints, tags;
  std::string endpoints_file, pattern, manufacturer, model, version, seen_within;
  std::size_t parallel = 10, stop_after = 10;
  unsigned stop_percent = 0, retries = 1;
  bool keep_stuck = false, again = false;
  std::string start, window_from, window_to;
  std::string reach, transfer, download, update;
  // One of them
  std::uint64_t id = 0;
  std::string state;
  std::size_t limit = 1000;
  bool follow = false, reset = false;
};

int put_image(Session& session, const CampaignArguments& arguments);
int list_images(Session& session);
int remove_image(Session& session, const std::string& name);

int create_campaign(Session& session, const CampaignArguments& arguments);
int list_campaigns(Session& session, std::size_t limit);
/// With `follow` again and again until it is over or stands still.
int show_campaign(Session& session, const CampaignArguments& arguments);
int campaign_devices(Session& session, const CampaignArguments& arguments);
/// `what`: pause, resume, cancel, retry.
int act_on_campaign(Session& session, const CampaignArguments& arguments, const std::string& what);
int remove_campaign(Session& session, std::uint64_t id);

/// What people see of one, with a bar of how far it is.
std::string campaign_text(const nlohmann::json& campaign, std::int64_t now);
std::string campaigns_text(const nlohmann::json& campaigns);
std::string campaign_devices_text(const nlohmann::json& devices, std::int64_t now);
std::string images_text(const nlohmann::json& images);

void add_campaign_commands(CLI::App& app, std::function<int(Session&)>& chosen);

}  // namespace drover::cli
