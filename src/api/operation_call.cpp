// SPDX-License-Identifier: Apache-2.0
#include "api/operation_call.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/operation_views.hpp"
#include "api/parameters.hpp"

namespace drover::api {

namespace {

constexpr std::chrono::seconds kWaitDefault{
    100};  ///< MAX_TRANSMIT_WAIT of RFC 7252 §4.8.2 is 93 s: the device's end comes first
constexpr std::chrono::seconds kWaitMax{300};

/// Whole seconds from 1 to `most`.
std::optional<std::chrono::seconds> seconds_of(Parameters& given, std::string_view name, std::chrono::seconds most) {
  const auto seconds = given.number(name, 1, static_cast<std::uint64_t>(most.count()), " seconds");
  return seconds ? std::optional(std::chrono::seconds(*seconds)) : std::nullopt;
}

/// A call that waits for its operation. Used on the HTTP thread but for its first and last step.
class Follower : public std::enable_shared_from_this<Follower> {
 public:
  Follower(std::shared_ptr<Call> call, const OperationRequest& request,
           std::function<void(const server::OperationResult&)> finish,
           std::function<http::Response(const server::OperationStatus&)> accept)
      : call_(std::move(call)), request_(request), finish_(std::move(finish)), accept_(std::move(accept)) {}

  /// Whether more is to be said.
  bool handle(const server::OperationStatus& status) {
    const bool over = status.result.has_value();
    const bool enough = status.state == server::OperationState::Queued ? !request_.wait : request_.async;
    call_->responder.then([self = shared_from_this(), status, over, enough] {
      if (over) return self->finish_(*status.result);
      if (status.state == server::OperationState::Queued) self->queued_ = true;
      self->last_ = status;
      if (enough) self->call_->responder.answer(self->let_go());
    });
    return !over && !enough;
  }

  [[nodiscard]] http::Response end_of_wait() const {
    return queued_ ? let_go() : waited_too_long(request_.timeout);
  }

 private:
  [[nodiscard]] http::Response let_go() const {
    http::Response response = accept_(last_);
    if (request_.async) response.headers.emplace_back("Preference-Applied", "respond-async");
    return response;
  }

  std::shared_ptr<Call> call_;
  OperationRequest request_;
  std::function<void(const server::OperationResult&)> finish_;
  std::function<http::Response(const server::OperationStatus&)> accept_;
  server::OperationStatus last_;
  bool queued_ = false;
};

}  // namespace

bool is_operation_parameter(std::string_view name) {
  return std::find(kOperationParameters.begin(), kOperationParameters.end(), name) != kOperationParameters.end();
}

std::optional<std::chrono::seconds> timeout_of(const Call& call) {
  Parameters given(call.target);
  const auto wait = seconds_of(given, "timeout", kWaitMax).value_or(kWaitDefault);
  if (!given.problem()) return wait;
  call.refuse(*given.problem());
  return std::nullopt;
}

http::Response waited_too_long(std::chrono::seconds wait) {
  return to_response(Problem{
      .status = 504,
      .kind = "no-answer",
      .detail = "no answer after " + std::to_string(wait.count()) + " s; the operation may still take place",
      .no_answer = "timeout"});
}

std::optional<server::Priority> parse_priority(std::string_view text) {
  for (const server::Priority one : {server::Priority::Low, server::Priority::Normal, server::Priority::High}) {
    if (text == server::to_string(one)) return one;
  }
  return std::nullopt;
}

std::optional<OperationRequest> operation_request(const Call& call) {
  using server::Priority;
  using server::Redelivery;
  using server::Way;
  Parameters given(call.target);
  OperationRequest request;
  request.timeout = seconds_of(given, "timeout", kWaitMax).value_or(kWaitDefault);
  request.wait = given.truth("wait", false);
  request.async = call.request.respond_async && !request.wait;
  server::OperationSettings& settings = request.settings;
  settings.expires_after = seconds_of(given, "expires", kOperationExpiresMax).value_or(std::chrono::seconds::zero());
  settings.way = given.choice<Way>("via", {{"auto", Way::Automatic}, {"udp", Way::Udp}, {"sms", Way::Sms}}).value_or(Way::Automatic);
  settings.redelivery = given.choice<Redelivery>("redeliver", {{"harmless", Redelivery::Harmless}, {"always", Redelivery::Always}, {"never", Redelivery::Never}})
                            .value_or(Redelivery::Harmless);
  settings.trigger = given.truth("trigger", true);
  settings.priority = given.parsed("priority", parse_priority, "low, normal or high").value_or(Priority::Normal);
  if (given.problem()) {
    call.refuse(*given.problem());
    return std::nullopt;
  }
  settings.asked_by = call.state->authority->describe(call.request.caller);
  // Nobody waits for it: what is said to be under way outlives a kill.
  settings.durable = request.async;
  return request;
}

Progress follow_operation(const std::shared_ptr<Call>& call, const OperationRequest& request,
                          std::function<void(const server::OperationResult&)> finish,
                          std::function<http::Response(const server::OperationStatus&)> accept) {
  const auto follower = std::make_shared<Follower>(call, request, std::move(finish), std::move(accept));
  // Its owner: the wait goes with the request.
  call->responder.answer_within(request.timeout, [follower] { return follower->end_of_wait(); });
  return [weak = std::weak_ptr(follower)](const server::OperationStatus& status) {
    const auto still = weak.lock();
    return still != nullptr && still->handle(status);
  };
}

http::Response accepted(const server::OperationStatus& status) {
  http::Response response;
  response.status = 202;
  response.headers.emplace_back("Location", location_of(status));
  response.body = to_json(status).dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

}  // namespace drover::api
