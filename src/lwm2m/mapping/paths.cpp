// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/mapping/paths.hpp"

#include <cassert>
#include <charconv>
#include <system_error>

namespace drover::lwm2m::mapping {

namespace {

constexpr int kDepthMax = 4;

std::optional<std::uint8_t> parse_hex_byte(std::string_view two) {
  std::uint8_t value = 0;
  const auto [rest, error] = std::from_chars(two.data(), two.data() + two.size(), value, 16);
  if (two.size() != 2 || error != std::errc{} || rest != two.data() + two.size()) return std::nullopt;
  return value;
}

std::optional<std::uint16_t> parse_id(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint16_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The next segment of a URI path that starts with '/', decoded; `rest` loses it.
std::string take_segment(std::string_view& rest) {
  assert(rest.front() == '/');
  rest.remove_prefix(1);
  const std::string_view segment = rest.substr(0, rest.find('/'));
  rest.remove_prefix(segment.size());
  return percent_decode(segment);
}

void add_id(coap::Options& options, std::uint16_t id) {
  char digits[5];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, id);
  options.add(coap::OptionNumber::UriPath, std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    const auto byte = text.front() == '%' ? parse_hex_byte(text.substr(1, 2)) : std::nullopt;
    decoded += byte ? static_cast<char>(*byte) : text.front();
    text.remove_prefix(byte ? 3 : 1);
  }
  return decoded;
}

void add_path(coap::Options& options, std::string_view root, const Path& path) {
  while (!root.empty()) options.add(coap::OptionNumber::UriPath, take_segment(root));
  if (path.depth() > 0) add_id(options, path.object());
  if (path.depth() > 1) add_id(options, path.instance());
  if (path.depth() > 2) add_id(options, path.resource());
  if (path.depth() > 3) add_id(options, path.resource_instance());
}

std::optional<Path> read_path(const coap::Options& options, std::string_view root) {
  Path path;
  for (const coap::Options::View option : options) {
    if (option.number != static_cast<std::uint16_t>(coap::OptionNumber::UriPath)) continue;
    const std::string_view segment = as_text(option.value);
    if (!root.empty()) {
      if (take_segment(root) != segment) return std::nullopt;
      continue;
    }
    const auto id = parse_id(segment);
    if (!id || path.depth() == kDepthMax) return std::nullopt;
    path = path.child(*id);
  }
  if (!root.empty()) return std::nullopt;
  return path;
}

}  // namespace drover::lwm2m::mapping
