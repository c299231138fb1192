// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace drover::coap {

/// A CoAP code: class (3 bits) and detail (5 bits), RFC 7252 §3 and §12.1.
struct Code {
  std::uint8_t value = 0;

  constexpr Code() = default;
  constexpr explicit Code(std::uint8_t raw) : value(raw) {}
  static constexpr Code of(int clazz, int detail) { return Code(static_cast<std::uint8_t>((clazz << 5) | detail)); }

  [[nodiscard]] constexpr int clazz() const { return value >> 5; }
  [[nodiscard]] constexpr int detail() const { return value & 0x1F; }
  [[nodiscard]] constexpr bool is_empty() const { return value == 0; }
  [[nodiscard]] constexpr bool is_request() const { return clazz() == 0 && detail() != 0; }
  [[nodiscard]] constexpr bool is_response() const { return clazz() >= 2 && clazz() <= 5; }
  [[nodiscard]] constexpr bool is_success() const { return clazz() == 2; }
  /// "2.05"
  [[nodiscard]] std::string to_string() const;
  /// "Content", "Not Found"; empty for a code without a registered name.
  [[nodiscard]] const char* name() const;

  friend constexpr bool operator==(Code, Code) = default;
};

namespace code {
inline constexpr Code kEmpty{};
inline constexpr Code kGet = Code::of(0, 1);
inline constexpr Code kPost = Code::of(0, 2);
inline constexpr Code kPut = Code::of(0, 3);
inline constexpr Code kDelete = Code::of(0, 4);
inline constexpr Code kFetch = Code::of(0, 5);  // RFC 8132
inline constexpr Code kPatch = Code::of(0, 6);
inline constexpr Code kIPatch = Code::of(0, 7);
inline constexpr Code kCreated = Code::of(2, 1);
inline constexpr Code kDeleted = Code::of(2, 2);
inline constexpr Code kValid = Code::of(2, 3);
inline constexpr Code kChanged = Code::of(2, 4);
inline constexpr Code kContent = Code::of(2, 5);
inline constexpr Code kContinue = Code::of(2, 31);  // RFC 7959
inline constexpr Code kBadRequest = Code::of(4, 0);
inline constexpr Code kUnauthorized = Code::of(4, 1);
inline constexpr Code kBadOption = Code::of(4, 2);
inline constexpr Code kForbidden = Code::of(4, 3);
inline constexpr Code kNotFound = Code::of(4, 4);
inline constexpr Code kMethodNotAllowed = Code::of(4, 5);
inline constexpr Code kNotAcceptable = Code::of(4, 6);
inline constexpr Code kRequestEntityIncomplete = Code::of(4, 8);  // RFC 7959
inline constexpr Code kPreconditionFailed = Code::of(4, 12);
inline constexpr Code kRequestEntityTooLarge = Code::of(4, 13);
inline constexpr Code kUnsupportedContentFormat = Code::of(4, 15);
inline constexpr Code kInternalServerError = Code::of(5, 0);
inline constexpr Code kNotImplemented = Code::of(5, 1);
inline constexpr Code kBadGateway = Code::of(5, 2);
inline constexpr Code kServiceUnavailable = Code::of(5, 3);
inline constexpr Code kGatewayTimeout = Code::of(5, 4);
inline constexpr Code kProxyingNotSupported = Code::of(5, 5);
}  // namespace code

}  // namespace drover::coap
