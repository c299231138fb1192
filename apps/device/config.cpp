// SPDX-License-Identifier: Apache-2.0
#include "apps/device/config.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <sstream>

#include "apps/device/section.hpp"
#include "apps/device/security.hpp"
#include "client/binding.hpp"
#include "client/settings.hpp"
#include "client/uri.hpp"

namespace drover::device {
namespace {

std::size_t line_of(const toml::node& node) {
  return node.source().begin.line;
}

[[noreturn]] void refuse(const toml::node& node, std::string reason) {
  throw Mistake{line_of(node), std::move(reason)};
}

/// A table whose unknown keys are mistakes: a misspelt key must not be silently without effect.
void check_keys(const toml::table& table, std::initializer_list<std::string_view> known, std::string_view where) {
  for (const auto& [key, node] : table) {
    const std::string_view name = key.str();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string list;
    for (const std::string_view other : known) list += (list.empty() ? "" : ", ") + std::string(other);
    throw Mistake{key.source().begin.line,
                  "unknown key \"" + std::string(name) + "\"" + std::string(where) + "; known are " + list};
  }
}

std::string text_of(const toml::node& node, std::string_view name) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  refuse(node, std::string(name) + " takes a text in quotes");
}

template <class T>
T number_of(const toml::node& node, std::string_view name, std::int64_t least, std::int64_t most) {
  const auto number = node.value_exact<std::int64_t>();
  if (!number || *number < least || *number > most) {
    refuse(node, std::string(name) + " takes a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return static_cast<T>(*number);
}

bool truth_of(const toml::node& node, std::string_view name) {
  if (const auto truth = node.value_exact<bool>()) return *truth;
  refuse(node, std::string(name) + " takes true or false");
}

double real_of(const toml::node& node, std::string_view name) {
  const auto number = node.value<double>();
  if (!number || !std::isfinite(*number) || !node.is_number()) refuse(node, std::string(name) + " takes a number");
  return *number;
}

Duration duration_of(const toml::node& node, std::string_view name) {
  std::optional<Duration> duration;
  if (const auto seconds = node.value_exact<std::int64_t>()) {
    duration = parse_duration(std::to_string(*seconds) + "s");
  } else if (const auto text = node.value_exact<std::string>()) {
    duration = parse_duration(*text);
  }
  if (!duration) refuse(node, std::string(name) + " takes a duration such as \"500ms\", \"5s\", \"2m\" or \"1h\"");
  return *duration;
}

/// The text form of Core Appendix C of what stands in the file.
std::string value_text(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto truth = node.value_exact<bool>()) return *truth ? "1" : "0";
  if (const auto integer = node.value_exact<std::int64_t>()) return std::to_string(*integer);
  if (const auto real = node.value_exact<double>(); real && std::isfinite(*real)) {
    std::array<char, 400> buffer{};  // the longest double in fixed notation has 309 digits before the point
    const auto [end, error] =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), *real, std::chars_format::fixed);
    return {buffer.data(), end};
  }
  refuse(node, "a value is a text, a number, true or false");
}

lwm2m::Path path_of(std::string_view text, std::size_t line, int depth_min, int depth_max, const char* example) {
  const auto path = lwm2m::Path::parse(text);
  if (path && text.starts_with('/') && path->depth() >= depth_min && path->depth() <= depth_max) return *path;
  throw Mistake{line, "\"" + std::string(text) + "\" isn't a path such as \"" + example + "\""};
}

const toml::table& table_of(const toml::node& node, std::string_view name) {
  const toml::table* table = node.as_table();
  if (table == nullptr) refuse(node, std::string(name) + " takes a table");
  return *table;
}

/// The table `[name]` for the part of the device that reads it.
Section section_of(const toml::node& node, std::string_view name) {
  return {"[" + std::string(name) + "]", &table_of(node, name)};
}

