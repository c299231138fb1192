// SPDX-License-Identifier: Apache-2.0
// HTTP to droverd's REST API; the networking library doesn't show here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.hpp"

namespace drover::cli {

using Query = std::vector<std::pair<std::string, std::string>>;

struct Reply {
  int status = 0;    ///< of HTTP; 0 when the server couldn't be reached
  std::string body;  ///< or why it couldn't be reached
  std::string next{};  ///< path and query of the next page, from the Link (RFC 8288); "": none
  [[nodiscard]] bool is_success() const { return status >= 200 && status < 300; }
};

/// One event of a server-sent event stream.
struct StreamEvent {
  std::string id;
  std::string name;
  std::string data;
};

/// Cuts a byte stream of text/event-stream into events (WHATWG HTML §9.2.6): comments and unknown fields are skipped.
class EventParser {
 public:
  /// Feeds a piece and calls `found` for each event that is complete. False as soon as `found` gives false.
  bool feed(std::string_view piece, const std::function<bool(const StreamEvent&)>& found);

 private:
  bool line(std::string_view line, const std::function<bool(const StreamEvent&)>& found);
  std::string rest_;
  StreamEvent event_;
};

class ApiClient {
 public:
  static constexpr std::uint32_t kTimeoutDefault = 100;  ///< seconds, as the server's own default

  struct Settings {
    std::string url;                          ///< "http://127.0.0.1:8080"
    std::uint32_t timeout = kTimeoutDefault;  ///< seconds that the server waits for a device
    Secret<std::string> token{};              ///< sent with each request unless ""; see check_token_url()
    std::string authority{};                  ///< PEM file of who signs the server's certificate; "": the system's
  };
  explicit ApiClient(Settings settings);
  ~ApiClient();

  /// `method` is GET, PUT, PATCH, POST or DELETE; `path` is encoded already and begins with '/'.
  Reply call(const std::string& method, const std::string& path, const Query& query = {}, const std::string& body = {},
             const std::string& content_type = "application/json");

  /// What takes the server longer than a device: waits `seconds` for the answer.
  Reply call_slow(const std::string& method, const std::string& path, std::uint32_t seconds);
  /// GETs a body that is too large for memory, piece by piece; `take` false ends it. The reply's body is empty, or says
  /// what is wrong.
  Reply download(const std::string& path, const std::function<bool(std::string_view)>& take);

  /// Reads an event stream until `found` gives false, the connection ends, or nothing came for a minute.
  Reply stream(const std::string& path, const Query& query, const std::string& last_event_id,
               const std::function<bool(const StreamEvent&)>& found);

  [[nodiscard]] const std::string& url() const { return settings_.url; }
  [[nodiscard]] std::uint32_t timeout() const { return settings_.timeout; }

 private:
  struct Connection;
  Settings settings_;
  std::unique_ptr<Connection> connection_;
};

/// Percent-encodes everything but RFC 3986's unreserved characters.
std::string percent_encode(std::string_view text);

}  // namespace drover::cli
