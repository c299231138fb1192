// SPDX-License-Identifier: Apache-2.0
// Routes for tags on devices, which needn't be registered.
#include <nlohmann/json.hpp>

#include "api/job_views.hpp"
#include "api/members.hpp"
#include "api/parameters.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

using Change = jobs::Tags::Change;

Json tags_json(const std::string& endpoint, const jobs::TagSet& tags) {
  return {{"endpoint", endpoint}, {"tags", tags}};
}

void change(const std::shared_ptr<Call>& call, jobs::Desk& desk, jobs::TagSet tags, Change how) {
  desk.change_tags(call->endpoint, std::move(tags), how,
                   answer_or_refuse<jobs::TagSet>(call, [call](const jobs::TagSet& now) {
                     io::log::info("tags changed", {{"endpoint", call->endpoint},
                                                    {"tags", now.size()},
                                                    {"by", call->request.caller.token}});
                     call->answer(tags_json(call->endpoint, now));
                   }));
}

}  // namespace

void list_tags(const std::shared_ptr<Call>& call) {
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  Json list = Json::array();
  for (const auto& [tag, devices] : desk->tags().counts()) list.push_back({{"tag", tag}, {"devices", devices}});
  call->answer({{"tags", std::move(list)}});
}

void get_tags(const std::shared_ptr<Call>& call) {
  jobs::Desk* const desk = jobs_of(*call);
  if (desk != nullptr) call->answer(tags_json(call->endpoint, desk->tags().of(call->endpoint)));
}

void put_tags(const std::shared_ptr<Call>& call) {
  Parameters given(call->target);
  const bool keep = given.truth("keep", false);
  if (given.problem()) return call->refuse(*given.problem());
  auto members = Members::parse(call->request, {"tags"});
  if (!members) return call->refuse(members.error());
  const auto list = members->texts("tags");
  if (members->problem()) return call->refuse(*members->problem());
  if (!list) return call->refuse(bad_value("tags", "tags are needed: a list of texts"));
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  change(call, *desk, {list->begin(), list->end()}, keep ? Change::Add : Change::Replace);
}

void remove_tags(const std::shared_ptr<Call>& call) {
  jobs::Desk* const desk = jobs_of(*call);
  if (desk == nullptr) return;
  const auto names = call->target.parameter("tag");
  if (!names) return change(call, *desk, {}, Change::Replace);
  change(call, *desk, [&] {
    const auto list = comma_separated(*names);
    return jobs::TagSet(list.begin(), list.end());
  }(), Change::Remove);
}

}  // namespace drover::api
