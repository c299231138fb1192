// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/drover/campaigns.hpp"
#include "apps/drover/print.hpp"

namespace drover::cli {

using Json = nlohmann::json;

namespace {

constexpr std::size_t kBarWidth = 40;

std::string text_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? printable(found->get<std::string>()) : "";
}

std::size_t count_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_unsigned() ? found->get<std::size_t>() : 0;
}

std::size_t outcome(const Json& campaign, const char* name) {
  const auto outcomes = campaign.find("outcomes");
  return outcomes == campaign.end() ? 0 : count_of(*outcomes, name);
}

std::size_t ended(const Json& campaign) {
  const auto stages = campaign.find("stages");
  return stages == campaign.end() ? 0 : count_of(*stages, "ended");
}

std::size_t failed(const Json& campaign) {
  return outcome(campaign, "failed") + outcome(campaign, "timed-out") + outcome(campaign, "vanished");
}

std::size_t begun(const Json& campaign) {
  std::size_t sum = 0;
  const auto stages = campaign.find("stages");
  if (stages == campaign.end()) return 0;
  for (const char* stage : {"transferring", "downloading", "starting", "updating", "verifying"}) sum += count_of(*stages, stage);
  return sum;
}

/// '#' succeeded or skipped, 'x' failed, '-' other ends, '>' under way, '.' still to come.
std::string bar(const Json& campaign) {
  const std::size_t total = std::max<std::size_t>(1, count_of(campaign, "devices"));
  const std::size_t good = outcome(campaign, "succeeded") + outcome(campaign, "skipped");
  std::string text;
  std::size_t sum = 0;
  const auto part = [&](char mark, std::size_t count) {
    sum += count;
    const std::size_t to = std::min(kBarWidth, sum * kBarWidth / total);
    if (to > text.size()) text.append(to - text.size(), mark);
  };
  part('#', good);
  part('x', failed(campaign));
  part('-', ended(campaign) - std::min(ended(campaign), good + failed(campaign)));
  part('>', begun(campaign));
  text.resize(kBarWidth, '.');
  return "[" + text + "]";
}

std::string counts_text(const Json& counts) {
  std::string text;
  for (const auto& [name, count] : counts.items()) text += (text.empty() ? "" : ", ") + count.dump() + " " + printable(name);
  return text;
}

std::string time_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? time_text(found->get<std::int64_t>()) : "";
}

}  // namespace

std::string campaign_text(const Json& campaign, std::int64_t now) {
  const std::size_t total = count_of(campaign, "devices");
  std::string text = "campaign " + std::to_string(count_of(campaign, "id")) + " \"" + text_of(campaign, "name") + "\": " +
                     text_of(campaign, "state") + "\n";
  if (const std::string reason = text_of(campaign, "reason"); !reason.empty()) text += "  " + reason + "\n";
  text += "  " + bar(campaign) + " " + std::to_string(ended(campaign)) + " of " + std::to_string(total) + " devices\n";
  const auto part = [&](const char* label, const std::string& value) {
    if (!value.empty()) text += "  " + std::string(label) + value + "\n";
  };
  part("ended     ", counts_text(campaign.value("outcomes", Json::object())));
  Json others = campaign.value("stages", Json::object());
  others.erase("ended");
  part("not ended ", counts_text(others));
  const std::string version = text_of(campaign, "version");
  part("image     ", text_of(campaign, "image") + (version.empty() ? "" : ", version " + version) + ", by " + text_of(campaign, "method"));
  part("limits    ", std::to_string(count_of(campaign, "parallel")) + " at once, " + std::to_string(count_of(campaign, "retries")) +
                         " retries" + (count_of(campaign, "stop_percent") == 0 ? "" : ", stops when more than " + std::to_string(count_of(campaign, "stop_percent")) + " % fail"));
  part("created   ", time_of(campaign, "created_at") + " by " + text_of(campaign, "asked_by"));
  const std::string started = time_of(campaign, "started_at"), over = time_of(campaign, "ended_at");
  part("started   ", started);
  part("over      ", over);
  if (started.empty()) part("starts    ", time_of(campaign, "start_at"));
  if (!started.empty() && over.empty()) part("running   ", span_text(now - campaign["started_at"].get<std::int64_t>()));
  return text;
}

std::string campaigns_text(const Json& campaigns) {
  Table table({"ID", "NAME", "STATE", "IMAGE", "BY", "DEVICES", "DONE", "GOOD", "FAILED"});
  for (const Json& one : campaigns) {
    table.add({std::to_string(count_of(one, "id")), text_of(one, "name"), text_of(one, "state"), text_of(one, "image"),
               text_of(one, "method"), std::to_string(count_of(one, "devices")), std::to_string(ended(one)),
               std::to_string(outcome(one, "succeeded") + outcome(one, "skipped")), std::to_string(failed(one))});
  }
  return table.to_string();
}

std::string campaign_devices_text(const Json& devices, std::int64_t now) {
  Table table({"ENDPOINT", "STATE", "FOR", "ATTEMPT", "FROM", "TO", "REASON"});
  for (const Json& one : devices) {
    const bool over = one.value("outcome", Json()).is_string();
    table.add({text_of(one, "endpoint"), text_of(one, over ? "outcome" : "stage"),
               span_text(now - one.value("since", now)), std::to_string(count_of(one, "attempt")),
               text_of(one, "version_before"), text_of(one, "version"), text_of(one, "reason")});
  }
  return table.to_string();
}

std::string images_text(const Json& images) {
  Table table({"NAME", "VERSION", "BYTES", "SHA-256", "UPLOADED"});
  constexpr std::size_t kShown = 16;
  for (const Json& one : images) {
    table.add({text_of(one, "name"), text_of(one, "version"), std::to_string(count_of(one, "size")),
               text_of(one, "sha256").substr(0, kShown), time_of(one, "uploaded_at")});
  }
  return table.to_string();
}

}  // namespace drover::cli
