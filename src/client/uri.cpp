// SPDX-License-Identifier: Apache-2.0
#include "client/uri.hpp"

#include <algorithm>
#include <charconv>

namespace drover::client {
namespace {

constexpr std::size_t kUriBytesMax = 255;  // Core E.1: /0/x/0 has 0-255 bytes
constexpr std::size_t kPortDigitsMax = 5;

tl::unexpected<Error> bad(std::string_view text, const char* why) {
  return tl::unexpected(
      Error{Fault::Environment, 0,
            "server URI \"" + std::string(text) + "\": " + why + "; write coaps://HOST or coap://HOST, with :PORT where it isn't the usual one"});
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

}  // namespace

ServerUri ServerUri::by_sms(const transport::PeerAddress& address) {
  return {address.kind == transport::Kind::SmsDtls, address.msisdn(), 0, address.kind};
}

std::optional<transport::PeerAddress> ServerUri::literal() const {
  if (is_sms()) {
    const auto address = transport::PeerAddress::sms(host);
    return address ? std::optional(address->as(kind)) : std::nullopt;
  }
  const bool v6 = host.find(':') != std::string::npos;
  return transport::PeerAddress::parse((v6 ? "[" + host + "]" : host) + ":" + std::to_string(port));
}

bool same_host(std::string_view a, std::string_view b) {
  return same_ignoring_case(a, b);
}

std::string ServerUri::to_string() const {
  if (is_sms()) return "tel:+" + host;
  const bool v6 = host.find(':') != std::string::npos;
  return (secure ? "coaps://" : "coap://") + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<ServerUri> parse_server_uri(std::string_view text) {
  if (text.size() > kUriBytesMax) return bad(text.substr(0, 40), "is longer than 255 bytes");
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return bad(text, "has no scheme");
  ServerUri uri;
  const std::string_view scheme = text.substr(0, scheme_end);
  if (same_ignoring_case(scheme, "coaps")) {
    uri.secure = true;
    uri.port = kCoapsPort;
  } else if (!same_ignoring_case(scheme, "coap")) {
    return bad(text, "has a scheme other than coap and coaps");
  }
  std::string_view rest = text.substr(scheme_end + 3);
  if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);

  std::string_view port;
  if (!rest.empty() && rest.front() == '[') {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) return bad(text, "has no ']' behind the IPv6 address");
    uri.host = std::string(rest.substr(1, close - 1));
    rest.remove_prefix(close + 1);
    if (!rest.empty() && rest.front() != ':') return bad(text, "has something behind ']' that isn't a port");
    port = rest;
    if (uri.host.find(':') == std::string::npos || !uri.literal())
      return bad(text, "has no IPv6 address between [ and ]");
  } else {
    const std::size_t colon = rest.find(':');
    uri.host = std::string(rest.substr(0, colon));
    if (colon != std::string_view::npos) port = rest.substr(colon);
    if (port.find(':', 1) != std::string_view::npos) return bad(text, "has an IPv6 address without [ ]");
    if (!std::all_of(uri.host.begin(), uri.host.end(), is_host_char)) return bad(text, "has no valid host name");
  }
  if (uri.host.empty()) return bad(text, "has no host");
  if (!port.empty()) {
    port.remove_prefix(1);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty() || port.size() > kPortDigitsMax || error != std::errc{} || end != port.data() + port.size() ||
        number == 0 || number > 65535) {
      return bad(text, "has a port that isn't 1 to 65535");
    }
    uri.port = static_cast<std::uint16_t>(number);
  }
  return uri;
}

}  // namespace drover::client
