// SPDX-License-Identifier: Apache-2.0
// What droverd is told, by a TOML file and by flags that go before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "coap/parameters.hpp"
#include "history/value.hpp"
#include "io/log.hpp"
#include "server/policy.hpp"
#include "sinks/delivery.hpp"
#include "store/key_files.hpp"

namespace drover::droverd {

inline constexpr std::size_t kShardsMax = 64;  ///< one thread each; more than the cores of a machine gain nothing
/// Registered devices of the whole server; some 500 bytes each.
inline constexpr std::size_t kDevicesMaxDefault = 1'000'000;

/// "HOST:PORT" taken apart. The host is a name or an IP address without brackets.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
/// Fault::Us, and how to mend it, for any other form.
Result<HostPort> parse_host_port(const std::string& text);

/// The Bootstrap-Server; it runs where it has a port.
struct BootstrapConfig {
  std::string listen;         ///< without security; "": none, as it should be
  std::string secure_listen;  ///< DTLS; "": none
  std::vector<std::string> plans;  ///< files
  /// Its own, other than those of the LwM2M Server (Transport "DTLS-based Security").
  store::ServerCredentialFiles credentials;
  bool any_certificate = false;           ///< else only those with a bootstrap credential
  store::ServerCredentialFiles authority;  ///< certificate and private_key: who signs devices' certificates
  std::uint32_t certificate_days = 3650;
  std::size_t sessions_max = 10000;
  std::size_t kept_sessions_max = 1000;

  [[nodiscard]] bool runs() const { return !listen.empty() || !secure_listen.empty(); }

  friend bool operator==(const BootstrapConfig&, const BootstrapConfig&) = default;
};

/// SMS (Transport "SMS Binding"); on where there is a carrier.
struct SmsConfig {
  /// What short messages without security may do (Transport "SMS Channel Security").
  enum class NoSec : std::uint8_t {
    Off,
    Trigger,  ///< wake the devices of accounts that have no protection
    Any,      ///< everything, to and from everybody: for tests
  };

  std::string msisdn;  ///< the server's own number, digits
  std::string smpp;    ///< HOST:PORT of the SMSC, or
  std::string modem;   ///< a serial device
  std::string system_id, password_file, system_type;
  std::size_t window = 10;
  unsigned baud = 115200;
  std::string pin_file;
  bool receipts = false;
  NoSec nosec = NoSec::Trigger;
  std::uint16_t port = 0;
  std::size_t segments = 4;
  Duration validity = std::chrono::minutes(5);

  [[nodiscard]] bool runs() const { return !smpp.empty() || !modem.empty(); }

  friend bool operator==(const SmsConfig&, const SmsConfig&) = default;
};

/// Stored values.
struct HistoryConfig {
  bool enabled = true;
  history::Limits limits;

  friend bool operator==(const HistoryConfig&, const HistoryConfig&) = default;
};

/// Firmware images and campaigns; on with a store.
struct FirmwareConfig {
  std::uint64_t image_max = std::uint64_t{64} << 20;
  std::uint64_t total_max = std::uint64_t{1} << 30;
  std::size_t images_max = 1000;
  /// How devices are told to reach this server; "": they can't fetch in that way.
  std::string coap_url, coaps_url, http_url;
  std::string http;  ///< where images are given to devices by HTTP, HOST:PORT; "": nowhere
  std::size_t campaigns_max = 1000;
  std::size_t devices_max = 100'000;
  std::uint64_t push_bytes_max = std::uint64_t{256} << 20;

  friend bool operator==(const FirmwareConfig&, const FirmwareConfig&) = default;
};

/// A receiver of events.
struct SinkConfig {
  enum class Kind : std::uint8_t { Webhook, Mqtt };

  std::string name;  ///< of its cursor, its figures, its place in the API
  Kind kind = Kind::Webhook;
  std::string url;
  sinks::DeliverySettings delivery = {.in_flight = 20};  ///< `batch` of a webhook, `in_flight` of MQTT; else 1
  bool from_oldest = false;  ///< where a new one begins: with all that is kept, or with what comes
  Duration timeout = std::chrono::seconds(10);
  std::string ca_file;
  std::string secret_file, token_file;                ///< Webhook
  std::string topic = "drover/{endpoint}/{kind}";     ///< Mqtt, as what follows
  std::string status_topic, client_id, username, password_file;

  friend bool operator==(const SinkConfig&, const SinkConfig&) = default;
};

/// A rule as it stands in the file; see rule_config.hpp.
struct RuleSource {
  std::string name;
  std::string json;  ///< all but the name
  std::string file;
  std::size_t line = 0;
};

struct Config {
  std::string listen = "[::]:5683";
  std::string secure_listen = "[::]:5684";  ///< "": no DTLS
  bool cbc = true;                          ///< the suites with CBC
  std::uint32_t park_after = 10;            ///< seconds
  std::size_t handshakes_max = 8192;        ///< of a shard
  std::size_t shards = 0;  ///< 0: one a core, kShardsMax at most
  coap::Parameters coap;
  server::Policy policy;  ///< devices_max is set by share_devices()
  std::size_t devices_max = kDevicesMaxDefault;
  std::string enabler = "1.0";       ///< version of the shipped definitions of objects 0 to 7
  std::vector<std::string> objects;  ///< folders with more definitions
  std::vector<std::string> api{"127.0.0.1:8080"};
  std::size_t api_events = 16384;
  std::string api_certificate;  ///< PEM files, both or none
  std::string api_private_key;
  bool api_require_token = false;
  std::uint32_t api_rate = 10'000;   ///< requests of one token a second; 0: any number
  std::uint32_t api_burst = 20'000;  ///< and at once
  bool api_metrics_open = false;
  std::string store;           ///< file; "": nothing is kept
  std::size_t store_events_max = 1'000'000;  ///< events on disk
  std::size_t audit_max = 100'000;           ///< records of changes
  std::string store_key_file;  ///< "": the environment's key, else that of STORE.key
  store::ServerCredentialFiles credentials;
  bool any_certificate = true;  ///< else only those with a credential
  BootstrapConfig bootstrap;
  SmsConfig sms;
  HistoryConfig history;
  FirmwareConfig firmware;
  std::vector<SinkConfig> sinks;
  std::vector<RuleSource> rules{};
  io::log::Level log_level = io::log::Level::Info;
  io::log::Form log_form = io::log::Form::Text;
};

/// Gives each shard its equal share of devices_max, rounded up. `shards` is known by then.
void share_devices(Config& config);

/// Reads `file` into `config`. Every key must be known, of its type and in its range: errors read
/// "FILE:LINE: reason".
Result<void> read_config(const std::string& file, Config& config);

/// What of `wanted` differs from `running` and can't be changed while the server runs: keys and sections of the file.
std::vector<std::string> needs_restart(const Config& running, const Config& wanted);

/// What `--help` says about the file.
extern const char* const kConfigHelp;

}  // namespace drover::droverd
