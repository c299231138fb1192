// SPDX-License-Identifier: Apache-2.0
#include "config_reader.hpp"

namespace drover::droverd {

tl::unexpected<Error> at(const Place& place, const std::string& reason) {
  return tl::unexpected(Error{Fault::Us, 0, place.file + ":" + std::to_string(place.line) + ": " + reason});
}

Setter text(std::string& to) {
  return [&to](const toml::node& node, const Place& place) -> Result<void> {
    const auto value = node.value_exact<std::string>();
    if (!value) return at(place, place.key + " must be a string");
    to = *value;
    return {};
  };
}

Setter texts(std::vector<std::string>& to) {
  return [&to](const toml::node& node, const Place& place) -> Result<void> {
    const auto* array = node.as_array();
    if (array == nullptr) return at(place, place.key + " must be a list of strings");
    to.clear();
    for (const auto& element : *array) {
      const auto value = element.value_exact<std::string>();
      if (!value) return at(place, place.key + " must be a list of strings");
      to.push_back(*value);
    }
    return {};
  };
}

Setter truth(bool& to) {
  return [&to](const toml::node& node, const Place& place) -> Result<void> {
    const auto value = node.value_exact<bool>();
    if (!value) return at(place, place.key + " must be true or false");
    to = *value;
    return {};
  };
}

Setter checked_text(std::string& to, Result<void> (*check)(const std::string&)) {
  return [&to, check](const toml::node& node, const Place& place) -> Result<void> {
    if (auto set = text(to)(node, place); !set) return set;
    if (const auto fine = check(to); !fine) return at(place, place.key + ": " + fine.error().reason);
    return {};
  };
}

Setter checked_texts(std::vector<std::string>& to, Result<void> (*check)(const std::string&)) {
  return [&to, check](const toml::node& node, const Place& place) -> Result<void> {
    if (auto set = texts(to)(node, place); !set) return set;
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (const auto fine = check(to[i]); !fine) {
        return at({place.file, place.key, node.as_array()->get(i)->source().begin.line},
                  place.key + ": " + fine.error().reason);
      }
    }
    return {};
  };
}

Setter seconds(Duration& to, std::int64_t least, std::int64_t most) {
  return [&to, least, most](const toml::node& node, const Place& place) -> Result<void> {
    std::int64_t value = 0;
    auto set = number(value, least, most)(node, place);
    if (set) to = std::chrono::seconds(value);
    return set;
  };
}

Setter table_of(Table known) {
  return [known = std::move(known)](const toml::node& node, const Place& place) -> Result<void> {
    const auto* table = node.as_table();
    if (table == nullptr) return at(place, place.key + " must be a table: [" + place.key + "]");
    return apply(*table, known, place.file, place.key + ".");
  };
}

Result<void> apply(const toml::table& table, const Table& known, const std::string& file, const std::string& prefix) {
  for (const auto& [key, node] : table) {
    const Place place{file, prefix + std::string(key.str()), key.source().begin.line};
    const auto found = known.find(std::string(key.str()));
    if (found == known.end()) {
      std::string names;
      for (const auto& [name, ignored] : known) names += (names.empty() ? "" : ", ") + name;
      return at(place, "unknown key " + place.key + "; known here: " + names);
    }
    if (auto set = found->second(node, place); !set) return set;
  }
  return {};
}

}  // namespace drover::droverd
