// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/api_client.hpp"

#include <httplib.h>

namespace drover::cli {
namespace {

constexpr int kConnectSeconds = 5;
constexpr int kBeyondTimeout = 10;  // the server's own answer that the device gave none comes first
constexpr int kStreamSilence = 60;  // the server's comments come every 15 seconds

std::string with_query(const std::string& path, const Query& query) {
  std::string target = path;
  char separator = '?';
  for (const auto& [name, value] : query) {
    target += separator + percent_encode(name) + "=" + percent_encode(value);
    separator = '&';
  }
  return target;
}

httplib::Request request_of(const std::string& method, const std::string& target) {
  httplib::Request request;
  request.method = method;
  request.path = target;
  return request;
}

std::string reason_of(httplib::Error error) {
  switch (error) {
    case httplib::Error::SSLServerVerification:
      return "its certificate isn't trusted, or is for another name; --ca FILE names who signed it";
    case httplib::Error::SSLLoadingCerts: return "the file of --ca can't be read, or isn't PEM";
    default: return httplib::to_string(error);
  }
}

/// Sends it and gives what a 200 brings to `take`, until that is false; what any other status brings is the reply's body.
Reply receive(httplib::Client& client, httplib::Request request, const std::function<bool(std::string_view)>& take,
              httplib::Error& error) {
  Reply reply;
  request.response_handler = [&](const httplib::Response& response) {
    reply.status = response.status;
    return true;
  };
  request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    if (reply.status == 200) return take({data, size});
    reply.body.append(data, size);
    return true;
  };
  error = client.send(request).error();
  if (reply.status == 0) reply.body = reason_of(error);
  return reply;
}

/// The server gives a single link.
std::string next_of(const std::string& link) {
  const std::size_t end = link.find('>');
  const bool known = link.starts_with("</") && end != std::string::npos && link.substr(end + 1) == "; rel=\"next\"";
  return known ? link.substr(1, end - 1) : "";
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    const bool unreserved = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                            (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
    if (unreserved) {
      encoded += character;
    } else {
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

bool EventParser::line(std::string_view line, const std::function<bool(const StreamEvent&)>& found) {
  if (line.empty()) {
    const StreamEvent event = event_;
    event_.name.clear();
    event_.data.clear();
    return event.data.empty() || found(event);
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (field == "id") event_.id = value;
  if (field == "event") event_.name = value;
  if (field == "data") {
    if (!event_.data.empty()) event_.data += '\n';
    event_.data += value;
  }
  return true;
}

bool EventParser::feed(std::string_view piece, const std::function<bool(const StreamEvent&)>& found) {
  rest_ += piece;
  std::size_t begin = 0;
  for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
    std::string_view text = std::string_view(rest_).substr(begin, end - begin);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    begin = end + 1;
    if (!line(text, found)) return false;
  }
  rest_.erase(0, begin);
  return true;
}

struct ApiClient::Connection {
  explicit Connection(const Settings& settings) : client(settings.url) {
    client.set_url_encode(false);
    client.set_connection_timeout(kConnectSeconds);
    client.enable_server_certificate_verification(true);
    if (!settings.authority.empty()) client.set_ca_cert_path(settings.authority);
    if (!settings.token.empty()) client.set_bearer_token_auth(settings.token.reveal());
  }
  httplib::Client client;
};

ApiClient::ApiClient(Settings settings)
    : settings_(std::move(settings)), connection_(std::make_unique<Connection>(settings_)) {
  connection_->client.set_keep_alive(true);
}

ApiClient::~ApiClient() = default;

Reply ApiClient::call(const std::string& method, const std::string& path, const Query& query, const std::string& body,
                      const std::string& content_type) {
  httplib::Client& client = connection_->client;
  client.set_read_timeout(static_cast<time_t>(settings_.timeout) + kBeyondTimeout);
  httplib::Request request = request_of(method, with_query(path, query));
  if (!body.empty()) {
    request.body = body;
    request.set_header("Content-Type", content_type);
  }
  const httplib::Result result = client.send(request);
  if (!result) return {0, reason_of(result.error())};
  return {result->status, result->body, next_of(result->get_header_value("Link"))};
}

Reply ApiClient::call_slow(const std::string& method, const std::string& path, std::uint32_t seconds) {
  httplib::Client& client = connection_->client;
  client.set_read_timeout(static_cast<time_t>(seconds) + kBeyondTimeout);
  const httplib::Result result = client.send(request_of(method, path));
  if (!result) return {0, reason_of(result.error())};
  return {result->status, result->body};
}

Reply ApiClient::download(const std::string& path, const std::function<bool(std::string_view)>& take) {
  httplib::Client& client = connection_->client;
  client.set_read_timeout(kStreamSilence);
  auto error = httplib::Error::Success;
  Reply reply = receive(client, request_of("GET", path), take, error);
  // Part of a file is none.
  if (error != httplib::Error::Success) return {0, reason_of(error)};
  return reply;
}

Reply ApiClient::stream(const std::string& path, const Query& query, const std::string& last_event_id,
                        const std::function<bool(const StreamEvent&)>& found) {
  // Another connection: this one is the stream's until its end.
  Connection connection(settings_);
  httplib::Client& client = connection.client;
  client.set_read_timeout(kStreamSilence);
  httplib::Request request = request_of("GET", with_query(path, query));
  request.set_header("Accept", "text/event-stream");
  if (!last_event_id.empty()) request.set_header("Last-Event-ID", last_event_id);
  EventParser parser;
  auto error = httplib::Error::Success;
  return receive(client, std::move(request), [&](std::string_view piece) { return parser.feed(piece, found); }, error);
}

}  // namespace drover::cli
