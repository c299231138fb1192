// SPDX-License-Identifier: Apache-2.0
#include "api/problem.hpp"

#include <nlohmann/json.hpp>

#include "coap/message/code.hpp"
#include "lwm2m/content/base64.hpp"

namespace drover::api {

namespace {

/// CoAP clients retry by the binding's rules already; this is a hint for people's scripts.
constexpr std::string_view kRetryAfterSeconds = "5";
/// Diagnostic text of a device that is shown; more stays in `payload`.
constexpr std::size_t kDiagnosticMax = 200;

std::string_view title_of(std::string_view kind) {
  static constexpr std::pair<std::string_view, std::string_view> kTitles[] = {
      {"bad-request", "Not an HTTP request"},
      {"bad-parameter", "A query parameter is wrong"},
      {"bad-path", "Not a path for this operation"},
      {"bad-body", "The request body can't be read"},
      {"bad-value", "A value doesn't fit the object model"},
      {"unknown-resource", "There is nothing at this URL"},
      {"method-not-allowed", "This URL has no such method"},
      {"not-registered", "The device is not registered"},
      {"device-answer", "The device answered with an error"},
      {"no-answer", "The device didn't answer"},
      {"busy", "Too much at once"},
      {"registration-ended", "The registration ended"},
      {"queue-full", "Too much waits for the sleeping device"},
      {"expired", "The operation's time was over"},
      {"cancelled", "The operation was cancelled"},
      {"unreachable", "There is no such way to the device"},
      {"unauthorized", "A token is needed"},
      {"forbidden", "The token's role doesn't suffice"},
      {"too-many-requests", "Too many requests"},
      {"bad-range", "There is nothing of that range"},
      {"conflict", "It doesn't go with what there is"},
      {"no-store", "There is no store"},
      {"no-sms", "The server speaks no SMS"},
      {"no-history", "The server keeps no values"},
      {"no-bootstrap", "There is no bootstrap server"},
      {"no-automation", "There are no bulk operations, rules and tags"},
      {"foreign-host", "The request names another host"},
      {"foreign-origin", "The request comes from another site"},
      {"unsupported-media-type", "The body's media type isn't supported"},
      {"too-large", "The request is too large"},
      {"sink-failed", "The receiver didn't take it"},
      {"not-found", "Not known"},
      {"unrecorded", "The server can't write it down"},
      {"unavailable", "The server can't answer now"},
      {"internal", "The server made a mistake"},
  };
  for (const auto& [known, title] : kTitles) {
    if (known == kind) return title;
  }
  return "Problem";
}

unsigned http_status_of(coap::Code code) {
  if (code == coap::code::kUnauthorized) return 403;
  if (code == coap::code::kNotImplemented) return 501;
  if (code == coap::code::kServiceUnavailable) return 503;
  for (const coap::Code mirrored :
       {coap::code::kBadRequest, coap::code::kForbidden, coap::code::kNotFound, coap::code::kMethodNotAllowed,
        coap::code::kNotAcceptable, coap::code::kPreconditionFailed, coap::code::kRequestEntityTooLarge,
        coap::code::kUnsupportedContentFormat}) {
    if (code == mirrored) return 400 + static_cast<unsigned>(mirrored.detail());
  }
  return 502;
}

coap::Code wire_code(const lwm2m::Outcome& outcome) {
  using lwm2m::Status;
  if (outcome.code != 0) return coap::Code(outcome.code);
  switch (outcome.status) {
    case Status::Created: return coap::code::kCreated;
    case Status::Deleted: return coap::code::kDeleted;
    case Status::Changed: return coap::code::kChanged;
    case Status::Content: return coap::code::kContent;
    case Status::Valid: return coap::code::kValid;
    case Status::BadRequest: return coap::code::kBadRequest;
    case Status::Unauthorized: return coap::code::kUnauthorized;
    case Status::BadOption: return coap::code::kBadOption;
    case Status::Forbidden: return coap::code::kForbidden;
    case Status::NotFound: return coap::code::kNotFound;
    case Status::MethodNotAllowed: return coap::code::kMethodNotAllowed;
    case Status::NotAcceptable: return coap::code::kNotAcceptable;
    case Status::EntityIncomplete: return coap::code::kRequestEntityIncomplete;
    case Status::PreconditionFailed: return coap::code::kPreconditionFailed;
    case Status::EntityTooLarge: return coap::code::kRequestEntityTooLarge;
    case Status::UnsupportedFormat: return coap::code::kUnsupportedContentFormat;
    case Status::InternalError: return coap::code::kInternalServerError;
    case Status::NotImplemented: return coap::code::kNotImplemented;
    case Status::ServiceUnavailable: return coap::code::kServiceUnavailable;
    case Status::Other: break;
  }
  return coap::code::kInternalServerError;
}

}  // namespace

std::string code_of(const lwm2m::Outcome& outcome) {
  return wire_code(outcome).to_string();
}
std::string status_of(const lwm2m::Outcome& outcome) {
  return wire_code(outcome).name();
}

nlohmann::ordered_json to_json(const Problem& problem) {
  nlohmann::ordered_json body = {
      {"type", "urn:drover:problem:" + std::string(problem.kind)},
      {"title", title_of(problem.kind)},
      {"status", problem.status},
      {"detail", problem.detail},
  };
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value;
  };
  add("pointer", problem.pointer);
  add("parameter", problem.parameter);
  add("coap_code", problem.coap_code);
  add("coap_reason", problem.coap_reason);
  add("payload", problem.payload);
  add("no_answer", problem.no_answer);
  for (const ProblemLine& line : problem.lines) body["lines"].push_back({{"line", line.line}, {"detail", line.detail}});
  return body;
}

