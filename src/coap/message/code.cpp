// SPDX-License-Identifier: Apache-2.0
#include "coap/message/code.hpp"

namespace drover::coap {

std::string Code::to_string() const {
  const int tens = detail() / 10;
  const int ones = detail() % 10;
  return {static_cast<char>('0' + clazz()), '.', static_cast<char>('0' + tens), static_cast<char>('0' + ones)};
}

const char* Code::name() const {
  switch (value) {
    case code::kEmpty.value: return "Empty";
    case code::kGet.value: return "GET";
    case code::kPost.value: return "POST";
    case code::kPut.value: return "PUT";
    case code::kDelete.value: return "DELETE";
    case code::kFetch.value: return "FETCH";
    case code::kPatch.value: return "PATCH";
    case code::kIPatch.value: return "iPATCH";
    case code::kCreated.value: return "Created";
    case code::kDeleted.value: return "Deleted";
    case code::kValid.value: return "Valid";
    case code::kChanged.value: return "Changed";
    case code::kContent.value: return "Content";
    case code::kContinue.value: return "Continue";
    case code::kBadRequest.value: return "Bad Request";
    case code::kUnauthorized.value: return "Unauthorized";
    case code::kBadOption.value: return "Bad Option";
    case code::kForbidden.value: return "Forbidden";
    case code::kNotFound.value: return "Not Found";
    case code::kMethodNotAllowed.value: return "Method Not Allowed";
    case code::kNotAcceptable.value: return "Not Acceptable";
    case code::kRequestEntityIncomplete.value: return "Request Entity Incomplete";
    case Code::of(4, 9).value: return "Conflict";  // RFC 8132
    case code::kPreconditionFailed.value: return "Precondition Failed";
    case code::kRequestEntityTooLarge.value: return "Request Entity Too Large";
    case code::kUnsupportedContentFormat.value: return "Unsupported Content-Format";
    case Code::of(4, 22).value: return "Unprocessable Entity";  // RFC 8132
    case Code::of(4, 29).value: return "Too Many Requests";     // RFC 8516
    case code::kInternalServerError.value: return "Internal Server Error";
    case code::kNotImplemented.value: return "Not Implemented";
    case code::kBadGateway.value: return "Bad Gateway";
    case code::kServiceUnavailable.value: return "Service Unavailable";
    case code::kGatewayTimeout.value: return "Gateway Timeout";
    case code::kProxyingNotSupported.value: return "Proxying Not Supported";
    default: return "";
  }
}

}  // namespace drover::coap
