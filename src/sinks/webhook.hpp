// SPDX-License-Identifier: Apache-2.0
// Events by HTTP POST.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "sinks/outlet.hpp"

namespace drover::sinks {

/// Bytes of an answer that are read; what comes behind them is of no interest, its status is known.
inline constexpr std::size_t kAnswerMax = 64 << 10;

struct WebhookSettings {
  std::string name = {};    ///< X-Drover-Sink
  std::string series = {};  ///< Cursor::series
  std::string url = {};     ///< http or https; where it leads, to this machine or its network, too, is for the operator
  Secret<std::string> secret = {};  ///< signs; "": no signature
  Secret<std::string> token = {};   ///< Authorization: Bearer; "": none
  std::string ca_file = {};         ///< PEM; "": the system's
  Duration timeout = std::chrono::seconds(10);  ///< for the connection, for each pause in an answer, and for a whole answer
  bool single = false;              ///< the body is one event, not {"events":[...]}
};

/// POSTs each message as JSON. 2xx: delivered; 408, 425, 429, 3xx (redirects aren't followed), 5xx and no answer:
/// failed, with Retry-After (RFC 9110 §10.2.3); every other 4xx: refused. Headers: X-Drover-Sink, X-Drover-Delivery,
/// which stays over the attempts of a message, and X-Drover-Signature (sinks/signature.hpp), made anew for each.
Result<std::unique_ptr<Outlet>> make_webhook(WebhookSettings settings);

/// Seconds or a date of the form "Sun, 06 Nov 1994 08:49:37 GMT"; nothing for what is neither.
std::optional<Duration> parse_retry_after(const std::string& text, UnixSeconds unix_now);

}  // namespace drover::sinks
