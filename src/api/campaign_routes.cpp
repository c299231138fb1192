// SPDX-License-Identifier: Apache-2.0
// Routes for firmware campaigns.
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/campaign_calls.hpp"
#include "api/parameters.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

using campaign::Action;
using campaign::Answer;
using campaign::CampaignId;
using campaign::CampaignView;

/// Nothing for what is no id, and then the answer is given.
std::optional<CampaignId> id_of(const Call& call) {
  const auto id = whole_number(call.rest, 1, std::numeric_limits<std::int64_t>::max());
  if (id) return CampaignId{*id};
  call.refuse({.status = 404, .kind = "not-found", .detail = "there is no campaign of that id"});
  return std::nullopt;
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
  Parameters given(call->target);
  const auto before = given.number("before", 1, kIdMax).value_or(0);
  const auto limit = given.limit();
  if (given.problem()) return call->refuse(*given.problem());
  desk->list(CampaignId{before}, limit, [call](campaign::CampaignPage page) {
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
  Parameters given(call->target);
  query.after = given.text("after", kOptionTextMax);
  query.limit = given.limit();
  query.state = given.parsed("state", device_state, "a stage or an outcome, such as waiting or failed");
  if (given.problem()) return call->refuse(*given.problem());
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
  Parameters given(call->target);
  const bool reset = given.truth("reset", false);
  if (given.problem()) return call->refuse(*given.problem());
  act(call, reset ? Action::CancelAndReset : Action::Cancel, "campaign cancelled");
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
