// SPDX-License-Identifier: Apache-2.0
#include "campaign/table.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "store/store_file.hpp"

namespace drover::campaign {

namespace {

using Json = nlohmann::json;
using sqlite::Database;
using sqlite::Statement;

std::int64_t stored(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}

Json head_json(const Head& head) {
  const Order& order = head.order;
  const TimeLimits& limits = order.limits;
  Json json{{"name", order.name},
            {"method", to_string(order.method)},
            {"parallel", order.parallel},
            {"stop_percent", order.stop_percent},
            {"stop_after", order.stop_after},
            {"retries", order.retries},
            {"reset_stuck", order.stuck == StuckPolicy::Reset},
            {"skip_current", order.skip_current},
            {"limits", {limits.reach, limits.transfer, limits.download, limits.update}},
            {"version", head.target.version},
            {"uri", head.target.uri},
            {"reason", head.reason},
            {"asked_by", head.asked_by},
            {"created_at", head.created_at},
            {"forgiven", {head.forgiven_ended, head.forgiven_failed}}};
  if (order.start_at) json["start_at"] = *order.start_at;
  if (order.window) json["window"] = {order.window->from, order.window->to};
  if (head.started_at) json["started_at"] = *head.started_at;
  if (head.ended_at) json["ended_at"] = *head.ended_at;
  return json;
}

/// Throws what the library throws for text that head_json() hasn't made.
void fill_head(const Json& json, Head& head) {
  Order& order = head.order;
  order.name = json.at("name");
  const auto method = parse_method(json.at("method").get<std::string>());
  if (!method) throw std::out_of_range("method");
  order.method = *method;
  order.parallel = json.at("parallel");
  order.stop_percent = json.at("stop_percent");
  order.stop_after = json.at("stop_after");
  order.retries = json.at("retries");
  order.stuck = json.at("reset_stuck").get<bool>() ? StuckPolicy::Reset : StuckPolicy::Fail;
  order.skip_current = json.at("skip_current");
  const Json& limits = json.at("limits");
  order.limits = {limits.at(0), limits.at(1), limits.at(2), limits.at(3)};
  head.target.version = json.at("version");
  head.target.uri = json.at("uri");
  head.reason = json.at("reason");
  head.asked_by = json.at("asked_by");
  head.created_at = json.at("created_at");
  head.forgiven_ended = json.at("forgiven").at(0);
  head.forgiven_failed = json.at("forgiven").at(1);
  if (json.contains("start_at")) order.start_at = json["start_at"].get<UnixSeconds>();
  if (json.contains("window")) order.window = Window{json["window"].at(0), json["window"].at(1)};
  if (json.contains("started_at")) head.started_at = json["started_at"].get<UnixSeconds>();
  if (json.contains("ended_at")) head.ended_at = json["ended_at"].get<UnixSeconds>();
}

std::optional<Head> read_head(const Statement& row) {
  constexpr std::int64_t kStatesMax = static_cast<std::int64_t>(State::Done);
  Head head;
  head.id.value = static_cast<std::uint64_t>(row.number(0));
  head.order.image = row.text(1);
  if (row.number(0) <= 0 || row.number(2) < 0 || row.number(2) > kStatesMax) return std::nullopt;
  head.state = static_cast<State>(row.number(2));
  try {
    fill_head(Json::parse(row.text(3)), head);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return head;
}

bool within(std::int64_t number, std::size_t count) {
  return number >= 0 && number < static_cast<std::int64_t>(count);
}

std::optional<Device> read_device(const Statement& row) {
  if (!within(row.number(3), kStages) || !within(row.number(4), kSteps) || !within(row.number(5), kEndings)) {
    return std::nullopt;
  }
  Device device;
  device.endpoint = row.text(2);
  device.stage = static_cast<Stage>(row.number(3));
  device.step = static_cast<Step>(row.number(4));
  device.ending = static_cast<Ending>(row.number(5));
  if (!row.is_null(6)) device.operation = server::OperationId{static_cast<std::uint64_t>(row.number(6))};
  if (!row.is_null(7)) device.result = row.number(7);
  device.reason = row.text(8);
  device.attempt = static_cast<unsigned>(row.number(9));
  device.began = row.number(10) != 0;
  device.sent = row.number(11) != 0;
  device.version_before = row.text(12);
  device.version = row.text(13);
  device.since = row.number(14);
  if ((device.stage == Stage::Ended) != (device.ending != Ending::None)) return std::nullopt;
  return device;
}

bool write_head(Database& database, const Head& head) {
  const std::string text = head_json(head).dump();
  Statement put = database.prepare(
      "INSERT INTO campaign(id, image, state, head) VALUES(?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET"
      " state = excluded.state, head = excluded.head");
  return put.bind(stored(head.id.value))
      .bind(std::string_view(head.order.image))
      .bind(static_cast<int>(head.state))
      .bind(std::string_view(text))
      .run();
}

bool write_devices(Database& database, const CampaignTable::Change& change) {
  Statement put = database.prepare(
      "INSERT OR REPLACE INTO campaign_device(campaign, number, endpoint, stage, step, ending, operation, result, reason,"
      " attempt, began, sent, version_before, version, since) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  return std::ranges::all_of(change.changed, [&](std::uint32_t number) {
    const Device& device = (*change.devices)[number];
    std::optional<std::int64_t> operation;
    if (device.operation) operation = stored(device.operation->value);
    return put.bind(stored(change.head->id.value))
        .bind(number)
        .bind(std::string_view(device.endpoint))
        .bind(static_cast<int>(device.stage))
        .bind(static_cast<int>(device.step))
        .bind(static_cast<int>(device.ending))
        .bind_optional(operation)
        .bind_optional(device.result)
        .bind(std::string_view(device.reason))
        .bind(device.attempt)
        .bind(static_cast<int>(device.began))
        .bind(static_cast<int>(device.sent))
        .bind(std::string_view(device.version_before))
        .bind(std::string_view(device.version))
        .bind(device.since)
        .run();
  });
}

/// All of `write` or nothing.
template <class Write>
Result<void> commit(store::StoreFile& file, Write write) {
  store::StoreFile::Turn database = file.turn();
  if (database->run("BEGIN IMMEDIATE") && write(*database) && database->run("COMMIT")) return {};
  auto error = file.failure("can't be written: " + database->reason());
  database->roll_back();
  return error;
}

}  // namespace

Result<CampaignTable::Content> CampaignTable::load() {
  store::StoreFile::Turn database = file_->turn();
  Content content;
  std::map<std::uint64_t, std::size_t> places;
  Statement heads = database->prepare("SELECT id, image, state, head FROM campaign ORDER BY id");
  while (heads.row()) {
    auto head = read_head(heads);
    if (!head) return file_->failure("damaged (campaign " + std::to_string(heads.number(0)) + ")");
    places[head->id.value] = content.campaigns.size();
    content.last = head->id;
    content.campaigns.push_back({std::move(*head), {}});
  }
  Statement devices = database->prepare(
      "SELECT campaign, number, endpoint, stage, step, ending, operation, result, reason, attempt, began, sent,"
      " version_before, version, since FROM campaign_device ORDER BY campaign, number");
  while (devices.row()) {
    const auto place = places.find(static_cast<std::uint64_t>(devices.number(0)));
    auto device = read_device(devices);
    std::vector<Device>* const to = place == places.end() ? nullptr : &content.campaigns[place->second].devices;
    if (!device || to == nullptr || devices.number(1) != static_cast<std::int64_t>(to->size())) {
      return file_->failure("damaged (device " + std::to_string(devices.number(1)) + " of campaign " +
                            std::to_string(devices.number(0)) + ")");
    }
    to->push_back(std::move(*device));
  }
  Statement last = database->prepare("SELECT seq FROM sqlite_sequence WHERE name = 'campaign'");
  if (last.row()) content.last.value = std::max(content.last.value, static_cast<std::uint64_t>(last.number(0)));
  if (!heads.ok() || !devices.ok() || !last.ok()) return file_->failure("can't be read: " + database->reason());
  return content;
}

Result<void> CampaignTable::save(std::span<const Change> changes) {
  return commit(*file_, [&](Database& database) {
    return std::ranges::all_of(changes, [&](const Change& change) {
      return (!change.head_changed || write_head(database, *change.head)) && write_devices(database, change);
    });
  });
}

Result<void> CampaignTable::remove(CampaignId id) {
  return commit(*file_, [&](Database& database) {
    for (const char* sql : {"DELETE FROM campaign_device WHERE campaign = ?", "DELETE FROM campaign WHERE id = ?"}) {
      Statement gone = database.prepare(sql);
      if (!gone.bind(stored(id.value)).run()) return false;
    }
    return true;
  });
}

}  // namespace drover::campaign
