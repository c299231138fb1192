// SPDX-License-Identifier: Apache-2.0
// Lets requests in, by who makes them and from where.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "api/authority.hpp"
#include "api/http.hpp"
#include "base/rate_limiter.hpp"

namespace drover::api {

/// While the API is open: requests of programs on this machine, not of pages from elsewhere (see host_guard.hpp). Once
/// it asks for tokens: those whose token has the route's role. Pages of others can't know one, so Host and Origin may
/// be anything, as behind a proxy. On the HTTP server's thread.
class Gate {
 public:
  /// Requests a second and at once; 0 a second: any number.
  struct Rate {
    std::uint32_t per_second = 0;
    std::uint32_t burst = 1;
  };
  /// Callers beyond that many share the rate of another one.
  static constexpr std::size_t kCallersMax = 4096;

  /// `metrics_open`: /metrics needs no token of whoever is on this machine and names it in Host: a proxy, which is on
  /// this machine for others, tells their Host.
  Gate(std::shared_ptr<Authority> authority, const Rate& rate, bool metrics_open = false)
      : authority_(std::move(authority)),
        limiter_(limiter_of(rate)),
        metrics_open_(metrics_open) {}

  /// Fills the request's caller and route, or refuses it: 421, 403 for the open API's strangers; 401 (RFC 9110 §15.5.2)
  /// without a token that is good, 403 with one of a lower role, both with WWW-Authenticate (RFC 6750 §3); 429 with
  /// Retry-After beyond the rate (RFC 6585 §4).
  std::optional<http::Response> check(http::Request& request);
  /// Thread-safe: from now on, with nothing held against anybody.
  void set_rate(const Rate& rate);

 private:
  static RateLimiter limiter_of(const Rate& rate) { return {rate.per_second, rate.burst, kCallersMax}; }
  /// Nothing while `who` is within the rate.
  std::optional<http::Response> limit(std::uint64_t who);
  http::Response unauthorized(const http::Request& request, Authority::Refusal refusal);
  void log_refusal(const http::Request& request, const char* why);

  std::shared_ptr<Authority> authority_;
  std::mutex mutex_;  ///< of the limiter
  RateLimiter limiter_;
  bool metrics_open_;
  UnixSeconds logged_at_ = 0;
  std::size_t refused_since_ = 0;
};

}  // namespace drover::api
