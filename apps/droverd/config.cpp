// SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <toml++/toml.h>

#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <sstream>

namespace drover::droverd {

const char* const kConfigHelp = R"(Configuration file (TOML), each key with its default:
  listen = "[::]:5683"         UDP address for devices; [::] takes IPv6 and IPv4
  shards = 0                   threads for devices; 0 is one a core
  strict = false               only LwM2M 1.0 to the letter
  enabler = "1.0"              version of the shipped definitions of objects 0 to 7: "1.0" or "1.1"
  objects = []                 folders with more object definitions (*.xml)
  [registration]
  lifetime_min = 1             seconds
  lifetime_max = 4294967295    seconds
  refuse = []                  endpoint names that get 4.03; * and ? stand for any text and any character
  restore_observations = false observe again what a device's registration before had
  [coap]
  ack_timeout_ms = 2000        and the other transmission parameters of RFC 7252 4.8
  ack_random_permille = 1500
  max_retransmit = 4
  nstart = 1
  [api]
  listen = ["127.0.0.1:8080"]  loopback addresses only
  events = 16384               events kept for streams that resume
  [log]
  level = "info"               debug, info, warn, error or off
  format = "text"              text or json
)";

namespace {

/// Where a value stands, for messages.
struct Place {
  std::string file;
  std::string key;
  std::size_t line = 0;
};

tl::unexpected<Error> at(const Place& place, const std::string& reason) {
  return tl::unexpected(Error{Fault::Us, 0, place.file + ":" + std::to_string(place.line) + ": " + reason});
}

using Setter = std::function<Result<void>(const toml::node&, const Place&)>;
using Table = std::map<std::string, Setter>;

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

Result<void> apply(const toml::table& table, const Table& known, const std::string& file, const std::string& prefix);

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

}  // namespace

Result<void> read_config(const std::string& file, Config& config) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream content;
  if (stream) content << stream.rdbuf();
  if (!stream || stream.bad())
    return tl::unexpected(Error{Fault::Us, 0, file + ": cannot read the configuration file"});
  std::int64_t ack_timeout_ms = std::chrono::duration_cast<std::chrono::milliseconds>(config.coap.ack_timeout).count();
  constexpr std::int64_t kMaxU32 = std::numeric_limits<std::uint32_t>::max();
  using io::log::Form;
  using io::log::Level;
  const Table known = {
      {"listen", text(config.listen)},
      {"shards", number(config.shards, 0, static_cast<std::int64_t>(kShardsMax))},
      {"strict", truth(config.policy.strict)},
      {"enabler", choice<std::string>(config.enabler, {{"1.0", "1.0"}, {"1.1", "1.1"}})},
      {"objects", texts(config.objects)},
      {"registration", table_of({{"lifetime_min", number(config.policy.lifetime_min, 1, kMaxU32)},
                                 {"lifetime_max", number(config.policy.lifetime_max, 1, kMaxU32)},
                                 {"refuse", texts(config.policy.refused_endpoints)},
                                 {"restore_observations", truth(config.policy.restore_observations)}})},
      {"coap", table_of({{"ack_timeout_ms", number(ack_timeout_ms, 1, 600'000)},
                         {"ack_random_permille", number(config.coap.ack_random_permille, 1000, 10'000)},
                         {"max_retransmit", number(config.coap.max_retransmit, 0, 20)},
                         {"nstart", number(config.coap.nstart, 1, 64)}})},
      {"api", table_of({{"listen", texts(config.api)}, {"events", number(config.api_events, 1, 1'000'000)}})},
      {"log", table_of({{"level", choice<Level>(config.log_level, {{"debug", Level::Debug},
                                                                   {"info", Level::Info},
                                                                   {"warn", Level::Warn},
                                                                   {"error", Level::Error},
                                                                   {"off", Level::Off}})},
                        {"format", choice<Form>(config.log_form, {{"text", Form::Text}, {"json", Form::Json}})}})},
  };
  try {
    const toml::table table = toml::parse(content.str(), file);
    if (auto applied = apply(table, known, file, ""); !applied) return applied;
  } catch (const toml::parse_error& error) {
    return at({file, "", error.source().begin.line}, std::string(error.description()));
  }
  config.coap.ack_timeout = std::chrono::milliseconds(ack_timeout_ms);
  if (config.policy.lifetime_min > config.policy.lifetime_max) {
    return tl::unexpected(
        Error{Fault::Us, 0, file + ": registration.lifetime_min is larger than registration.lifetime_max"});
  }
  return {};
}

}  // namespace drover::droverd
