// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/content/base64.hpp"

#include "base/reader.hpp"

namespace drover::lwm2m::content {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::optional<std::uint32_t> digit(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a') + 26;
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0') + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return std::nullopt;
}

}  // namespace

std::string to_base64(ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  while (!bytes.empty()) {
    const std::size_t taken = std::min<std::size_t>(3, bytes.size());
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < taken ? bytes[i] : 0U);
    for (std::size_t i = 0; i < 4; ++i) out += i <= taken ? kAlphabet[group >> (18 - 6 * i) & 0x3F] : '=';
    bytes = bytes.subspan(taken);
  }
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  if (text.ends_with("==")) {
    padding = 2;
  } else if (text.ends_with('=')) {
    padding = 1;
  }
  ByteWriter out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const std::size_t pads = at + 4 == text.size() ? padding : 0;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto value = i >= 4 - pads ? 0 : digit(text[at + i]);
      if (!value) return std::nullopt;
      group = group << 6 | *value;
    }
    if ((group & ((1U << (8 * pads)) - 1)) != 0) return std::nullopt;
    out.uint(group >> (8 * pads), 3 - pads);
  }
  return out.take();
}

}  // namespace drover::lwm2m::content
