// SPDX-License-Identifier: Apache-2.0
// How the sections of the configuration file are described: a table of keys, each with what takes its value. For
// config*.cpp alone, since the library's headers are slow to compile.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace drover::droverd {

/// Where a value stands, for messages.
struct Place {
  std::string file;
  std::string key;
  std::size_t line = 0;
};

/// "FILE:LINE: reason".
tl::unexpected<Error> at(const Place& place, const std::string& reason);

/// Takes a value, or says what is wrong with it. What it writes to outlives it.
using Setter = std::function<Result<void>(const toml::node&, const Place&)>;
using Table = std::map<std::string, Setter>;

Setter text(std::string& to);
Setter texts(std::vector<std::string>& to);
Setter truth(bool& to);
/// A text that `check` accepts.
Setter checked_text(std::string& to, Result<void> (*check)(const std::string&));
/// A list of texts that `check` accepts, each; the line is the element's.
Setter checked_texts(std::vector<std::string>& to, Result<void> (*check)(const std::string&));
/// Whole seconds, both ends included.
Setter seconds(Duration& to, std::int64_t least, std::int64_t most);
Setter table_of(Table known);

struct RuleSource;
/// [[rule]], whose content is looked at once the object definitions are known.
Setter rules_section(std::vector<RuleSource>& to);

/// Every key of `table` must be known. `prefix` is that of the keys in messages: "" or "sms.".
Result<void> apply(const toml::table& table, const Table& known, const std::string& file, const std::string& prefix);

/// Both ends included.
template <class T>
Setter number(T& to, std::int64_t least, std::int64_t most) {
  return [&to, least, most](const toml::node& node, const Place& place) -> Result<void> {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < least || *value > most) {
      return at(place, place.key + " must be a number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    to = static_cast<T>(*value);
    return {};
  };
}

/// One of the texts that have a meaning.
template <class T>
Setter choice(T& to, std::map<std::string, T> choices) {
  return [&to, choices = std::move(choices)](const toml::node& node, const Place& place) -> Result<void> {
    const auto value = node.value_exact<std::string>();
    const auto found = value ? choices.find(*value) : choices.end();
    if (found != choices.end()) {
      to = found->second;
      return {};
    }
    std::string names;
    for (const auto& [name, ignored] : choices) names += (names.empty() ? "\"" : ", \"") + name + "\"";
    return at(place, place.key + " must be one of " + names);
  };
}

}  // namespace drover::droverd
