// SPDX-License-Identifier: Apache-2.0
#include "config_sinks.hpp"

#include <algorithm>
#include <initializer_list>

#include "api/event_items.hpp"
#include "base/uri.hpp"
#include "sinks/mqtt.hpp"
#include "sinks/topic.hpp"
#include "sinks/webhook.hpp"

namespace drover::droverd {

namespace {

constexpr std::size_t kNameMax = 64;
constexpr std::size_t kSinksMax = 64;  // a thread each
constexpr std::int64_t kBatchMost = 1000;
constexpr std::int64_t kInFlightMost = 1000;
constexpr std::int64_t kRetryMost = 86400;
constexpr std::int64_t kTimeoutMost = 300;

Result<void> wrong(std::string reason) {
  return tl::unexpected(Error{Fault::Us, 0, std::move(reason)});
}

Result<void> check_name(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (plain && !name.empty() && name.size() <= kNameMax) return {};
  return wrong("must be 1 to " + std::to_string(kNameMax) + " letters, digits, - and _");
}

Result<void> check_kind(const std::string& kind) {
  const auto& known = api::event_kinds();
  if (kind == events::kLearned || std::find(known.begin(), known.end(), kind) != known.end()) return {};
  std::string names(events::kLearned);
  for (const std::string& name : known) names += ", " + name;
  return wrong("\"" + kind + "\" is no kind of event; there are " + names);
}

Table keys_of(SinkConfig& sink) {
  using Kind = SinkConfig::Kind;
  using sinks::OnRefused;
  return {{"name", checked_text(sink.name, check_name)},
          {"kind", choice<Kind>(sink.kind, {{"webhook", Kind::Webhook}, {"mqtt", Kind::Mqtt}})},
          {"url", text(sink.url)},
          {"kinds", checked_texts(sink.delivery.filter.kinds, check_kind)},
          {"endpoints", texts(sink.delivery.filter.endpoints)},
          {"from", choice<bool>(sink.from_oldest, {{"newest", false}, {"oldest", true}})},
          {"batch", number(sink.delivery.batch, 1, kBatchMost)},
          {"in_flight", number(sink.delivery.in_flight, 1, kInFlightMost)},
          {"on_refused", choice<OnRefused>(sink.delivery.on_refused,
                                           {{"retry", OnRefused::Retry}, {"skip", OnRefused::Skip}})},
          {"retry_min", seconds(sink.delivery.retry_min, 1, kRetryMost)},
          {"retry_max", seconds(sink.delivery.retry_max, 1, kRetryMost)},
          {"timeout", seconds(sink.timeout, 1, kTimeoutMost)},
          {"ca_file", text(sink.ca_file)},
          {"secret_file", text(sink.secret_file)},
          {"token_file", text(sink.token_file)},
          {"topic", checked_text(sink.topic, sinks::check_topic_template)},
          {"status_topic", checked_text(sink.status_topic, sinks::check_topic_template)},
          {"client_id", text(sink.client_id)},
          {"username", text(sink.username)},
          {"password_file", text(sink.password_file)}};
}

/// The key of `table` that is among `keys`; nullptr when none is.
const char* first_of(const toml::table& table, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (table.contains(key)) return key;
  }
  return nullptr;
}

/// What the keys of one sink ask of each other.
Result<void> check_sink(const toml::table& table, const SinkConfig& sink, const Place& place) {
  const auto refuse = [&](const std::string& reason) { return at(place, reason); };
  if (sink.name.empty()) return refuse("sink needs a name");
  const std::string of = "sink \"" + sink.name + "\" ";
  if (!table.contains("kind")) return refuse(of + "needs a kind: \"webhook\" or \"mqtt\"");
  const auto uri = parse_uri(sink.url);
  if (!uri) return refuse(of + "needs a url: " + uri.error().reason);
  if (sink.delivery.retry_min > sink.delivery.retry_max) return refuse(of + "has a retry_min above its retry_max");
  if (sink.kind == SinkConfig::Kind::Webhook) {
    const char* const key =
        first_of(table, {"in_flight", "topic", "status_topic", "client_id", "username", "password_file"});
    if (key != nullptr) return refuse(of + "has kind \"webhook\"; " + key + " is for \"mqtt\"");
    if (uri->scheme != "http" && uri->scheme != "https") return refuse(of + "needs a url with http:// or https://");
    if (!sink.ca_file.empty() && uri->scheme != "https") return refuse(of + "has a ca_file and no https://");
    return {};
  }
  const char* const key = first_of(table, {"batch", "secret_file", "token_file"});
  if (key != nullptr) return refuse(of + "has kind \"mqtt\"; " + key + " is for \"webhook\"");
  if (!sinks::has_mqtt()) return refuse(of + "has kind \"mqtt\", and this droverd was built without MQTT (libmosquitto)");
  if (uri->scheme != "mqtt" && uri->scheme != "mqtts") return refuse(of + "needs a url with mqtt:// or mqtts://");
  if ((!uri->path.empty() && uri->path != "/") || uri->query) return refuse(of + "has a url that goes on behind its port");
  if (!sink.ca_file.empty() && uri->scheme != "mqtts") return refuse(of + "has a ca_file and no mqtts://");
  if (!sink.password_file.empty() && sink.username.empty()) return refuse(of + "has a password_file and no username");
  return {};
}

}  // namespace

Setter sink_sections(std::vector<SinkConfig>& sinks) {
  return [&sinks](const toml::node& node, const Place& place) -> Result<void> {
    const auto* const array = node.as_array();
    if (array == nullptr) return at(place, "sink must be a list of tables: [[sink]]");
    sinks.clear();
    for (const auto& element : *array) {
      const Place where{place.file, place.key, element.source().begin.line};
      const auto* const table = element.as_table();
      if (table == nullptr) return at(where, "sink must be a list of tables: [[sink]]");
      SinkConfig sink;
      if (auto set = apply(*table, keys_of(sink), place.file, "sink."); !set) return set;
      if (auto fine = check_sink(*table, sink, where); !fine) return fine;
      const bool taken = std::any_of(sinks.begin(), sinks.end(), [&](const SinkConfig& other) { return other.name == sink.name; });
      if (taken) return at(where, "two sinks are called \"" + sink.name + "\"");
      if (sinks.size() == kSinksMax) return at(where, "there may be " + std::to_string(kSinksMax) + " sinks");
      // A topic has one event, and its broker's connection keeps the order; a webhook's requests go one by one.
      if (sink.kind == SinkConfig::Kind::Mqtt) sink.delivery.batch = 1;
      if (sink.kind == SinkConfig::Kind::Webhook) sink.delivery.in_flight = 1;
      if (sink.client_id.empty()) sink.client_id = "drover-" + sink.name;
      sinks.push_back(std::move(sink));
    }
    return {};
  };
}

}  // namespace drover::droverd
