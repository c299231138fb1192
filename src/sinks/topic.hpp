// SPDX-License-Identifier: Apache-2.0
// MQTT topics of events.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "events/feed.hpp"

namespace drover::sinks {

inline constexpr std::size_t kTopicTemplateMax = 1024;  ///< bytes

/// A text as one level of a topic, or a part of one: bytes that aren't visible ASCII, and `%`, `/`, `+`, `#` and `$`
/// become "%XX", as in URLs; "" becomes "%", which nothing else does. So neither NUL nor control characters nor broken
/// UTF-8 comes into a topic (MQTT 3.1.1 §1.5.3, §4.7), and no name can stand for another.
std::string topic_level(std::string_view text);

/// `{endpoint}` and `{kind}` of a template filled in by topic_level().
std::string topic_of(std::string_view topic_template, const events::Item& item);

/// Why it is no good: empty, too long, with wildcards, control characters, other braces, or begun with "$".
Result<void> check_topic_template(const std::string& topic_template);

}  // namespace drover::sinks
