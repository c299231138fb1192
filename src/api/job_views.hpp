// SPDX-License-Identifier: Apache-2.0
// What the routes of bulk operations, rules and tags share. For api/ alone.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/call.hpp"
#include "api/parameters.hpp"
#include "jobs/desk.hpp"

namespace drover::api {

/// nullptr, and the answer is given, when the server has none; else the call waits for it.
jobs::Desk* jobs_of(const Call& call);
/// `place` is the pointer to what the refusal's field is a member of, such as "/selection".
Problem to_problem(const store::Refusal& refusal, const std::string& place = {});

Json to_json(const jobs::BulkView& bulk, const jobs::Forms& forms);
Json to_json(const jobs::BulkDevice& device);
Json to_json(const jobs::RuleView& rule);
Json to_json(const jobs::RuleDevice& device);

/// ?after= and ?limit= of a page of devices; nothing, and the call is refused, when they are wrong.
struct PageParameters {
  std::string after;
  std::size_t limit = 100;
};
PageParameters page_parameters(Parameters& given);
Json or_null(const std::string& text);

/// Answers with `body` in the HTTP thread, or refuses.
template <class T>
std::function<void(store::Answer<T>)> answer_or_refuse(const std::shared_ptr<Call>& call,
                                                       std::function<void(const T&)> answer) {
  return [call, answer = std::move(answer)](store::Answer<T> made) {
    call->responder.then([call, answer, made = std::move(made)] {
      if (!made) return call->refuse(to_problem(made.error()));
      answer(*made);
    });
  };
}

/// As `tags` shows them. Nothing is added without a desk.
void add_tags(Json& device, const State& state, const std::string& endpoint);

}  // namespace drover::api
