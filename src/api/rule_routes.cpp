// SPDX-License-Identifier: Apache-2.0
// Routes for what is done with devices when they register.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/job_views.hpp"
#include "api/members.hpp"
#include "api/parameters.hpp"
#include "io/log.hpp"
#include "jobs/rule_text.hpp"

namespace drover::api {

namespace {

using jobs::RuleView;

}  // namespace

void list_rules(const std::shared_ptr<Call>& call) {
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  desk->rules([call](std::vector<RuleView> rules) {
    call->responder.then([call, rules = std::move(rules)] {
      Json list = Json::array();
      for (const RuleView& rule : rules) list.push_back(to_json(rule));
      call->answer({{"rules", std::move(list)}});
    });
  });
}

void get_rule(const std::shared_ptr<Call>& call) {
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  desk->rules([call](std::vector<RuleView> rules) {
    call->responder.then([call, rules = std::move(rules)] {
      const auto found = std::ranges::find_if(rules, [&](const RuleView& one) { return one.rule.name == call->rest; });
      if (found != rules.end()) return call->answer(to_json(*found));
      call->refuse({.status = 404, .kind = "not-found", .detail = "there is no rule of that name"});
    });
  });
}

void put_rule(const std::shared_ptr<Call>& call) {
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  const auto members =
      Members::parse(call->request, {"enabled", "condition", "ask", "when", "stop_on_failure", "steps"}, kFormNestingMax);
  if (!members) return call->refuse(members.error());
  auto rule = jobs::parse_rule(call->rest, members->all(), desk->forms());
  if (!rule) return call->refuse(to_problem(rule.error()));
  desk->put_rule(std::move(*rule), answer_or_refuse<RuleView>(call, [call](const RuleView& kept) {
                   io::log::info("rule changed", {{"rule", kept.rule.name}, {"by", call->request.caller.token}});
                   call->answer(to_json(kept));
                 }));
}

void remove_rule(const std::shared_ptr<Call>& call) {
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  desk->remove_rule(call->rest, answer_or_refuse<RuleView>(call, [call](const RuleView& gone) {
                      io::log::info("rule removed", {{"rule", gone.rule.name}, {"by", call->request.caller.token}});
                      call->answer(to_json(gone));
                    }));
}

void list_rule_devices(const std::shared_ptr<Call>& call) {
  Parameters given(call->target);
  const auto page = page_parameters(given);
  jobs::RuleDeviceQuery query{.state = given.parsed("state", jobs::parse_rule_device_state, "running, done or failed"),
                              .after = page.after,
                              .limit = page.limit};
  if (given.problem()) return call->refuse(*given.problem());
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  desk->rule_devices(call->rest, std::move(query),
                     answer_or_refuse<jobs::RuleDevicePage>(call, [call](const jobs::RuleDevicePage& found) {
                       Json devices = Json::array();
                       for (const jobs::RuleDevice& device : found.devices) devices.push_back(to_json(device));
                       call->answer({{"devices", std::move(devices)}, {"next", or_null(found.next)}});
                     }));
}

}  // namespace drover::api
