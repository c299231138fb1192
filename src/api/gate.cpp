// SPDX-License-Identifier: Apache-2.0
#include "api/gate.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>

#include "api/host_guard.hpp"
#include "api/problem.hpp"
#include "api/routes.hpp"
#include "api/target.hpp"
#include "api/tokens.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

constexpr UnixSeconds kRefusalsLoggedEvery = 10;  ///< whoever tries many fills no disk

std::optional<http::Response> refuse_stranger(const http::Request& request) {
  if (!http::is_loopback_host(request.host)) {
    return to_response(Problem{.status = 421,
                               .kind = "foreign-host",
                               .detail = "Host must be localhost or a loopback address"});
  }
  if (request.origin && !http::is_same_origin(*request.origin, request.host, request.secure)) {
    return to_response(
        Problem{.status = 403, .kind = "foreign-origin", .detail = "requests of pages from elsewhere are refused"});
  }
  return std::nullopt;
}

/// What the target's route asks for. What isn't there says so to those who may read.
std::optional<Role> role_for(http::Request& request) {
  const auto target = parse_target(request.target);
  if (!target) return Role::Read;
  const auto found = find_route(request.method, *target);
  if (found.route == nullptr) return Role::Read;
  request.route = found.route->path;
  request.route_method = found.route->method;
  return found.route->role;
}

/// "127.0.0.1:40000", "[::1]:40000", and IPv4 as IPv6 writes it.
bool is_on_this_machine(const std::string& peer) {
  return http::is_loopback_host(peer.starts_with("[::ffff:") ? peer.substr(8, peer.rfind(']') - 8) : peer);
}

http::Response with_challenge(Problem problem, const std::string& parameters) {
  auto response = to_response(problem);
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"drover\"" + parameters);
  return response;
}

}  // namespace

std::optional<http::Response> Gate::check(http::Request& request) {
  const auto role = role_for(request);
  if (authority_->is_open()) {
    request.caller = Caller{0, Role::Admin};
    if (auto stranger = refuse_stranger(request)) return stranger;
    if (!role) return std::nullopt;
    return limit(std::hash<std::string_view>{}(std::string_view(request.peer).substr(0, request.peer.rfind(':'))));
  }
  if (!role) return std::nullopt;
  const bool open_metrics = metrics_open_ && request.route == kMetricsPath && request.authorization.empty();
  if (open_metrics && is_on_this_machine(request.peer)) return refuse_stranger(request);
  const auto caller = authority_->authenticate(request.authorization);
  if (!caller) return unauthorized(request, caller.error());
  request.caller = *caller;
  if (auto slower = limit(caller->token)) return slower;
  if (caller->role >= *role) return std::nullopt;
  const std::string needed = to_string(*role);
  return with_challenge({.status = 403,
                         .kind = "forbidden",
                         .detail = "this needs a token of role " + needed + "; yours has " + to_string(caller->role)},
                        ", error=\"insufficient_scope\", scope=\"" + needed + "\"");
}

std::optional<http::Response> Gate::limit(std::uint64_t who) {
  const Instant now = io::now();
  const std::lock_guard lock(mutex_);
  if (limiter_.allow(now, who)) return std::nullopt;
  auto response = to_response(Problem{
      .status = 429, .kind = "too-many-requests", .detail = "more requests than the server takes from one caller"});
  const auto wait = std::chrono::ceil<std::chrono::seconds>(limiter_.wait(now, who));
  response.headers.emplace_back("Retry-After", std::to_string(std::max<std::int64_t>(wait.count(), 1)));
  return response;
}

void Gate::set_rate(const Rate& rate) {
  const std::lock_guard lock(mutex_);
  limiter_ = limiter_of(rate);
}

http::Response Gate::unauthorized(const http::Request& request, Authority::Refusal refusal) {
  using Refusal = Authority::Refusal;
  if (refusal == Refusal::Missing) {
    return with_challenge({.status = 401,
                           .kind = "unauthorized",
                           .detail = "a token is needed: Authorization: Bearer drover_..., made by drover token add"},
                          "");
  }
  log_refusal(request, refusal == Refusal::Expired ? "expired" : "unknown");
  const char* const why = refusal == Refusal::Expired ? "the token has expired" : "the token isn't known";
  return with_challenge({.status = 401, .kind = "unauthorized", .detail = why},
                        std::string(", error=\"invalid_token\", error_description=\"") + why + "\"");
}

void Gate::log_refusal(const http::Request& request, const char* why) {
  ++refused_since_;
  const UnixSeconds now = io::unix_now();
  if (now >= logged_at_ && now < logged_at_ + kRefusalsLoggedEvery) return;
  logged_at_ = now;
  io::log::warn("API token refused", {{"address", request.peer}, {"why", why}, {"refused", refused_since_}});
  refused_since_ = 0;
}

}  // namespace drover::api
