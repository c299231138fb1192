// SPDX-License-Identifier: Apache-2.0
#include "security/identity.hpp"

#include <algorithm>

namespace drover::security {

const char* to_string(IdentityKind kind) {
  switch (kind) {
    case IdentityKind::None: return "none";
    case IdentityKind::Psk: return "psk";
    case IdentityKind::PublicKey: return "public-key";
    case IdentityKind::Certificate: return "certificate";
  }
  return "?";
}

namespace {

/// What people can read and terminals aren't hurt by; everything else as \xNN.
std::string printable(std::string_view text) {
  const bool readable = is_utf8(text);
  std::string shown;
  for (const char character : text) {
    const auto byte = static_cast<std::uint8_t>(character);
    const bool plain = byte >= 0x80 ? readable : byte >= 0x20 && byte != 0x7F && byte != '"' && byte != '\\';
    if (plain) {
      shown += character;
    } else {
      shown += "\\x" + to_hex({&byte, 1});
    }
  }
  return shown;
}

void put(std::string& packed, std::string_view text) {
  packed += static_cast<char>(static_cast<std::uint8_t>(text.size()));
  packed += text;
}

std::optional<std::string> take(std::string_view& packed) {
  if (packed.empty()) return std::nullopt;
  const std::size_t size = static_cast<std::uint8_t>(packed.front());
  if (packed.size() - 1 < size) return std::nullopt;
  std::string text(packed.substr(1, size));
  packed.remove_prefix(1 + size);
  return text;
}

}  // namespace

std::string Identity::to_string() const {
  std::string text = security::to_string(kind);
  if (kind == IdentityKind::None) return text;
  text += " \"" + printable(name) + "\"";
  for (const std::string& other : names) text += " \"" + printable(other) + "\"";
  return text;
}

std::string Identity::pack() const {
  std::string packed(1, static_cast<char>(kind));
  put(packed, std::string_view(name).substr(0, kNameMax));
  const std::size_t count = std::min(names.size(), kNamesMax);
  for (std::size_t i = 0; i < count; ++i) put(packed, std::string_view(names[i]).substr(0, kNameMax));
  return packed;
}

std::optional<Identity> Identity::unpack(std::string_view packed) {
  if (packed.empty() || static_cast<std::uint8_t>(packed.front()) > static_cast<std::uint8_t>(IdentityKind::Certificate)) {
    return std::nullopt;
  }
  Identity identity;
  identity.kind = static_cast<IdentityKind>(packed.front());
  packed.remove_prefix(1);
  auto name = take(packed);
  if (!name) return std::nullopt;
  identity.name = std::move(*name);
  while (!packed.empty()) {
    auto other = take(packed);
    if (!other || identity.names.size() == kNamesMax) return std::nullopt;
    identity.names.push_back(std::move(*other));
  }
  return identity;
}

}  // namespace drover::security
