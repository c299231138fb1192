// SPDX-License-Identifier: Apache-2.0
#include "api/audit_recorder.hpp"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "api/problem.hpp"
#include "api/routes.hpp"
#include "api/target.hpp"
#include "api/tokens.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"

namespace drover::api {

namespace {

constexpr std::size_t kRefusedCells = 1024;
constexpr std::string_view kHidden = "***";
constexpr std::string_view kPlain = ":@!$'()*,;";  ///< of a path's characters (RFC 3986 §3.3), those that read well
constexpr const char* kOpen = "loopback without token";
constexpr const char* kNobody = "nobody known";

/// RFC 9110 §9.2.1.
bool is_safe(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

/// Whoever wasn't let in, or asks too often.
bool is_refusal(unsigned status) {
  return status == 401 || status == 403 || status == 421 || status == 429;
}

/// Whether a token, or so much of one that it would help to guess the rest, is somewhere in it.
bool holds_token(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  for (std::size_t at = text.find(kTokenPrefix); at != std::string_view::npos; at = text.find(kTokenPrefix, at + 1)) {
    const std::string_view behind = text.substr(at + kTokenPrefix.size());
    if (std::ranges::find_if_not(behind, fits) - behind.begin() >= AuditRecorder::kTokenPartMax) return true;
  }
  return false;
}

std::string without_tokens(const std::string& text) {
  return holds_token(text) ? std::string(kHidden) : text;
}

std::string host_of(const std::string& peer) {
  return peer.substr(0, peer.rfind(':'));
}

}  // namespace

std::string auditable_target(const http::Request& request) {
  const auto target = parse_target(request.target);
  if (!target) return "";
  std::string text;
  for (const std::string& segment : target->segments) text += "/" + percent_encode(without_tokens(segment), kPlain);
  const auto found = find_route(request.method, *target);
  char before = '?';
  for (const auto& [name, value] : target->parameters) {
    const bool known = found.route != nullptr && std::ranges::find(found.route->parameters, name) != found.route->parameters.end();
    text += before + (known ? name + "=" + percent_encode(without_tokens(value), kPlain) : std::string(kHidden));
    before = '&';
  }
  if (text.size() > AuditRecorder::kTargetMax) text.resize(AuditRecorder::kTargetMax);
  return text;
}

class AuditRecorder::RequestWitness final : public http::Witness {
 public:
  RequestWitness(std::shared_ptr<AuditRecorder> recorder, audit::Record record, std::string host)
      : recorder_(std::move(recorder)), record_(std::move(record)), host_(std::move(host)) {}
  void write_down(const http::Response& answer, std::function<void()> done) override {
    recorder_->note(std::move(record_), answer, host_, std::move(done));
  }

 private:
  std::shared_ptr<AuditRecorder> recorder_;
  audit::Record record_;
  std::string host_;
};

AuditRecorder::AuditRecorder(audit::Trail& trail, std::shared_ptr<Authority> authority)
    : trail_(trail), authority_(std::move(authority)), limiter_(kRefusedPerSecond, kRefusedBurst, kRefusedCells) {}

std::optional<http::Response> AuditRecorder::check(const http::Request& request) const {
  if (is_safe(request.method) || !trail_.is_full()) return std::nullopt;
  return to_response(Problem{.status = 503,
                             .kind = "unrecorded",
                             .detail = "the server can't write down who asks for what; nothing was done"});
}

std::unique_ptr<http::Witness> AuditRecorder::witness(const http::Request& request) {
  if (is_safe(request.method) || trail_.is_full()) return nullptr;
  audit::Record record;
  record.at = io::unix_now();
  // Now: the request may be the one that removes its own token.
  const bool known = request.caller.token != 0;
  record.who = known ? authority_->describe(request.caller) : authority_->is_open() ? kOpen : kNobody;
  if (known || authority_->is_open()) record.role = to_string(request.caller.role);
  record.address = request.peer;
  record.action = request.method;
  record.target = auditable_target(request);
  return std::make_unique<RequestWitness>(shared_from_this(), std::move(record), host_of(request.peer));
}

void AuditRecorder::note(audit::Record record, const http::Response& answer, const std::string& host,
                         std::function<void()> done) {
  record.status = answer.status;
  record.refused = is_refusal(answer.status);
  for (const auto& [name, value] : answer.headers) {
    if (name == "Location") record.location = value;
  }
  if (record.refused) {
    // Whoever tries and tries gets neither the disk nor the record of what others did.
    if (!limiter_.allow(io::now(), std::hash<std::string>{}(host))) {
      ++unrecorded_;
      return done();
    }
    record.unrecorded = std::exchange(unrecorded_, 0);
    if (record.who == kOpen) {
      record.who = kNobody;
      record.role.clear();
    }
  }
  io::log::info("audit", {{"who", record.who},
                          {"role", record.role},
                          {"address", record.address},
                          {"action", record.action},
                          {"target", record.target},
                          {"status", answer.status},
                          {"location", record.location}});
  if (!record.refused) return trail_.note(std::move(record), std::move(done));
  trail_.note(std::move(record), {});
  done();
}

}  // namespace drover::api