const toml::array& array_of(const toml::node& node, std::string_view name) {
  const toml::array* array = node.as_array();
  if (array == nullptr) refuse(node, std::string(name) + " takes a list in [ ]");
  return *array;
}

std::string binding_of(const toml::node& node) {
  const std::string text = text_of(node, "binding");
  if (!client::parse_binding(text)) refuse(node, "binding takes " + client::possible_bindings({true, true, true}));
  return text;
}

void read_server(const toml::node& node, const std::string& folder, Config& config) {
  ServerEntry server;
  server.line = line_of(node);
  if (node.is_string()) {
    server.uri = text_of(node, "server");
  } else {
    const toml::table& table = table_of(node, "server");
    check_keys(table, {"uri", "id", "lifetime", "security", "binding", "sms"}, " in [[server]]");
    const toml::node* uri = table.get("uri");
    if (uri == nullptr) refuse(node, "[[server]] needs uri = \"coaps://HOST\"");
    server.uri = text_of(*uri, "uri");
    server.line = line_of(*uri);
    if (const auto* id = table.get("id")) {
      server.id = number_of<std::uint16_t>(*id, "id", 1, 65534);
      for (const ServerEntry& other : config.servers) {
        if (other.id == server.id) refuse(*id, "another [[server]] has the id " + std::to_string(server.id));
      }
    }
    if (const auto* security = table.get("security")) {
      server.security = read_security({"security", &table_of(*security, "security")}, folder, config.key_files);
    }
    if (const auto* binding = table.get("binding")) server.binding = binding_of(*binding);
    if (const auto* sms = table.get("sms")) {
      server.sms = read_server_sms({"sms", &table_of(*sms, "sms")}, folder, config.key_files);
    }
    if (const auto* lifetime = table.get("lifetime")) {
      server.lifetime = number_of<std::uint32_t>(*lifetime, "lifetime", 1, std::numeric_limits<std::uint32_t>::max());
    }
  }
  config.servers.push_back(std::move(server));
}

void read_values(const toml::node& node, Config& config) {
  for (const auto& [key, value] : table_of(node, "values")) {
    const lwm2m::Path path = path_of(key.str(), key.source().begin.line, 3, 4, "/3303/0/5700");
    const toml::array* list = value.as_array();
    if (list == nullptr) {
      config.values.push_back({path, value_text(value), line_of(value)});
      continue;
    }
    if (!path.is_resource()) refuse(value, "a list belongs to a resource such as \"/3/0/6\"");
    std::uint16_t id = 0;
    for (const toml::node& element : *list) {
      config.values.push_back({path.child(id), value_text(element), line_of(element)});
      if (++id == lwm2m::kReservedId) refuse(element, "the list is too long");
    }
  }
}

void read_shape(const toml::node& node, ScriptEntry::Kind kind, std::string_view name, ScriptEntry& script) {
  const toml::table& table = table_of(node, name);
  const bool has_period = kind != ScriptEntry::Kind::Random;
  if (has_period) {
    check_keys(table, {"min", "max", "period"}, " in a script");
  } else {
    check_keys(table, {"min", "max"}, " in a script");
  }
  const toml::node* min = table.get("min");
  const toml::node* max = table.get("max");
  const toml::node* period = table.get("period");
  if (min == nullptr || max == nullptr || (has_period && period == nullptr)) {
    refuse(node, std::string(name) + (has_period ? " = { min = 0, max = 10, period = \"60s\" } needs all three"
                                                 : " = { min = 0, max = 10 } needs both"));
  }
  script.kind = kind;
  script.min = real_of(*min, "min");
  script.max = real_of(*max, "max");
  if (script.max < script.min) refuse(*max, "max is smaller than min");
  if (has_period) script.period = duration_of(*period, "period");
}

