// SPDX-License-Identifier: Apache-2.0
#include "api/operation_call.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/operation_views.hpp"

namespace drover::api {

namespace {

constexpr std::chrono::seconds kWaitDefault{
    100};  ///< MAX_TRANSMIT_WAIT of RFC 7252 §4.8.2 is 93 s: the device's end comes first
constexpr std::chrono::seconds kWaitMax{300};

void refuse(const Call& call, std::string_view name, std::string detail) {
  call.refuse({.kind = "bad-parameter",
               .detail = std::string(name) + " must be " + std::move(detail),
               .parameter = std::string(name)});
}

/// Whole seconds from 1 to `most`; `otherwise` when it isn't given.
std::optional<std::chrono::seconds> seconds_of(const Call& call, std::string_view name, std::chrono::seconds most,
                                               std::chrono::seconds otherwise) {
  const auto text = call.target.parameter(name);
  if (!text) return otherwise;
  std::int64_t seconds = 0;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error == std::errc{} && stop == text->data() + text->size() && seconds >= 1 && seconds <= most.count()) {
    return std::chrono::seconds(seconds);
  }
  refuse(call, name, "1 to " + std::to_string(most.count()) + " seconds");
  return std::nullopt;
}

template <class T>
using Named = std::pair<std::string_view, T>;

/// One of the values that have a name; the first when it isn't given.
template <class T, std::size_t Count>
std::optional<T> one_of(const Call& call, std::string_view name, const Named<T> (&values)[Count]) {
  const auto text = call.target.parameter(name);
  if (!text) return values[0].second;
  std::string names;
  for (std::size_t i = 0; i < Count; ++i) {
    if (values[i].first == *text) return values[i].second;
    names += (i == 0 ? "" : i + 1 == Count ? " or " : ", ") + std::string(values[i].first);
  }
  refuse(call, name, std::move(names));
  return std::nullopt;
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
  return seconds_of(call, "timeout", kWaitMax, kWaitDefault);
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
  static constexpr Named<bool> kNoYes[] = {{"false", false}, {"true", true}};
  static constexpr Named<bool> kYesNo[] = {{"true", true}, {"false", false}};
  static constexpr Named<Way> kWays[] = {{"auto", Way::Automatic}, {"udp", Way::Udp}, {"sms", Way::Sms}};
  static constexpr Named<Redelivery> kRedeliveries[] = {
      {"harmless", Redelivery::Harmless}, {"always", Redelivery::Always}, {"never", Redelivery::Never}};
  static constexpr Named<Priority> kPriorities[] = {
      {"normal", Priority::Normal}, {"low", Priority::Low}, {"high", Priority::High}};
  const auto timeout = timeout_of(call);
  if (!timeout) return std::nullopt;
  const auto wait = one_of(call, "wait", kNoYes);
  if (!wait) return std::nullopt;
  const auto expires = seconds_of(call, "expires", kOperationExpiresMax, std::chrono::seconds::zero());
  if (!expires) return std::nullopt;
  const auto way = one_of(call, "via", kWays);
  if (!way) return std::nullopt;
  const auto redelivery = one_of(call, "redeliver", kRedeliveries);
  if (!redelivery) return std::nullopt;
  const auto trigger = one_of(call, "trigger", kYesNo);
  if (!trigger) return std::nullopt;
  const auto priority = one_of(call, "priority", kPriorities);
  if (!priority) return std::nullopt;
  OperationRequest request{.settings = {.expires_after = *expires,
                                        .way = *way,
                                        .redelivery = *redelivery,
                                        .trigger = *trigger,
                                        .priority = *priority,
                                        .asked_by = call.state->authority->describe(call.request.caller)},
                           .timeout = *timeout,
                           .wait = *wait,
                           .async = call.request.respond_async && !*wait};
  // Nobody waits for it: what is said to be under way outlives a kill.
  request.settings.durable = request.async;
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
