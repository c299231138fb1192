// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/operation/operation.hpp"

#include <array>
#include <cstddef>

namespace drover::lwm2m {

namespace {

// In the order of Downlink's alternatives.
constexpr std::array kNames = {"Read",   "Discover", "Write",   "Write-Attributes",  "Execute",
                               "Create", "Delete",   "Observe", "Cancel Observation"};
static_assert(kNames.size() == std::variant_size_v<Downlink>);

}  // namespace

Path path_of(const Downlink& operation) {
  return std::visit([](const auto& one) { return one.path; }, operation);
}

const char* name_of(const Downlink& operation) {
  return kNames[operation.index()];
}

bool is_success(Status status) {
  switch (status) {
    case Status::Created:
    case Status::Deleted:
    case Status::Changed:
    case Status::Content:
    case Status::Valid: return true;
    default: return false;
  }
}

const char* to_string(Status status) {
  switch (status) {
    case Status::Created: return "Created";
    case Status::Deleted: return "Deleted";
    case Status::Changed: return "Changed";
    case Status::Content: return "Content";
    case Status::Valid: return "Valid";
    case Status::BadRequest: return "Bad Request";
    case Status::Unauthorized: return "Unauthorized";
    case Status::BadOption: return "Bad Option";
    case Status::Forbidden: return "Forbidden";
    case Status::NotFound: return "Not Found";
    case Status::MethodNotAllowed: return "Method Not Allowed";
    case Status::NotAcceptable: return "Not Acceptable";
    case Status::EntityIncomplete: return "Request Entity Incomplete";
    case Status::PreconditionFailed: return "Precondition Failed";
    case Status::EntityTooLarge: return "Request Entity Too Large";
    case Status::UnsupportedFormat: return "Unsupported Content-Format";
    case Status::InternalError: return "Internal Server Error";
    case Status::NotImplemented: return "Not Implemented";
    case Status::ServiceUnavailable: return "Service Unavailable";
    case Status::Other: return "Other";
  }
  return "?";
}

}  // namespace drover::lwm2m
