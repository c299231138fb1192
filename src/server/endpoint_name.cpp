// SPDX-License-Identifier: Apache-2.0
#include "server/endpoint_name.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace drover::server {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}
bool is_alnum(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.size() < prefix.size() ||
      !std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) { return a == lower(b); })) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

/// '#' in `form` is a digit, 'x' a hex digit, everything else itself.
bool has_form(std::string_view text, std::string_view form) {
  return std::equal(text.begin(), text.end(), form.begin(), form.end(), [](char c, char f) {
    if (f == '#') return is_digit(c);
    return f == 'x' ? is_hex(c) : c == f;
  });
}

/// OUI, then `parts` texts that aren't empty, with '-' between; the last may have a '-' in itself.
bool is_oui_and(std::string_view text, int parts) {
  for (int part = 0; part < parts; ++part) {
    const std::size_t dash = text.find('-');
    if (dash == 0 || dash == std::string_view::npos) return false;
    if (part == 0 && !std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(dash), is_alnum)) {
      return false;
    }
    text.remove_prefix(dash + 1);
  }
  return !text.empty();
}

}  // namespace

const char* endpoint_scheme(std::string_view endpoint) {
  std::string_view rest = endpoint;
  if (!take_prefix(rest, "urn:")) return "other";
  if (take_prefix(rest, "uuid:")) return has_form(rest, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") ? "uuid" : "other";
  if (take_prefix(rest, "dev:ops:")) return is_oui_and(rest, 2) ? "ops" : "other";
  if (take_prefix(rest, "dev:os:")) return is_oui_and(rest, 1) ? "os" : "other";
  if (take_prefix(rest, "imei:")) return has_form(rest, "###############") ? "imei" : "other";
  if (take_prefix(rest, "esn:")) return has_form(rest, "xxxxxxxx") ? "esn" : "other";
  if (take_prefix(rest, "meid:")) return has_form(rest, "xxxxxxxxxxxxxx") ? "meid" : "other";
  if (take_prefix(rest, "imei-msisdn:")) {
    return has_form(rest, "###############-###############") ? "imei-msisdn" : "other";
  }
  return "other";
}

bool is_endpoint_text(std::string_view endpoint) {
  const bool controls = std::any_of(endpoint.begin(), endpoint.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
  return !endpoint.empty() && !controls && is_utf8(endpoint);
}

bool contains_ignoring_case(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

}  // namespace drover::server
