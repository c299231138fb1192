// SPDX-License-Identifier: Apache-2.0
#include "sinks/topic.hpp"

namespace drover::sinks {

namespace {

tl::unexpected<Error> wrong(std::string reason) {
  return tl::unexpected(Error{Fault::Us, 0, std::move(reason)});
}

/// The template's pieces in turn: literal texts and the names between braces. False for a brace without its other.
template <class Literal, class Name>
bool walk(std::string_view text, Literal literal, Name name) {
  while (!text.empty()) {
    const std::size_t open = text.find_first_of("{}");
    literal(text.substr(0, open));
    if (open == std::string_view::npos) return true;
    const std::size_t close = text.find('}', open);
    if (text[open] == '}' || close == std::string_view::npos) return false;
    name(text.substr(open + 1, close - open - 1));
    text.remove_prefix(close + 1);
  }
  return true;
}

}  // namespace

std::string topic_level(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kEscaped = "%/+#$";
  if (text.empty()) return "%";
  std::string level;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte > 0x20 && byte < 0x7F && kEscaped.find(character) == std::string_view::npos) {
      level += character;
    } else {
      level += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return level;
}

std::string topic_of(std::string_view topic_template, const events::Item& item) {
  std::string topic;
  walk(
      topic_template, [&](std::string_view literal) { topic += literal; },
      [&](std::string_view name) { topic += topic_level(name == "kind" ? item.kind : item.endpoint); });
  return topic;
}

Result<void> check_topic_template(const std::string& topic_template) {
  if (topic_template.empty()) return wrong("must not be empty");
  if (topic_template.size() > kTopicTemplateMax) {
    return wrong("must be at most " + std::to_string(kTopicTemplateMax) + " bytes");
  }
  if (topic_template.front() == '$') return wrong("must not begin with $: such topics are the broker's own");
  for (const char character : topic_template) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte >= 0x7F) return wrong("must be printable ASCII");
    if (character == '+' || character == '#') return wrong("must have no wildcards (+, #)");
  }
  std::string unknown;
  const bool paired = walk(
      topic_template, [](std::string_view) {},
      [&](std::string_view name) {
        if (name != "endpoint" && name != "kind") unknown = name.empty() ? " " : std::string(name);
      });
  if (!paired) return wrong("has a brace without its other");
  if (!unknown.empty()) return wrong("knows {endpoint} and {kind}, not {" + unknown + "}");
  return {};
}

}  // namespace drover::sinks
