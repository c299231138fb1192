// SPDX-License-Identifier: Apache-2.0
// Routes for SMS: how the carrier is doing, and the numbers of devices. Keys come in and never go out again, except for
// those that were made here: they are in the answer to the one that asked for them.
#include <limits>
#include <nlohmann/json.hpp>

#include "api/call.hpp"
#include "api/parameters.hpp"
#include "api/sms_body.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

using store::SmsAccount;
using store::SmsAccountId;
using Answer = store::Answer<SmsAccount>;

constexpr const char* kNumbers = "/api/v1/sms/numbers";

/// nullptr, and the answer is given, when the server has none.
store::SmsAccountList* list_of(const Call& call) {
  store::SmsAccountList* const list = call.state->sms_accounts;
  if (list == nullptr) {
    call.refuse({.status = 501,
                 .kind = "no-store",
                 .detail = "this server keeps no numbers of devices: give it a store file (--store)"});
  } else {
    call.responder.answer_within(kServerWait, slow_server());
  }
  return list;
}

Problem not_found() {
  return {.status = 404, .kind = "not-found", .detail = "there is no number of that id"};
}

/// 0 for what is no id, and then the answer is given.
SmsAccountId id_of(const Call& call) {
  const auto id = whole_number(call.rest, 1, std::numeric_limits<std::int64_t>::max() - 1);
  if (!id) call.refuse(not_found());
  return {id.value_or(0)};
}

void log(const char* what, const Call& call, const SmsAccount& account) {
  io::log::info(what, {{"account", account.id.value},
                       {"msisdn", account.msisdn},
                       {"endpoint", account.endpoint},
                       {"protection", store::to_string(account.protection)},
                       {"enabled", account.enabled ? "yes" : "no"},
                       {"by", call.request.caller.token}});
}

/// As it is after a change.
void answer_with(const Call& call, const Answer& answer, const char* what) {
  if (!answer) return call.refuse(number_problem(answer.error()));
  log(what, call, *answer);
  call.answer(to_json(*answer, call.state->sms_accounts->counters(answer->id)));
}

/// For a new number; the one place where keys are shown.
void answer_new(const Call& call, const SmsAccount& account, const Secret<Bytes>& generated) {
  Json body = to_json(account, {});
  if (!generated.empty()) body["keys"] = to_hex(generated.reveal());
  http::Response response;
  response.status = 201;
  response.headers.emplace_back("Location", std::string(kNumbers) + "/" + std::to_string(account.id.value));
  response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  call.responder.answer(std::move(response));
}

tl::expected<store::SmsAccountQuery, Problem> query_of(const Target& target) {
  Parameters given(target);
  store::SmsAccountQuery query;
  query.endpoint = given.text("endpoint");
  query.after.value = given.after_id();
  query.limit = given.limit();
  if (given.problem()) return tl::unexpected(*given.problem());
  return query;
}

}  // namespace

void get_sms(const std::shared_ptr<Call>& call) {
  SmsCarrier* const carrier = call->state->sms;
  if (carrier == nullptr) {
    return call->refuse({.status = 404,
                         .kind = "no-sms",
                         .detail = "this server speaks no SMS: give it a carrier (smpp or modem in [sms])"});
  }
  call->responder.answer_within(kServerWait, slow_server());
  carrier->view([call](const SmsView& view) { call->answer(to_json(view)); });
}

void list_numbers(const std::shared_ptr<Call>& call) {
  auto query = query_of(call->target);
  if (!query) return call->refuse(query.error());
  auto* const list = list_of(*call);
  if (list == nullptr) return;
  list->page(std::move(*query), [call, list](store::SmsAccountPage page) {
    call->responder.then([call, list, page = std::move(page)] {
      Json numbers = Json::array();
      for (const SmsAccount& account : page.accounts) numbers.push_back(to_json(account, list->counters(account.id)));
      call->answer({{"numbers", std::move(numbers)},
                    {"total", page.total},
                    {"next", page.next == SmsAccountId{} ? Json(nullptr) : Json(page.next.value)}});
    });
  });
}

void get_number(const std::shared_ptr<Call>& call) {
  auto* const list = list_of(*call);
  if (list == nullptr) return;
  const SmsAccountId id = id_of(*call);
  if (id == SmsAccountId{}) return;
  const auto account = list->find(id);
  if (!account) return call->refuse(not_found());
  call->answer(to_json(*account, list->counters(id)));
}

void add_number(const std::shared_ptr<Call>& call) {
  auto* const list = list_of(*call);
  if (list == nullptr) return;
  auto asked = new_number_body(call->request);
  if (!asked) return call->refuse(asked.error());
  list->add(std::move(asked->value), [call, generated = std::move(asked->generated)](const Answer& added) {
    if (!added) return call->refuse(number_problem(added.error()));
    log("SMS number added", *call, *added);
    answer_new(*call, *added, generated);
  });
}

void change_number(const std::shared_ptr<Call>& call) {
  auto* const list = list_of(*call);
  if (list == nullptr) return;
  const SmsAccountId id = id_of(*call);
  if (id == SmsAccountId{}) return;
  auto change = number_change_body(call->request);
  if (!change) return call->refuse(change.error());
  list->change(id, std::move(*change),
               [call](const Answer& changed) { answer_with(*call, changed, "SMS number changed"); });
}

void remove_number(const std::shared_ptr<Call>& call) {
  auto* const list = list_of(*call);
  if (list == nullptr) return;
  const SmsAccountId id = id_of(*call);
  if (id == SmsAccountId{}) return;
  const store::SmsCounters counters = list->counters(id);
  list->remove(id, [call, counters](const Answer& removed) {
    if (!removed) return call->refuse(number_problem(removed.error()));
    log("SMS number removed", *call, *removed);
    call->answer(to_json(*removed, counters));
  });
}

}  // namespace drover::api
