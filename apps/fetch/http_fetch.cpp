// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 and HTTPS: Range with If-Range (RFC 9110 §13.1.5, §14.2).
#include <httplib.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "apps/fetch/fetch.hpp"

namespace drover::fetch {

namespace {

constexpr int kRedirectsMax = 5;  // RFC 1945's number, and more than a file server needs
constexpr Duration kConnectMax = std::chrono::seconds(20);

/// Something that names a representation strongly: a strong ETag, else the time of its last change. Percent-encoded,
/// so that it is one word of a line.
std::string validator_of(const httplib::Response& response) {
  std::string validator = response.get_header_value("ETag");
  if (validator.empty() || validator.starts_with("W/")) validator = response.get_header_value("Last-Modified");
  return percent_encode(validator);
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct ContentRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> size;
};

/// "bytes 500-999/1000" or "bytes 500-999/*"
std::optional<ContentRange> content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  const std::size_t dash = text.find('-');
  const std::size_t slash = text.find('/');
  if (!text.starts_with(kUnit) || dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) {
    return std::nullopt;
  }
  const auto first = number(text.substr(kUnit.size(), dash - kUnit.size()));
  if (!first) return std::nullopt;
  return ContentRange{*first, number(text.substr(slash + 1))};
}

/// Where a Location leads from `base` (RFC 3986 §5.2, without dot segments).
Result<Uri> resolve(const Uri& base, const std::string& location) {
  if (scheme_of(location)) return parse_uri(location);
  if (location.starts_with("//")) return parse_uri(base.scheme + ":" + location);
  const std::string root = base.scheme + "://" + base.authority();
  if (location.starts_with('/')) return parse_uri(root + location);
  const std::string path = base.path.empty() ? "/" : base.path;
  return parse_uri(root + path.substr(0, path.rfind('/') + 1) + location);
}

struct Answer {
  int status = 0;
  std::string location;
};

/// Takes the head of a response; false when there is no body to be had from it.
bool take_head(const httplib::Response& response, OutputFile& file, Answer& answer) {
  constexpr int kOk = 200;
  constexpr int kPartial = 206;
  answer.status = response.status;
  answer.location = response.get_header_value("Location");
  if (response.status == kOk) {
    return file.begin(0, validator_of(response), number(response.get_header_value("Content-Length")));
  }
  if (response.status != kPartial) return false;
  const auto range = content_range(response.get_header_value("Content-Range"));
  const std::string validator = validator_of(response);
  const bool same = validator.empty() || validator == file.etag();
  if (!range || range->first != file.offset() || !same) {
    answer.status = 0;  // not what was asked for
    file.forget();
    return false;
  }
  return file.begin(range->first, std::string(file.etag()), range->size);
}

Ending judge_status(int status, OutputFile& file) {
  constexpr int kRangeNotSatisfiable = 416;
  constexpr int kRequestTimeout = 408;
  constexpr int kTooManyRequests = 429;
  const std::string reason = "the server answers " + std::to_string(status);
  if (status == kRangeNotSatisfiable || status == 0) {
    file.forget();
    return Ending::lost("the server doesn't go on where it was asked to");
  }
  const bool passes = status == kRequestTimeout || status == kTooManyRequests || status >= 500;
  return passes ? Ending::lost(reason) : Ending::final(FirmwareResult::InvalidUri, reason);
}

Ending judge_error(httplib::Error error, bool secure) {
  switch (error) {
    case httplib::Error::SSLServerVerification:
      return Ending::final(FirmwareResult::InvalidUri, "the server's certificate isn't valid for it");
    case httplib::Error::SSLLoadingCerts:
      return Ending::final(FirmwareResult::InvalidUri, "the trusted certificates can't be read");
    case httplib::Error::SSLConnection: return Ending::lost("no TLS connection");
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout:
      return Ending::lost(secure ? "no connection, or no TLS on it" : "the host is unknown or refuses the connection");
    default: return Ending::lost("the connection is lost");
  }
}

/// One request. `next` is set when the answer leads elsewhere.
Ending ask(const Uri& uri, OutputFile& file, Duration patience, std::optional<Uri>& next) {
  httplib::Client client(uri.scheme + "://" + uri.authority());
  const auto seconds = std::max<Duration>(std::chrono::seconds(1), patience);
  client.set_connection_timeout(std::chrono::duration_cast<std::chrono::microseconds>(std::min(seconds, kConnectMax)));
  client.set_read_timeout(std::chrono::duration_cast<std::chrono::microseconds>(seconds));
  client.set_follow_location(false);
  client.set_url_encode(false);
  client.set_decompress(false);
  client.enable_server_certificate_verification(true);

  httplib::Headers headers{{"Accept-Encoding", "identity"}};
  if (file.etag().empty()) file.forget();
  if (file.offset() != 0) {
    headers.emplace("Range", "bytes=" + std::to_string(file.offset()) + "-");
    headers.emplace("If-Range", percent_decode(file.etag()).value_or(""));
  }
  Answer answer;
  const auto result = client.Get(
      uri.target(), headers, [&](const httplib::Response& response) { return take_head(response, file, answer); },
      [&](const char* data, std::size_t size) {
        return file.append(as_bytes({data, size}));
      });
  if (result) return Ending::whole();
  if (result.error() != httplib::Error::Canceled) return judge_error(result.error(), uri.scheme == "https");
  const bool redirects = answer.status == 301 || answer.status == 302 || answer.status == 303 || answer.status == 307 ||
                         answer.status == 308;
  if (!redirects) return judge_status(answer.status, file);
  auto target = resolve(uri, answer.location);
  const bool fits = target && (target->scheme == "https" || (target->scheme == "http" && uri.scheme == "http"));
  if (!fits) return Ending::final(FirmwareResult::InvalidUri, "the server leads elsewhere, where there is no way");
  next = std::move(*target);
  return Ending::final(FirmwareResult::InvalidUri, "too many redirections");
}

}  // namespace

Ending fetch_http(const Uri& uri, OutputFile& file, Duration patience) {
  Uri at = uri;
  for (int i = 0;; ++i) {
    std::optional<Uri> next;
    Ending ending = ask(at, file, patience, next);
    if (!next || i == kRedirectsMax) return ending;
    at = std::move(*next);
  }
}

}  // namespace drover::fetch
