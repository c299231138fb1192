// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/text_template.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace drover::bootstrap {
namespace {

std::string escape(std::string_view text) {
  constexpr std::string_view kUnreserved = "-._~";
  std::string escaped;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || kUnreserved.find(c) != std::string_view::npos) {
      escaped += c;
    } else {
      escaped += '%' + to_hex(as_bytes({&c, 1}));
    }
  }
  return escaped;
}

}  // namespace

Result<TextTemplate> TextTemplate::parse(std::string_view text, bool has_id) {
  TextTemplate parsed;
  std::string plain;
  while (!text.empty()) {
    const std::size_t brace = text.find('{');
    plain += text.substr(0, brace);
    if (brace == std::string_view::npos) break;
    text.remove_prefix(brace + 1);
    if (text.starts_with('{')) {
      plain += '{';
      text.remove_prefix(1);
      continue;
    }
    const std::size_t end = text.find('}');
    const std::string_view name = text.substr(0, end);
    Kind kind = Kind::Text;
    if (name == "endpoint") kind = Kind::Endpoint;
    if (name == "id" && has_id) kind = Kind::Id;
    if (name == "serial") kind = Kind::Serial;
    if (kind == Kind::Text || end == std::string_view::npos) {
      if (name == "id") return peer_error(0, "{id} is for texts of a server account");
      return peer_error(0, "the placeholders are {endpoint}, {id} and {serial}; {{ is a brace");
    }
    if (!plain.empty()) parsed.pieces_.push_back({Kind::Text, std::move(plain)});
    plain.clear();
    parsed.pieces_.push_back({kind, {}});
    text.remove_prefix(end + 1);
  }
  if (!plain.empty()) parsed.pieces_.push_back({Kind::Text, std::move(plain)});
  return parsed;
}

bool TextTemplate::is_constant() const {
  return std::all_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) { return piece.kind == Kind::Text; });
}

std::string TextTemplate::value_of(Kind kind, const TemplateValues& values) {
  switch (kind) {
    case Kind::Endpoint: return std::string(values.endpoint);
    case Kind::Serial: return std::string(values.serial);
    case Kind::Id: return std::to_string(values.short_server_id.value_or(0));
    case Kind::Text: break;
  }
  return {};
}

std::string TextTemplate::fill(const TemplateValues& values) const {
  std::string filled;
  for (const Piece& piece : pieces_) filled += piece.kind == Kind::Text ? piece.text : value_of(piece.kind, values);
  return filled;
}

std::string TextTemplate::fill_uri(const TemplateValues& values) const {
  std::string filled;
  for (const Piece& piece : pieces_) {
    filled += piece.kind == Kind::Text ? piece.text : escape(value_of(piece.kind, values));
  }
  return filled;
}

}  // namespace drover::bootstrap