http::Response to_response(const Problem& problem) {
  http::Response response;
  response.status = problem.status;
  response.content_type = "application/problem+json";
  response.body = to_json(problem).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  if (problem.status == 503) response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  // RFC 9110 §15.5.6 asks for Allow; that the device allows nothing of this kind here is what the empty list says.
  if (problem.status == 405 && problem.kind == "device-answer") response.headers.emplace_back("Allow", "");
  return response;
}

Problem device_problem(const lwm2m::Outcome& outcome, std::string_view hint) {
  const coap::Code code = wire_code(outcome);
  std::string reason = code.name();
  // An error's payload is a diagnostic text (RFC 7252 §5.5.2), unless it has a format.
  const auto text = as_text(outcome.payload);
  if (!outcome.format && !text.empty() && is_utf8(text) && text.size() <= kDiagnosticMax) {
    if (!reason.empty()) reason += ": ";
    reason += text;
  }
  return {.status = http_status_of(code),
          .kind = "device-answer",
          .detail = "the device answered " + code.to_string() + (reason.empty() ? std::string() : " " + reason) +
                    (hint.empty() ? std::string() : "; " + std::string(hint)),
          .coap_code = code.to_string(),
          .coap_reason = reason,
          .payload = lwm2m::content::to_base64(outcome.payload)};
}

std::string_view name_of(server::NoAnswer why) {
  using server::NoAnswer;
  switch (why) {
    case NoAnswer::NotRegistered: return "not-registered";
    case NoAnswer::Timeout: return "timeout";
    case NoAnswer::Reset: return "reset";
    case NoAnswer::Malformed: return "malformed";
    case NoAnswer::TooLarge: return "too-large";
    case NoAnswer::Refused: return "refused";
    case NoAnswer::Gone: return "gone";
    case NoAnswer::QueueFull: return "queue-full";
    case NoAnswer::Expired: return "expired";
    case NoAnswer::Cancelled: return "cancelled";
    case NoAnswer::Unreachable: return "unreachable";
  }
  return "refused";
}

Problem no_answer_problem(server::NoAnswer why, const std::string& endpoint) {
  using server::NoAnswer;
  const std::string device = "device \"" + endpoint + "\" ";
  const auto make = [why](unsigned status, std::string_view kind, std::string detail) {
    return Problem{
        .status = status, .kind = kind, .detail = std::move(detail), .no_answer = std::string(name_of(why))};
  };
  switch (why) {
    case NoAnswer::NotRegistered: return make(404, "not-registered", device + "is not registered");
    case NoAnswer::Timeout: return make(504, "no-answer", device + "didn't answer in time");
    case NoAnswer::Reset: return make(502, "no-answer", device + "rejected the message (Reset)");
    case NoAnswer::Malformed: return make(502, "no-answer", device + "sent a malformed answer");
    case NoAnswer::TooLarge: return make(502, "no-answer", "the body is larger than the server takes");
    case NoAnswer::Refused: return make(503, "busy", "too many operations wait for " + device);
    case NoAnswer::Gone: return make(410, "registration-ended", "the registration of " + device + "ended meanwhile");
    case NoAnswer::QueueFull: return make(503, "queue-full", "too much waits for " + device + "to wake");
    case NoAnswer::Expired: return make(504, "expired", "the operation's time was over before " + device + "answered");
    case NoAnswer::Cancelled:
      return make(409, "cancelled", "the operation was cancelled before " + device + "answered");
    case NoAnswer::Unreachable:
      return make(409, "unreachable",
                  device + "can't be reached that way: its binding, its number or the server's carriers don't have it");
  }
  return make(500, "internal", "unknown cause");
}

}  // namespace drover::api