void read_script(const toml::node& node, Config& config) {
  const toml::table& table = table_of(node, "script");
  check_keys(table, {"path", "every", "values", "sine", "ramp", "random"}, " in [[script]]");
  ScriptEntry script;
  script.line = line_of(node);
  const toml::node* path = table.get("path");
  const toml::node* every = table.get("every");
  if (path == nullptr || every == nullptr) refuse(node, "[[script]] needs path = \"/O/I/R\" and every = \"5s\"");
  script.path = path_of(text_of(*path, "path"), line_of(*path), 3, 4, "/3303/0/5700");
  script.every = duration_of(*every, "every");
  int shapes = 0;
  if (const auto* values = table.get("values")) {
    for (const toml::node& value : array_of(*values, "values")) script.values.push_back(value_text(value));
    if (script.values.empty()) refuse(*values, "values is empty");
    ++shapes;
  }
  using Kind = ScriptEntry::Kind;
  const std::pair<std::string_view, Kind> kinds[] = {
      {"sine", Kind::Sine}, {"ramp", Kind::Ramp}, {"random", Kind::Random}};
  for (const auto& [name, kind] : kinds) {
    if (const auto* shape = table.get(name)) {
      read_shape(*shape, kind, name, script);
      ++shapes;
    }
  }
  if (shapes != 1) refuse(node, "[[script]] needs one of values, sine, ramp and random");
  config.scripts.push_back(std::move(script));
}

void read_coap(Section section, Config& config) {
  // Far below a second ACK_TIMEOUT asks for what RFC 7252 §4.8.1 warns of; a loopback or a field bus still wants it.
  constexpr Duration kTimeoutMin = std::chrono::milliseconds(100);
  constexpr Duration kTimeoutMax = std::chrono::minutes(1);
  constexpr std::int64_t kRetransmitMax = 10;  // with a minute 34 h: past it nobody waits for an answer
  constexpr std::int64_t kBlockMin = 16;       // RFC 7959 §2.2: szx 0 to 6
  constexpr std::int64_t kBlockMax = 1024;
  constexpr std::int64_t kNumberMax = std::numeric_limits<std::int64_t>::max();  // the answer lists the sizes
  coap::Parameters& coap = config.coap;
  if (const auto timeout = section.duration("ack_timeout")) {
    coap.ack_timeout = *timeout;
    if (*timeout < kTimeoutMin || *timeout > kTimeoutMax) {
      section.refuse("ack_timeout", "ack_timeout takes \"100ms\" to \"1m\"");
    }
  }
  if (const auto count = section.number("max_retransmit", 0, kRetransmitMax)) {
    coap.max_retransmit = static_cast<std::uint32_t>(*count);
  }
  if (const auto count = section.number("nstart", 1, static_cast<std::int64_t>(coap.requests_max_per_peer))) {
    coap.nstart = static_cast<std::uint32_t>(*count);
  }
  if (const auto size = section.number("block_size", 0, kNumberMax)) {
    std::uint8_t szx = 0;
    while (kBlockMin << szx < std::min(*size, kBlockMax)) ++szx;
    if (kBlockMin << szx != *size) {
      section.refuse("block_size", "block_size takes 16, 32, 64, 128, 256, 512 or 1024");
    }
    coap.block_szx = szx;
  }
  section.finish();
}

void read_notification(Section section, client::NotificationPolicy& policy) {
  constexpr Duration kEveryMax = std::chrono::hours(24);  // RFC 7641 §4.5
  if (const auto all = section.truth("confirmable")) policy.confirmable = *all;
  if (const auto every = section.duration("confirmable_every")) {
    policy.confirmable_every = *every;
    if (*every > kEveryMax) section.refuse("confirmable_every", "confirmable_every takes at most \"24h\"");
  }
  section.finish();
}

/// Refuses the text of `key` where `check` does.
template <class Check>
void check_text(const toml::table& table, std::string_view key, Check check) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return;
  if (auto fits = check(text_of(*node, key)); !fits) refuse(*node, fits.error().reason);
}

