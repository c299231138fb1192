// SPDX-License-Identifier: Apache-2.0
#include "base/uri.hpp"

#include <algorithm>
#include <charconv>

namespace drover {

namespace {

// RFC 3986 §2.2, §2.3. No locale: <cctype> has one.
constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}
constexpr bool is_unreserved(char c) {
  return is_alpha(c) || is_digit(c) || is_one_of(c, "-._~");
}
constexpr bool is_sub_delimiter(char c) {
  return is_one_of(c, "!$&'()*+,;=");
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Unreserved characters, sub-delimiters, whole percent-encodings, and those of `more`.
bool is_component(std::string_view text, std::string_view more) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_unreserved(c) || is_sub_delimiter(c) || is_one_of(c, more)) continue;
    if (c != '%' || i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return false;
    i += 2;
  }
  return true;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

tl::unexpected<Error> wrong(std::string reason) {
  return peer_error(0, std::move(reason));
}

/// "[...]" of RFC 3986 §3.2.2, with a zone by RFC 6874; whether the address itself is right shows when it is used.
bool is_literal(std::string_view text) {
  return !text.empty() && text.find(':') != std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_unreserved(c) || c == ':' || c == '%'; });
}

Result<void> read_authority(std::string_view text, Uri& uri) {
  if (text.find('@') != std::string_view::npos) return wrong("user information doesn't belong into a URI here");
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || !is_literal(text.substr(1, end - 1))) return wrong("the address isn't one");
    uri.host = lower(text.substr(1, end - 1));
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return wrong("a ':' is missing before the port");
    if (!port.empty()) port.remove_prefix(1);
  } else {
    const std::size_t colon = text.find(':');
    const std::string_view host = text.substr(0, colon);
    if (!is_component(host, "")) return wrong("a character isn't allowed in a host");
    const auto decoded = percent_decode(host);
    if (!decoded || decoded->empty()) return wrong("the host is missing");
    uri.host = lower(*decoded);
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  if (port.empty()) return {};  // RFC 3986 §6.2.3: an empty port is the default
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number == 0) return wrong("ports are 1 to 65535");
  uri.port = number;
  return {};
}

}  // namespace

std::string Uri::authority() const {
  const bool literal = host.find(':') != std::string::npos;
  std::string text = literal ? "[" + host + "]" : host;
  if (port) text += ":" + std::to_string(*port);
  return text;
}

std::string Uri::target() const {
  return (path.empty() ? "/" : path) + (query ? "?" + *query : "");
}

std::string Uri::to_string() const {
  return scheme + "://" + authority() + path + (query ? "?" + *query : "");
}

std::optional<std::string> scheme_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_alpha(text.front())) return std::nullopt;
  const std::string_view scheme = text.substr(0, colon);
  const bool fits = std::all_of(scheme.begin(), scheme.end(),
                                [](char c) { return is_alpha(c) || is_digit(c) || is_one_of(c, "+-."); });
  if (!fits) return std::nullopt;
  return lower(scheme);
}

Result<Uri> parse_uri(std::string_view text) {
  Uri uri;
  const auto scheme = scheme_of(text);
  if (!scheme) return wrong("the scheme is missing");
  uri.scheme = *scheme;
  text.remove_prefix(scheme->size() + 1);
  if (!text.starts_with("//")) return wrong("the host is missing");
  text.remove_prefix(2);
  if (const std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    if (!is_component(text.substr(hash + 1), ":@/?")) return wrong("a character isn't allowed in a fragment");
    text = text.substr(0, hash);
  }
  if (const std::size_t mark = text.find('?'); mark != std::string_view::npos) {
    if (!is_component(text.substr(mark + 1), ":@/?")) return wrong("a character isn't allowed in a query");
    uri.query = std::string(text.substr(mark + 1));
    text = text.substr(0, mark);
  }
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    if (!is_component(text.substr(slash), ":@/")) return wrong("a character isn't allowed in a path");
    uri.path = std::string(text.substr(slash));
    text = text.substr(0, slash);
  }
  if (auto read = read_authority(text, uri); !read) return tl::unexpected(read.error());
  return uri;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && c != '%') {
      result += c;
    } else {
      result += {'%', kDigits[byte >> 4], kDigits[byte & 0xF]};
    }
  }
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace drover
