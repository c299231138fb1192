// SPDX-License-Identifier: Apache-2.0
#include "api/host_guard.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

namespace drover::api::http {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  return error == std::errc{} && stop == end;
}

/// 127.a.b.c in decimal. Shorter and octal spellings, which some resolvers take, are refused.
bool is_loopback_v4(std::string_view text) {
  int octets = 0;
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    std::uint8_t value = 0;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc{} || stop != part.data() + part.size()) return false;
    if (part.size() > 1 && part.front() == '0') return false;
    if (octets == 0 && value != 127) return false;
    ++octets;
    if (dot == std::string_view::npos) return octets == 4;
    if (octets == 4) return false;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos || host.substr(1, close - 1) != "::1") return false;
    host.remove_prefix(close + 1);
    return host.empty() || (host.front() == ':' && is_port(host.substr(1)));
  }
  const std::size_t colon = host.find(':');
  if (colon != std::string_view::npos && !is_port(host.substr(colon + 1))) return false;
  const std::string_view name = host.substr(0, colon);
  return equal_ignoring_case(name, "localhost") || is_loopback_v4(name);
}

bool is_same_origin(std::string_view origin, std::string_view host, bool secure) {
  const std::string_view scheme = secure ? "https://" : "http://";
  return origin.starts_with(scheme) && equal_ignoring_case(origin.substr(scheme.size()), host);
}

}  // namespace drover::api::http