void read_messaging(const toml::table& table, const std::string& folder, Config& config) {
  if (const auto* node = table.get("binding")) config.binding = binding_of(*node);
  if (const auto* node = table.get("queue")) read_queue(section_of(*node, "queue"), config.queue);
  const auto* node = table.get("sms");
  if (node == nullptr) return;
  if (!node->is_string()) return read_sms(section_of(*node, "sms"), folder, config.key_files, config.sms);
  config.sms.number = text_of(*node, "sms");
  check_text(table, "sms", client::check_sms);
}

void read_table(const toml::table& table, const std::string& file, Config& config) {
  check_keys(table,
             {"endpoint", "server", "lifetime", "bind", "path", "version", "sms", "objects", "support", "values",
              "binding", "queue", "script", "control", "events", "coap", "notification", "access", "firmware", "machine", "state", "security",
              "bootstrap", "card"},
             "");
  const std::string folder = std::filesystem::path(file).parent_path().string();
  const auto text = [&](std::string_view key, std::string& into) {
    if (const auto* node = table.get(key)) into = text_of(*node, key);
  };
  text("endpoint", config.endpoint);
  text("bind", config.bind);
  text("path", config.root);
  text("version", config.version);
  text("control", config.control);
  check_text(table, "endpoint", client::check_endpoint);
  check_text(table, "bind", parse_bind);
  check_text(table, "path", client::check_alternate_path);
  check_text(table, "version", client::check_version);
  read_messaging(table, folder, config);
  if (const auto* node = table.get("bind")) config.bind_line = line_of(*node);
  if (const auto* node = table.get("coap")) read_coap(section_of(*node, "coap"), config);
  if (const auto* node = table.get("notification")) {
    read_notification(section_of(*node, "notification"), config.notification);
  }
  if (const auto* node = table.get("access")) read_access(section_of(*node, "access"), config.access);
  if (const auto* node = table.get("firmware")) {
    read_firmware(section_of(*node, "firmware"), folder, config.firmware);
  }
  if (const auto* node = table.get("machine")) read_machine(section_of(*node, "machine"), config.machine);
  if (const auto* node = table.get("state")) {
    read_state(section_of(*node, "state"), folder, config.state);
  }
  if (const auto* node = table.get("security")) {
    config.security = read_security(section_of(*node, "security"), folder, config.key_files);
  }
  if (const auto* node = table.get("bootstrap")) {
    read_bootstrap(section_of(*node, "bootstrap"), folder, config.key_files, config.bootstrap);
  }
  if (const auto* node = table.get("card")) read_card(section_of(*node, "card"), folder, config.key_files, config.card);
  if (const auto* node = table.get("events")) config.events = truth_of(*node, "events");
  if (const auto* node = table.get("lifetime")) {
    config.lifetime = number_of<std::uint32_t>(*node, "lifetime", 1, std::numeric_limits<std::uint32_t>::max());
  }
  if (const auto* node = table.get("server")) {
    if (const toml::array* list = node->as_array()) {
      for (const toml::node& entry : *list) read_server(entry, folder, config);
    } else {
      read_server(*node, folder, config);
    }
  }
  if (const auto* node = table.get("objects")) {
    const auto base = std::filesystem::path(file).parent_path();
    for (const toml::node& entry : array_of(*node, "objects")) {
      config.objects.push_back((base / text_of(entry, "objects")).string());
    }
  }
  if (const auto* node = table.get("support")) {
    for (const toml::node& entry : array_of(*node, "support")) {
      config.support.push_back(number_of<std::uint16_t>(entry, "support", 0, 65534));
    }
  }
  if (const auto* node = table.get("values")) read_values(*node, config);
  if (const auto* node = table.get("script")) {
    for (const toml::node& entry : array_of(*node, "script")) read_script(entry, config);
  }
}

tl::unexpected<Error> wrong(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}

