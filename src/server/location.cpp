// SPDX-License-Identifier: Apache-2.0
#include "server/location.hpp"

#include <cassert>

namespace drover::server {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kCharacters = 11;  // 11 * 6 = 66 bits, the first two of them 0

std::optional<std::uint64_t> value_of(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint64_t>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<std::uint64_t>(c - 'a' + 26);
  if (c >= '0' && c <= '9') return static_cast<std::uint64_t>(c - '0' + 52);
  if (c == '-') return 62;
  if (c == '_') return 63;
  return std::nullopt;
}

}  // namespace

std::string Location::to_string() const {
  assert(slot < kSlotsMax);
  const std::uint64_t bits = std::uint64_t{shard} << 56 | std::uint64_t{slot} << 32 | nonce;
  std::string text(kCharacters, 'A');
  for (std::size_t i = 0; i < kCharacters; ++i) text[i] = kAlphabet[bits >> (6 * (kCharacters - 1 - i)) & 63];
  return text;
}

std::optional<Location> Location::parse(std::string_view text) {
  if (text.size() != kCharacters) return std::nullopt;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < kCharacters; ++i) {
    const auto value = value_of(text[i]);
    if (!value || (i == 0 && *value > 15)) return std::nullopt;
    bits = bits << 6 | *value;
  }
  return Location{static_cast<std::uint8_t>(bits >> 56), static_cast<std::uint32_t>(bits >> 32 & (kSlotsMax - 1)),
                  static_cast<std::uint32_t>(bits)};
}

}  // namespace drover::server
