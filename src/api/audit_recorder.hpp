// SPDX-License-Identifier: Apache-2.0
// Notes each request that may change something, by whom and with what result. For api/ alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api/authority.hpp"
#include "api/http.hpp"
#include "audit/trail.hpp"
#include "base/rate_limiter.hpp"

namespace drover::api {

/// What of a request's target may be kept: parameters that the route doesn't know, and what looks like a token, aren't.
std::string auditable_target(const http::Request& request);

/// On the HTTP server's thread. The answer to who was let in leaves once its record is kept; who wasn't is told at once.
class AuditRecorder : public std::enable_shared_from_this<AuditRecorder> {
 public:
  static constexpr std::size_t kTargetMax = 1024;      ///< bytes of a target that are kept
  static constexpr std::ptrdiff_t kTokenPartMax = 16;  ///< characters behind a token's prefix that aren't hidden yet
  static constexpr std::uint32_t kRefusedPerSecond = 1;  ///< of one address; more are counted
  static constexpr std::uint32_t kRefusedBurst = 20;

  /// `trail` outlives it.
  AuditRecorder(audit::Trail& trail, std::shared_ptr<Authority> authority);

  /// Refuses a change that couldn't be noted: 503.
  [[nodiscard]] std::optional<http::Response> check(const http::Request& request) const;
  /// nullptr for what changes nothing.
  std::unique_ptr<http::Witness> witness(const http::Request& request);

 private:
  class RequestWitness;
  void note(audit::Record record, const http::Response& answer, const std::string& host, std::function<void()> done);

  audit::Trail& trail_;
  std::shared_ptr<Authority> authority_;
  RateLimiter limiter_;
  std::uint32_t unrecorded_ = 0;
};

}  // namespace drover::api