tl::unexpected<Error> at(const std::string& file, std::size_t line, const std::string& reason) {
  return tl::unexpected(Error{Fault::Environment, 0, file + ":" + std::to_string(line) + ": " + reason});
}

}  // namespace

Result<transport::PeerAddress> parse_bind(const std::string& text) {
  if (text.empty()) return transport::PeerAddress{};
  if (const auto address = transport::PeerAddress::parse(text)) return *address;
  return tl::unexpected(
      Error{Fault::Environment, 0, "bind \"" + text + "\": write ADDRESS:PORT, such as 0.0.0.0:5683 or [::]:5683"});
}

client::SecurityValues security_of(const Config& config, const std::string& uri,
                                   const std::optional<client::SecurityValues>& own) {
  if (own) return *own;
  const auto parsed = client::parse_server_uri(uri);
  return config.security && parsed && parsed->secure ? *config.security : client::SecurityValues{};
}

Result<void> check_servers(const Config& config) {
  const BootstrapConfig& bootstrap = config.bootstrap;
  if (bootstrap.uri.empty()) {
    // An account may also be given resource by resource: /0/x and /1/x.
    const bool has_account =
        !config.servers.empty() || std::any_of(config.values.begin(), config.values.end(), [](const ValueEntry& value) {
          return value.path.object() == client::SecurityObject::kObject;
        });
    if (has_account || config.card.is_there()) return {};
    return wrong(
        "no server; give --server coaps://HOST or server = \"coaps://HOST\" in the file, or one that tells the device "
        "its servers: --bootstrap coaps://HOST or [bootstrap] uri = \"coaps://HOST\", or a smartcard: [card]");
  }
  const auto refuse = [&](const std::string& reason) {
    return bootstrap.line == 0 ? wrong(reason) : at(config.file, bootstrap.line, reason);
  };
  const client::SecurityValues keys = security_of(config, bootstrap.uri, bootstrap.security);
  for (const ServerEntry& server : config.servers) {
    const client::SecurityValues others = security_of(config, server.uri, server.security);
    if (keys.key.reveal().empty() || keys.key.reveal() != others.key.reveal()) continue;
    return refuse("the bootstrap server has the key of " + server.uri +
                  "; give it one of its own, security = { ... } in [bootstrap] (Core 5.2.5)");
  }
  if (!bootstrap.accept_handshakes) return {};
  const auto uri = client::parse_server_uri(bootstrap.uri);
  if (uri && !uri->secure) {
    return refuse("accept_handshakes: without security nobody may begin a bootstrap but the device; use coaps://");
  }
  const auto local = parse_bind(config.bind);
  if (local && local->port != 0) return {};
  return refuse("accept_handshakes: servers need a port to call; give bind = \"[::]:5684\" or --bind");
}

void assign_ids(std::vector<ServerEntry>& servers) {
  std::uint16_t next = 1;
  const auto taken = [&](std::uint16_t id) {
    return std::any_of(servers.begin(), servers.end(), [&](const ServerEntry& server) { return server.id == id; });
  };
  for (ServerEntry& server : servers) {
    if (server.id != 0) continue;
    while (next < lwm2m::kReservedId && taken(next)) ++next;
    server.id = next;  // 65535 when all are taken, which add_account() refuses
  }
}

Result<void> parse_config(std::string_view text, const std::string& file, Config& config) {
  config.file = file;
  try {
    read_table(toml::parse(text, file), file, config);
  } catch (const toml::parse_error& error) {
    return at(file, error.source().begin.line, std::string(error.description()));
  } catch (const Mistake& mistake) {
    return at(file, mistake.line, mistake.reason);
  }
  return {};
}

Result<void> read_config(const std::string& file, Config& config) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  if (!stream) {
    return tl::unexpected(
        Error{Fault::Environment, 0, file + ": can't be read; give --config the path of a TOML file"});
  }
  return parse_config(text.str(), file, config);
}

}  // namespace drover::device
