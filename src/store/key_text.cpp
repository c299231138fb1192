// SPDX-License-Identifier: Apache-2.0
#include "store/key_text.hpp"

#include "lwm2m/content/base64.hpp"

namespace drover::store {

namespace {

std::optional<std::uint8_t> digit(char character) {
  if (character >= '0' && character <= '9') return static_cast<std::uint8_t>(character - '0');
  if (character >= 'a' && character <= 'f') return static_cast<std::uint8_t>(character - 'a' + 10);
  if (character >= 'A' && character <= 'F') return static_cast<std::uint8_t>(character - 'A' + 10);
  return std::nullopt;
}

}  // namespace

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = digit(text[i]);
    const auto low = digit(text[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(*high << 4 | *low));
  }
  return bytes;
}

std::optional<Bytes> parse_key(std::string_view text) {
  constexpr std::string_view kBase64 = "base64:";
  if (!text.starts_with(kBase64)) return from_hex(text);
  return lwm2m::content::from_base64(text.substr(kBase64.size()));
}

}  // namespace drover::store
