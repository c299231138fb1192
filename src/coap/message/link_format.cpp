// SPDX-License-Identifier: Apache-2.0
#include "coap/message/link_format.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "coap/message/code.hpp"

namespace drover::coap {

namespace {

// RFC 6690 §2: parmname is made of RFC 5987's attr-char, with a '*' at the end for an extended value; ptoken is wider.
constexpr std::string_view kNameMarks = "!#$&+-.^_`|~*";
constexpr std::string_view kTokenMarks = "!#$%&'()*+-./:<=>?@[]^_`{|}~";

constexpr std::uint8_t kInName = 1;
constexpr std::uint8_t kInToken = 2;

constexpr auto kCharacters = [] {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const char text = static_cast<char>(c);
    if (letter || kNameMarks.find(text) != std::string_view::npos) table[c] |= kInName;
    if (letter || kTokenMarks.find(text) != std::string_view::npos) table[c] |= kInToken;
  }
  return table;
}();

bool belongs(char c, std::uint8_t set) {
  return (kCharacters[static_cast<std::uint8_t>(c)] & set) != 0;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

class LinkParser {
 public:
  LinkParser(std::string_view text, const LinkFormatLimits& limits) : text_(text), limits_(limits) {}

  Result<std::vector<Link>> parse() {
    std::vector<Link> links;
    skip_blanks();
    if (at_end()) return links;
    const auto opening = static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '<'));
    links.reserve(std::min(opening, limits_.links_max));
    for (;;) {
      if (links.size() == limits_.links_max) return fail("too many links");
      links.emplace_back();
      if (auto done = parse_link(links.back()); !done) return tl::unexpected(std::move(done.error()));
      if (at_end()) return links;
      if (!take(',')) return fail("expected ',' or ';'");
      skip_blanks();
    }
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] bool next_is(char c) const { return !at_end() && text_[at_] == c; }

  bool take(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }

  void skip_blanks() {
    while (!at_end() && is_blank(text_[at_])) ++at_;
  }

  [[nodiscard]] tl::unexpected<Error> fail(const char* what) const {
    return peer_error(code::kBadRequest.value, "link format: " + std::string(what) + " at byte " + std::to_string(at_));
  }

  /// Up to the separator that follows, blanks included.
  Result<void> parse_link(Link& link) {
    if (!take('<')) return fail("expected '<'");
    const std::size_t end = text_.find_first_of("<>", at_);
    if (end == std::string_view::npos || text_[end] != '>') return fail("target without '>'");
    link.target = text_.substr(at_, end - at_);
    at_ = end + 1;
    skip_blanks();
    while (take(';')) {
      skip_blanks();
      if (link.parameters.size() == limits_.parameters_max) return fail("too many parameters");
      link.parameters.emplace_back();
      if (auto done = parse_parameter(link.parameters.back()); !done) return done;
      skip_blanks();
    }
    return {};
  }

  Result<void> parse_parameter(LinkParameter& parameter) {
    parameter.name = take_while(kInName);
    if (parameter.name.empty()) return fail("expected a parameter's name");
    skip_blanks();
    if (!take('=')) return {};
    skip_blanks();  // Core §6.2.3 prints `;ver= "2.2"`
    if (next_is('"')) return parse_quoted(parameter);
    parameter.value = take_while(kInToken);
    if (parameter.value->empty()) return fail("expected a parameter's value");
    return {};
  }

  Result<void> parse_quoted(LinkParameter& parameter) {
    ++at_;
    parameter.quoted = true;
    std::string& value = parameter.value.emplace();
    for (;;) {
      const std::size_t end = text_.find_first_of("\"\\", at_);
      if (end == std::string_view::npos) return fail("text without closing '\"'");
      value += text_.substr(at_, end - at_);
      at_ = end + 1;
      if (text_[end] == '"') return {};
      if (at_end()) return fail("text without closing '\"'");
      value += text_[at_++];
    }
  }

  std::string_view take_while(std::uint8_t set) {
    const std::size_t from = at_;
    while (!at_end() && belongs(text_[at_], set)) ++at_;
    return text_.substr(from, at_ - from);
  }

  std::string_view text_;
  const LinkFormatLimits& limits_;
  std::size_t at_ = 0;
};

void append_quoted(std::string& text, std::string_view value) {
  text += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  text += '"';
}

}  // namespace

std::optional<std::string_view> Link::parameter(std::string_view name) const {
  for (const LinkParameter& parameter : parameters) {
    if (parameter.name != name) continue;
    return parameter.value ? std::string_view(*parameter.value) : std::string_view();
  }
  return std::nullopt;
}

Result<std::vector<Link>> parse_link_format(std::string_view text, const LinkFormatLimits& limits) {
  if (!is_utf8(text)) return peer_error(code::kBadRequest.value, "link format: not UTF-8");
  return LinkParser(text, limits).parse();
}

std::string format_links(const std::vector<Link>& links) {
  std::string text;
  for (const Link& link : links) {
    if (!text.empty()) text += ',';
    text += '<';
    text += link.target;
    text += '>';
    for (const LinkParameter& parameter : link.parameters) {
      text += ';';
      text += parameter.name;
      if (!parameter.value) continue;
      text += '=';
      if (parameter.quoted) {
        append_quoted(text, *parameter.value);
      } else {
        text += *parameter.value;
      }
    }
  }
  return text;
}

}  // namespace drover::coap
