// SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <sstream>
#include <tuple>

#include "api/listen_address.hpp"
#include "base/uri.hpp"
#include "config_reader.hpp"
#include "config_sinks.hpp"
#include "server/location.hpp"
#include "sms/gateway.hpp"
#include "transport/datagram.hpp"

namespace drover::droverd {

namespace {

constexpr auto kDevicesMost = static_cast<std::int64_t>(server::kSlotsMax);  // what one shard can hold
constexpr std::int64_t kObservationsMost = 65535;
constexpr std::int64_t kSecondsMost = std::int64_t{366} * 24 * 3600;
constexpr std::int64_t kDeduplicationMost = std::int64_t{1} << 24;  // some 1.5 GB

Result<void> check_listen(const std::string& text) {
  if (const auto parsed = parse_host_port(text); !parsed) return tl::unexpected(parsed.error());
  return {};
}

Result<void> check_secure_listen(const std::string& text) {
  return text.empty() ? Result<void>{} : check_listen(text);
}

Result<void> check_api(const std::string& text) {
  if (const auto parsed = api::parse_listen_address(text); !parsed) return tl::unexpected(parsed.error());
  return {};
}

/// Block sizes of RFC 7959 §2.2 as SZX.
Setter block_size(std::uint8_t& szx) {
  return [&szx](const toml::node& node, const Place& place) -> Result<void> {
    const auto value = node.value_exact<std::int64_t>();
    for (std::uint8_t each = 0; value && each <= 6; ++each) {
      if (*value != std::int64_t{16} << each) continue;
      szx = each;
      return {};
    }
    return at(place, place.key + " must be 16, 32, 64, 128, 256, 512 or 1024");
  };
}

Setter api_section(Config& config) {
  return table_of({{"listen", checked_texts(config.api, check_api)},
                   {"certificate", text(config.api_certificate)},
                   {"private_key", text(config.api_private_key)},
                   {"require_token", truth(config.api_require_token)},
                   {"rate", number(config.api_rate, 0, 1'000'000)},
                   {"burst", number(config.api_burst, 1, 10'000'000)},
                   {"metrics_open", truth(config.api_metrics_open)},
                   {"events", number(config.api_events, 1, 1'000'000)}});
}

/// What the keys of [api] ask of each other. Whether there is a token only the store knows.
Result<void> check_api_section(const toml::table& table, const std::string& file, const Config& config) {
  const auto api = table["api"];
  const auto line_of = [&](const char* key) {
    const toml::node* const node = api[key].node();
    return node == nullptr ? std::size_t{0} : std::size_t{node->source().begin.line};
  };
  if (config.api_certificate.empty() != config.api_private_key.empty()) {
    const bool lone = config.api_private_key.empty();
    return at({file, "", line_of(lone ? "certificate" : "private_key")},
              std::string("api.") + (lone ? "certificate needs api.private_key" : "private_key needs api.certificate"));
  }
  for (std::size_t i = 0; i < config.api.size(); ++i) {
    const auto* const listen = api["listen"].as_array();
    if (listen == nullptr) break;
    const auto address = api::parse_listen_address(config.api[i]);
    const auto fine = api::check_listen_address(config.api[i], *address, !config.api_certificate.empty(), true);
    if (!fine) return at({file, "", listen->get(i)->source().begin.line}, "api.listen: " + fine.error().reason);
  }
  if (config.api_require_token && config.store.empty()) {
    return at({file, "", line_of("require_token")}, "api.require_token needs a file in [store] to keep tokens in");
  }
  return {};
}

Setter bootstrap_section(BootstrapConfig& config) {
  return table_of({{"listen", checked_text(config.listen, check_secure_listen)},
                   {"secure_listen", checked_text(config.secure_listen, check_secure_listen)},
                   {"plans", texts(config.plans)},
                   {"certificate", text(config.credentials.certificate)},
                   {"private_key", text(config.credentials.private_key)},
                   {"raw_public_key", text(config.credentials.raw_public_key)},
                   {"raw_private_key", text(config.credentials.raw_private_key)},
                   {"trust_anchors", texts(config.credentials.trust_anchors)},
                   {"device_certificates", choice<bool>(config.any_certificate, {{"any", true}, {"listed", false}})},
                   {"authority_certificate", text(config.authority.certificate)},
                   {"authority_private_key", text(config.authority.private_key)},
                   {"certificate_days", number(config.certificate_days, 1, 36500)},
                   {"sessions_max", number(config.sessions_max, 1, 1'000'000)},
                   {"kept_sessions_max", number(config.kept_sessions_max, 0, 1'000'000)}});
}

Setter awake_times(std::vector<server::AwakeTime>& to) {
  return [&to](const toml::node& node, const Place& place) -> Result<void> {
    const auto* const array = node.as_array();
    if (array == nullptr) return at(place, place.key + " must be a list of tables");
    to.clear();
    for (const auto& element : *array) {
      const auto* const table = element.as_table();
      const Place where{place.file, place.key, element.source().begin.line};
      if (table == nullptr) return at(where, place.key + " must be a list of tables");
      server::AwakeTime time;
      std::int64_t seconds = 0;
      auto set = apply(*table,
                       {{"endpoints", text(time.endpoints)}, {"seconds", number(seconds, 1, kSecondsMost)}},
                       place.file, place.key + ".");
      if (!set) return set;
      if (time.endpoints.empty() || seconds == 0) return at(where, place.key + " needs endpoints and seconds");
      time.awake = std::chrono::seconds(seconds);
      to.push_back(std::move(time));
    }
    return {};
  };
}

Setter queue_section(server::Policy& policy) {
  return table_of({{"awake", awake_times(policy.awake_times)},
                   {"awake_sms", seconds(policy.awake_sms, 1, kSecondsMost)},
                   {"operation_lifetime", seconds(policy.operation_lifetime, 1, kSecondsMost)},
                   {"max_per_device", number(policy.queue_max_per_device, 1, 1'000'000)},
                   {"trigger", truth(policy.trigger)},
                   {"trigger_interval", seconds(policy.trigger_interval, 1, kSecondsMost)},
                   {"sms_fallback", truth(policy.sms_fallback)}});
}

Result<void> check_msisdn(const std::string& text) {
  if (text.empty() || transport::PeerAddress::sms(text)) return {};
  return tl::unexpected(Error{Fault::Us, 0, "must be 1 to 15 digits, country code first and without \"+\""});
}

Setter sms_section(SmsConfig& config, coap::Parameters& coap) {
  using NoSec = SmsConfig::NoSec;
  return table_of({{"msisdn", checked_text(config.msisdn, check_msisdn)},
                   {"smpp", text(config.smpp)},
                   {"system_id", text(config.system_id)},
                   {"password_file", text(config.password_file)},
                   {"system_type", text(config.system_type)},
                   {"window", number(config.window, 1, 255)},
                   {"modem", text(config.modem)},
                   {"baud", number(config.baud, 300, 4'000'000)},
                   {"pin_file", text(config.pin_file)},
                   {"receipts", truth(config.receipts)},
                   {"nosec", choice<NoSec>(config.nosec, {{"off", NoSec::Off},
                                                          {"trigger", NoSec::Trigger},
                                                          {"any", NoSec::Any}})},
                   {"port", number(config.port, 0, 65535)},
                   {"segments", number(config.segments, 1, 16)},
                   {"validity", seconds(config.validity, 60, kSecondsMost)},
                   {"response_wait", seconds(coap.sms.response_wait, 10, 86400)}});
}

Setter history_section(HistoryConfig& config) {
  return table_of({{"enabled", truth(config.enabled)},
                   {"max_age", number(config.limits.max_age, 1, 100 * kSecondsMost)},
                   {"max_count", number(config.limits.max_count, 1, 1'000'000)},
                   {"series_max", number(config.limits.series_max, 1, 1'000'000'000)},
                   {"series_max_per_device", number(config.limits.series_max_per_device, 1, 1'000'000)}});
}

/// "SCHEME://HOST[:PORT]", without a slash at its end.
template <const char* Scheme>
Result<void> check_url(const std::string& text) {
  if (text.empty()) return {};
  const auto parsed = parse_uri(text);
  const bool fine = parsed && parsed->scheme == Scheme && !text.ends_with('/') && std::count(text.begin(), text.end(), '/') == 2;
  if (fine) return {};
  return tl::unexpected(Error{Fault::Us, 0, "must be " + std::string(Scheme) + "://HOST[:PORT], without a slash at its end"});
}
constexpr char kCoap[] = "coap", kCoaps[] = "coaps", kHttp[] = "http";

Setter images_section(FirmwareConfig& config) {
  constexpr std::int64_t kBytesMost = std::int64_t{1} << 40;
  return table_of({{"image_max", number(config.image_max, 1, kBytesMost)},
                   {"total_max", number(config.total_max, 1, kBytesMost)},
                   {"images_max", number(config.images_max, 1, 100'000)},
                   {"coap_url", checked_text(config.coap_url, check_url<kCoap>)},
                   {"coaps_url", checked_text(config.coaps_url, check_url<kCoaps>)},
                   {"http_url", checked_text(config.http_url, check_url<kHttp>)},
                   {"http", checked_text(config.http, check_secure_listen)}});
}

Setter campaigns_section(FirmwareConfig& config) {
  return table_of({{"campaigns_max", number(config.campaigns_max, 1, 100'000)},
                   {"devices_max", number(config.devices_max, 1, 1'000'000)},
                   {"push_bytes_max", number(config.push_bytes_max, 1, std::int64_t{1} << 40)}});
}

/// What the keys of [sms] ask of each other.
Result<void> check_sms_section(const toml::table& table, const std::string& file, const Config& config) {
  const auto section = table["sms"];
  if (!section) return {};
  const Place place{file, "sms", section.node()->source().begin.line};
  const SmsConfig& sms = config.sms;
  if (!sms.smpp.empty() && !sms.modem.empty()) return at(place, "sms has smpp or modem, not both");
  if (!sms.smpp.empty() && sms.system_id.empty()) return at(place, "sms.smpp needs sms.system_id");
  if (sms.runs() && sms.msisdn.empty()) return at(place, "sms needs the server's own number: sms.msisdn");
  return {};
}

/// What one short message takes, and several: the carrier's limits as CoAP's.
void apply_sms_limits(const SmsConfig& sms, coap::Parameters& coap) {
  using transport::Kind;
  const bool ports = sms.port != 0;
  coap.sms.message_plain = sms::capacity(Kind::Sms, 1, ports);
  coap.sms.message_packet = sms::capacity(Kind::SmsPacket, 1, ports);
  coap.sms.message_dtls = coap.sms.message_dtls_max = sms::capacity(Kind::SmsDtls, 1, ports);
  coap.sms.message_plain_max = sms::capacity(Kind::Sms, sms.segments, ports);
  coap.sms.message_packet_max = sms::capacity(Kind::SmsPacket, sms.segments, ports);
  coap.sms.lifetime = std::max(coap.sms.lifetime, 3 * coap.sms.response_wait);
}

/// What the keys of [credentials] ask of each other.
Result<void> check_credentials_section(const toml::table& table, const std::string& file, const Config& config) {
  const auto section = table["credentials"];
  const auto needs = [&](const std::string& one, const char* one_key, const std::string& other,
                         const char* other_key) -> Result<void> {
    const toml::node* const node = section[one_key].node();
    if (one.empty() || !other.empty() || node == nullptr) return {};
    return at({file, "", node->source().begin.line},
              "credentials." + std::string(one_key) + " needs credentials." + other_key);
  };
  const store::ServerCredentialFiles& own = config.credentials;
  if (auto fine = needs(own.certificate, "certificate", own.private_key, "private_key"); !fine) return fine;
  if (auto fine = needs(own.private_key, "private_key", own.certificate, "certificate"); !fine) return fine;
  return needs(own.raw_public_key, "raw_public_key", own.raw_private_key, "raw_private_key");
}

/// All that a file may say.
Table sections(Config& config, std::int64_t& ack_timeout_ms) {
  constexpr std::int64_t kMaxU32 = std::numeric_limits<std::uint32_t>::max();
  using io::log::Form;
  using io::log::Level;
  return {
      {"listen", checked_text(config.listen, check_listen)},
      {"shards", number(config.shards, 0, static_cast<std::int64_t>(kShardsMax))},
      {"strict", truth(config.policy.strict)},
      {"enabler", choice<std::string>(config.enabler, {{"1.0", "1.0"}, {"1.1", "1.1"}})},
      {"objects", texts(config.objects)},
      {"secure", table_of({{"listen", checked_text(config.secure_listen, check_secure_listen)},
                           {"cbc", truth(config.cbc)},
                           {"park_after", number(config.park_after, 1, 86400)},
                           {"handshakes_max", number(config.handshakes_max, 1, 1'000'000)}})},
      {"registration", table_of({{"lifetime_min", number(config.policy.lifetime_min, 1, kMaxU32)},
                                 {"lifetime_max", number(config.policy.lifetime_max, 1, kMaxU32)},
                                 {"refuse", texts(config.policy.refused_endpoints)},
                                 {"restore_observations", truth(config.policy.restore_observations)},
                                 {"devices_max", number(config.devices_max, 1, kDevicesMost)},
                                 {"observations_max_per_device",
                                  number(config.policy.observations_max_per_device, 0, kObservationsMost)}})},
      {"coap", table_of({{"ack_timeout_ms", number(ack_timeout_ms, 1, 600'000)},
                         {"ack_random_permille", number(config.coap.ack_random_permille, 1000, 10'000)},
                         {"max_retransmit", number(config.coap.max_retransmit, 0, 20)},
                         {"nstart", number(config.coap.nstart, 1, 64)},
                         {"block_size", block_size(config.coap.block_szx)},
                         {"deduplication_max", number(config.coap.deduplication_max, 1, kDeduplicationMost)}})},
      {"api", api_section(config)},
      {"limits", table_of({{"datagrams_per_second", number(config.policy.datagrams_per_second, 0, 1'000'000)},
                           {"datagrams_burst", number(config.policy.datagrams_burst, 1, 10'000'000)}})},
      {"store", table_of({{"file", text(config.store)}, {"key_file", text(config.store_key_file)},
                          {"events_max", number(config.store_events_max, 1000, 1'000'000'000)}})},
      {"audit", table_of({{"max", number(config.audit_max, 100, 10'000'000)}})},
      {"credentials",
       table_of({{"certificate", text(config.credentials.certificate)},
                 {"private_key", text(config.credentials.private_key)},
                 {"raw_public_key", text(config.credentials.raw_public_key)},
                 {"raw_private_key", text(config.credentials.raw_private_key)},
                 {"trust_anchors", texts(config.credentials.trust_anchors)},
                 {"device_certificates", choice<bool>(config.any_certificate, {{"any", true}, {"listed", false}})}})},
      {"bootstrap", bootstrap_section(config.bootstrap)},
      {"queue", queue_section(config.policy)},
      {"sms", sms_section(config.sms, config.coap)},
      {"history", history_section(config.history)},
      {"images", images_section(config.firmware)},
      {"campaigns", campaigns_section(config.firmware)},
      {"sink", sink_sections(config.sinks)},
      {"rule", rules_section(config.rules)},
      {"log", table_of({{"level", choice<Level>(config.log_level, {{"debug", Level::Debug},
                                                                   {"info", Level::Info},
                                                                   {"warn", Level::Warn},
                                                                   {"error", Level::Error},
                                                                   {"off", Level::Off}})},
                        {"format", choice<Form>(config.log_form, {{"text", Form::Text}, {"json", Form::Json}})}})},
  };
}

}  // namespace

Result<void> read_config(const std::string& file, Config& config) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream content;
  if (stream) content << stream.rdbuf();
  if (!stream || stream.bad())
    return tl::unexpected(Error{Fault::Us, 0, file + ": cannot read the configuration file"});
  std::int64_t ack_timeout_ms = std::chrono::duration_cast<std::chrono::milliseconds>(config.coap.ack_timeout).count();
  const Table known = sections(config, ack_timeout_ms);
  try {
    const toml::table table = toml::parse(content.str(), file);
    if (auto applied = apply(table, known, file, ""); !applied) return applied;
    if (auto fine = check_api_section(table, file, config); !fine) return fine;
    if (auto fine = check_credentials_section(table, file, config); !fine) return fine;
    if (auto fine = check_sms_section(table, file, config); !fine) return fine;
    if (config.policy.lifetime_min > config.policy.lifetime_max) {
      // One of them is given: the defaults are in order.
      const auto registration = table["registration"];
      const toml::node* node = registration["lifetime_max"].node();
      if (node == nullptr) node = registration["lifetime_min"].node();
      return at({file, "", node->source().begin.line},
                "registration.lifetime_min (" + std::to_string(config.policy.lifetime_min) +
                    ") must be at most registration.lifetime_max (" + std::to_string(config.policy.lifetime_max) + ")");
    }
  } catch (const toml::parse_error& error) {
    return at({file, "", error.source().begin.line}, std::string(error.description()));
  }
  config.coap.ack_timeout = std::chrono::milliseconds(ack_timeout_ms);
  apply_sms_limits(config.sms, config.coap);
  return {};
}

void share_devices(Config& config) {
  config.policy.devices_max = (config.devices_max + config.shards - 1) / config.shards;
}

std::vector<std::string> needs_restart(const Config& running, const Config& wanted) {
  const auto secure = [](const Config& c) { return std::tie(c.secure_listen, c.cbc, c.park_after, c.handshakes_max); };
  const auto store = [](const Config& c) { return std::tie(c.store, c.store_events_max, c.store_key_file); };
  const auto api = [](const Config& c) {
    return std::tie(c.api, c.api_events, c.api_certificate, c.api_private_key, c.api_require_token, c.api_metrics_open);
  };
  BootstrapConfig bootstrap = wanted.bootstrap;
  bootstrap.plans = running.bootstrap.plans;
  bootstrap.credentials = running.bootstrap.credentials;
  bootstrap.authority = running.bootstrap.authority;
  bootstrap.certificate_days = running.bootstrap.certificate_days;
  std::vector<std::string> names;
  for (const auto& [name, same] : std::initializer_list<std::pair<const char*, bool>>{
           {"listen", running.listen == wanted.listen},
           {"shards", running.shards == wanted.shards},
           {"secure", secure(running) == secure(wanted)},
           {"coap", running.coap == wanted.coap},
           {"limits.devices_max", running.devices_max == wanted.devices_max},
           {"api", api(running) == api(wanted)},
           {"store", store(running) == store(wanted)},
           {"audit", running.audit_max == wanted.audit_max},
           {"credentials.device_certificates", running.any_certificate == wanted.any_certificate},
           {"bootstrap", running.bootstrap == bootstrap},
           {"sms", running.sms == wanted.sms},
           {"history", running.history == wanted.history},
           {"images and campaigns", running.firmware == wanted.firmware}}) {
    if (!same) names.emplace_back(name);
  }
  return names;
}

Result<HostPort> parse_host_port(const std::string& text) {
  if (const auto literal = transport::PeerAddress::parse(text)) {
    const std::size_t colon = text.rfind(':');
    const bool bracketed = text.starts_with('[');
    return HostPort{bracketed ? text.substr(1, colon - 2) : text.substr(0, colon), literal->port};
  }
  const std::size_t colon = text.rfind(':');
  HostPort parsed;
  const char* const end = text.data() + text.size();
  const char* stop = nullptr;
  std::errc bad = std::errc::invalid_argument;
  if (colon != std::string::npos && colon > 0 && text.find_first_of(":[]") == colon) {
    const auto number = std::from_chars(text.data() + colon + 1, end, parsed.port);
    stop = number.ptr;
    bad = number.ec;
  }
  if (bad != std::errc{} || stop != end) {
    return tl::unexpected(Error{Fault::Us, 0, "\"" + text + "\" must be HOST:PORT such as [::]:5683"});
  }
  parsed.host = text.substr(0, colon);
  return parsed;
}

}  // namespace drover::droverd
