// SPDX-License-Identifier: Apache-2.0
// Outcome <-> Response (Transport "Response Codes", Tables 5 to 8).
#include <array>

#include "lwm2m/mapping/mapping.hpp"

namespace drover::lwm2m::mapping {

namespace {

struct Row {
  Status status;
  coap::Code code;
};

constexpr std::array kRows = {
    Row{Status::Created, coap::code::kCreated},
    Row{Status::Deleted, coap::code::kDeleted},
    Row{Status::Changed, coap::code::kChanged},
    Row{Status::Content, coap::code::kContent},
    Row{Status::Valid, coap::code::kValid},
    Row{Status::BadRequest, coap::code::kBadRequest},
    Row{Status::Unauthorized, coap::code::kUnauthorized},
    Row{Status::BadOption, coap::code::kBadOption},
    Row{Status::Forbidden, coap::code::kForbidden},
    Row{Status::NotFound, coap::code::kNotFound},
    Row{Status::MethodNotAllowed, coap::code::kMethodNotAllowed},
    Row{Status::NotAcceptable, coap::code::kNotAcceptable},
    Row{Status::EntityIncomplete, coap::code::kRequestEntityIncomplete},
    Row{Status::PreconditionFailed, coap::code::kPreconditionFailed},
    Row{Status::EntityTooLarge, coap::code::kRequestEntityTooLarge},
    Row{Status::UnsupportedFormat, coap::code::kUnsupportedContentFormat},
    Row{Status::InternalError, coap::code::kInternalServerError},
    Row{Status::NotImplemented, coap::code::kNotImplemented},
    Row{Status::ServiceUnavailable, coap::code::kServiceUnavailable},
};

}  // namespace

coap::Code to_code(Status status) {
  for (const Row& row : kRows) {
    if (row.status == status) return row.code;
  }
  return coap::code::kInternalServerError;
}

Status to_status(coap::Code code) {
  for (const Row& row : kRows) {
    if (row.code == code) return row.status;
  }
  return Status::Other;
}

Outcome to_outcome(const coap::Response& response) {
  Outcome outcome;
  outcome.status = to_status(response.code);
  outcome.code = response.code.value;
  outcome.format = response.options.content_format();
  outcome.payload = response.payload;
  if (response.options.has(coap::OptionNumber::LocationPath)) {
    outcome.location = response.options.location_path().substr(1);
  }
  return outcome;
}

coap::Response to_response(const Outcome& outcome) {
  coap::Response response;
  response.code = to_code(outcome.status);
  response.options.add_location_path(outcome.location);
  // A diagnostic payload is UTF-8 by definition and carries no format (RFC 7252 §5.5.2).
  if (outcome.format && is_success(outcome.status)) response.options.set_content_format(*outcome.format);
  response.payload = outcome.payload;
  return response;
}

coap::Response to_response(const Error& error) {
  coap::Response response;
  response.code = error.code == 0 ? coap::code::kInternalServerError : coap::Code(error.code);
  response.payload = to_bytes(error.reason);
  return response;
}

bool precondition_holds(const coap::Options& options, bool exists) {
  if (exists && options.has(coap::OptionNumber::IfNoneMatch)) return false;
  if (!options.has(coap::OptionNumber::IfMatch)) return true;
  // One of them is enough; the empty one stands for any representation.
  for (const coap::Options::View option : options) {
    if (option.number == static_cast<std::uint16_t>(coap::OptionNumber::IfMatch) && option.value.empty()) return exists;
  }
  return false;
}

}  // namespace drover::lwm2m::mapping
