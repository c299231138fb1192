// SPDX-License-Identifier: Apache-2.0
// Routes for firmware campaigns.
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/campaign_calls.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

using campaign::Action;
using campaign::Answer;
using campaign::CampaignId;
using campaign::CampaignView;

constexpr std::size_t kPageDefault = 100, kPageMax = 1000;

Problem bad_parameter(const char* name, std::string detail) {
  return {.kind = "bad-parameter", .detail = std::move(detail), .parameter = name};
}

/// Nothing for what is no id, and then the answer is given.
std::optional<CampaignId> id_of(const Call& call) {
  const auto id = whole_number(call.rest, 1, std::numeric_limits<std::int64_t>::max());
  if (id) return CampaignId{*id};
  call.refuse({.status = 404, .kind = "not-found", .detail = "there is no campaign of that id"});
  return std::nullopt;
}

/// Nothing, and the answer is given, when it is out of its range.
std::optional<std::uint64_t> number_of(const Call& call, const char* name, std::uint64_t otherwise, std::uint64_t least,
                                       std::uint64_t most) {
  const auto text = call.target.parameter(name);
  if (!text) return otherwise;
  const auto value = whole_number(*text, least, most);
  if (!value) call.refuse(bad_parameter(name, std::string(name) + " must be " + std::to_string(least) + " to " + std::to_string(most)));
  return value;
}

void answer(const Call& call, const Answer<CampaignView>& view, unsigned status = 200) {
  if (!view) return call.refuse(to_problem(view.error()));
  call.answer(to_json(*view), status);
}

void act(const std::shared_ptr<Call>& call, Action action, const char* what) {
  campaign::Desk* const desk = campaigns_of(*call);
  if (desk == nullptr) return;
  const auto id = id_of(*call);
  if (!id) return;
  desk->act(*id, action, [call, what](const Answer<CampaignView>& view) {
    if (view) io::log::info(what, {{"campaign", view->head.id.value}, {"by", call->request.caller.token}});
    answer(*call, view);
  });
}

/// A stage or how a device ended.
std::optional<std::variant<campaign::Stage, campaign::Ending>> device_state(std::string_view text) {
  if (const auto stage = campaign::parse_stage(text)) return *stage;
  if (const auto ending = campaign::parse_ending(text)) return *ending;
  return std::nullopt;
}

}  // namespace

void list_campaigns(const std::shared_ptr<Call>& call) {
  campaign::Desk* const desk = campaigns_of(*call);
  if (desk == nullptr) return;
  const auto before = number_of(*call, "before", 0, 1, std::numeric_limits<std::int64_t>::max());
  if (!before) return;
  const auto limit = number_of(*call, "limit", kPageDefault, 1, kPageMax);
  if (!limit) return;
  desk->list(CampaignId{*before}, *limit, [call](campaign::CampaignPage page) {
    call->responder.then([call, page = std::move(page)] {
      Json campaigns = Json::array();
      for (const CampaignView& view : page.campaigns) campaigns.push_back(to_json(view));
      call->answer({{"campaigns", std::move(campaigns)},
                    {"total", page.total},
                    {"next", page.next == CampaignId{} ? Json(nullptr) : Json(page.next.value)}});
    });
  });
}

void create_campaign(const std::shared_ptr<Call>& call) {
  campaign::Desk* const desk = campaigns_of(*call);
  if (desk == nullptr) return;
  auto wanted = campaign_body(call->request);
  if (!wanted) return call->refuse(wanted.error());
  desk->create(std::move(*wanted), [call](const Answer<CampaignView>& view) {
    if (!view) return call->refuse(to_problem(view.error()));
    http::Response response;
    response.status = 201;
    response.headers.emplace_back("Location", "/api/v1/campaigns/" + std::to_string(view->head.id.value));
    response.body = to_json(*view).dump(-1, ' ', false, Json::error_handler_t::replace);
    call->responder.answer(std::move(response));
  });
}

void get_campaign(const std::shared_ptr<Call>& call) {
  campaign::Desk* const desk = campaigns_of(*call);
  if (desk == nullptr) return;
  if (const auto id = id_of(*call)) desk->find(*id, [call](const Answer<CampaignView>& view) { answer(*call, view); });
}

void list_campaign_devices(const std::shared_ptr<Call>& call) {
  campaign::Desk* const desk = campaigns_of(*call);
  if (desk == nullptr) return;
  const auto id = id_of(*call);
  if (!id) return;
  campaign::DevicesQuery query;
  query.after = call->target.parameter("after").value_or("");
  const auto limit = number_of(*call, "limit", kPageDefault, 1, kPageMax);
  if (!limit) return;
  query.limit = *limit;
  if (const auto text = call->target.parameter("state")) {
    query.state = device_state(*text);
    if (!query.state) return call->refuse(bad_parameter("state", "state must be a stage or an outcome, such as waiting or failed"));
  }
  desk->devices(*id, std::move(query), [call](Answer<campaign::DevicesPage> page) {
    if (!page) return call->refuse(to_problem(page.error()));
    call->responder.then([call, page = std::move(*page)] {
      Json devices = Json::array();
      for (const campaign::Device& device : page.devices) devices.push_back(to_json(device));
      call->answer({{"devices", std::move(devices)},
                    {"total", page.total},
                    {"next", page.next.empty() ? Json(nullptr) : Json(page.next)}});
    });
  });
}

void pause_campaign(const std::shared_ptr<Call>& call) {
  act(call, Action::Pause, "campaign paused");
}

void resume_campaign(const std::shared_ptr<Call>& call) {
  act(call, Action::Resume, "campaign resumed");
}

void cancel_campaign(const std::shared_ptr<Call>& call) {
  const std::string_view reset = call->target.parameter("reset").value_or("false");
  if (reset != "true" && reset != "false") return call->refuse(bad_parameter("reset", "reset must be true or false"));
  act(call, reset == "true" ? Action::CancelAndReset : Action::Cancel, "campaign cancelled");
}

void retry_campaign(const std::shared_ptr<Call>& call) {
  act(call, Action::Retry, "campaign retries what failed");
}

void remove_campaign(const std::shared_ptr<Call>& call) {
  campaign::Desk* const desk = campaigns_of(*call);
  if (desk == nullptr) return;
  const auto id = id_of(*call);
  if (!id) return;
  desk->remove(*id, [call](const Answer<CampaignView>& view) {
    if (view) io::log::info("campaign removed", {{"campaign", view->head.id.value}, {"by", call->request.caller.token}});
    answer(*call, view);
  });
}

}  // namespace drover::api
