// SPDX-License-Identifier: Apache-2.0
// Routes for operations on many devices.
#include <limits>
#include <nlohmann/json.hpp>

#include "api/job_views.hpp"
#include "api/members.hpp"
#include "api/operation_call.hpp"
#include "api/parameters.hpp"
#include "io/log.hpp"
#include "jobs/selection_text.hpp"

namespace drover::api {

namespace {

using jobs::BulkCommand;
using jobs::BulkId;
using jobs::BulkView;

void refuse_unknown(const Call& call) {
  call.refuse({.status = 404,
               .kind = "not-found",
               .detail = "there is no bulk operation of that id, or not any more"});
}

std::optional<BulkId> id_of(const Call& call) {
  const auto id = whole_number(call.rest, 1, std::numeric_limits<std::int64_t>::max());
  if (id) return BulkId{*id};
  refuse_unknown(call);
  return std::nullopt;
}

tl::expected<jobs::BulkOrder, Problem> order_of(const Call& call, const jobs::Forms& forms) {
  auto members = Members::parse(
      call.request, {"operation", "selection", "parallel", "lifetime", "priority", "stop_at_failures"}, kFormNestingMax);
  if (!members) return tl::unexpected(members.error());
  jobs::BulkOrder order;
  const Json* const operation = members->json("operation");
  const Json* const selection = members->json("selection");
  if (operation == nullptr) return tl::unexpected(bad_value("operation", "an operation is needed"));
  if (selection == nullptr) {
    return tl::unexpected(bad_value("selection", "a selection is needed; {\"all\": true} is for every device"));
  }
  order.operation = operation->dump(-1, ' ', false, Json::error_handler_t::replace);
  if (const auto fine = forms.check(order.operation); !fine) {
    return tl::unexpected(to_problem(fine.error(), "/operation"));
  }
  auto selected = jobs::parse_selection(*selection);
  if (!selected) return tl::unexpected(to_problem(selected.error(), "/selection"));
  order.selection = std::move(*selected);
  if (const auto parallel = members->number("parallel", 1, jobs::kParallelMax)) {
    order.parallel = static_cast<std::size_t>(*parallel);
  }
  if (const auto lifetime = members->number("lifetime", 1, jobs::kBulkLifetimeMax)) order.lifetime = *lifetime;
  if (const auto stop = members->number("stop_at_failures", 1, 100)) order.stop_at = static_cast<unsigned>(*stop);
  if (const auto priority = members->text("priority")) {
    const auto parsed = parse_priority(*priority);
    if (!parsed) members->note("priority", "must be low, normal or high");
    order.priority = parsed.value_or(server::Priority::Normal);
  }
  if (members->problem()) return tl::unexpected(*members->problem());
  order.asked_by = call.state->authority->describe(call.request.caller);
  return order;
}

void change(const std::shared_ptr<Call>& call, BulkCommand command, const char* what) {
  const auto id = id_of(*call);
  if (!id) return;
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  desk->change_bulk(*id, command, answer_or_refuse<BulkView>(call, [call, desk, what](const BulkView& bulk) {
                      io::log::info(what, {{"bulk", bulk.id.value}, {"by", call->request.caller.token}});
                      call->answer(to_json(bulk, desk->forms()));
                    }));
}

}  // namespace

void list_bulks(const std::shared_ptr<Call>& call) {
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  desk->bulks([call, desk](std::vector<BulkView> bulks) {
    call->responder.then([call, desk, bulks = std::move(bulks)] {
      Json list = Json::array();
      for (const BulkView& bulk : bulks) list.push_back(to_json(bulk, desk->forms()));
      call->answer({{"bulks", std::move(list)}});
    });
  });
}

void add_bulk(const std::shared_ptr<Call>& call) {
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  auto order = order_of(*call, desk->forms());
  if (!order) return call->refuse(order.error());
  desk->add_bulk(std::move(*order), answer_or_refuse<BulkView>(call, [call, desk](const BulkView& bulk) {
                   io::log::info("bulk operation begins", {{"bulk", bulk.id.value}, {"by", call->request.caller.token}});
                   http::Response response;
                   response.status = 202;
                   response.headers.emplace_back("Location", "/api/v1/bulk/" + std::to_string(bulk.id.value));
                   response.body = to_json(bulk, desk->forms()).dump(-1, ' ', false, Json::error_handler_t::replace);
                   call->responder.answer(std::move(response));
                 }));
}

void get_bulk(const std::shared_ptr<Call>& call) {
  const auto id = id_of(*call);
  if (!id) return;
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  desk->bulk(*id, [call, desk](std::optional<BulkView> bulk) {
    call->responder.then([call, desk, bulk = std::move(bulk)] {
      if (!bulk) return refuse_unknown(*call);
      call->answer(to_json(*bulk, desk->forms()));
    });
  });
}

void list_bulk_devices(const std::shared_ptr<Call>& call) {
  const auto id = id_of(*call);
  if (!id) return;
  Parameters given(call->target);
  const auto page = page_parameters(given);
  jobs::BulkDeviceQuery query{.state = given.parsed("state", jobs::parse_bulk_device_state,
                                                    "waiting, sent, queued, done, failed, expired or cancelled"),
                              .after = page.after,
                              .limit = page.limit};
  if (given.problem()) return call->refuse(*given.problem());
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  desk->bulk_devices(*id, std::move(query),
                     answer_or_refuse<jobs::BulkDevicePage>(call, [call](const jobs::BulkDevicePage& found) {
                       Json devices = Json::array();
                       for (const jobs::BulkDevice& device : found.devices) devices.push_back(to_json(device));
                       call->answer({{"devices", std::move(devices)}, {"next", or_null(found.next)}});
                     }));
}

void pause_bulk(const std::shared_ptr<Call>& call) {
  change(call, BulkCommand::Pause, "bulk operation paused");
}
void resume_bulk(const std::shared_ptr<Call>& call) {
  change(call, BulkCommand::Resume, "bulk operation resumed");
}
void cancel_bulk(const std::shared_ptr<Call>& call) {
  change(call, BulkCommand::Cancel, "bulk operation cancelled");
}
void retry_bulk(const std::shared_ptr<Call>& call) {
  change(call, BulkCommand::Retry, "bulk operation retried");
}
void remove_bulk(const std::shared_ptr<Call>& call) {
  change(call, BulkCommand::Remove, "bulk operation removed");
}

}  // namespace drover::api
