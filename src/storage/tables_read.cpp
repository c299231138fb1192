// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "lwm2m/mapping/mapping.hpp"
#include "storage/tables.hpp"
#include "storage/value_codec.hpp"

namespace drover::storage {

using lwm2m::Path;

namespace {

/// Stops the reading at the first row that nobody could have written.
struct Unreadable {
  std::string what;
};

template <class T>
T number(const Statement& row, int column, const char* what) {
  const std::int64_t value = row.number(column);
  if (row.is_null(column) || value < std::int64_t{std::numeric_limits<T>::min()} ||
      value > std::int64_t{std::numeric_limits<T>::max()}) {
    throw Unreadable{what};
  }
  return static_cast<T>(value);
}

template <class T>
std::optional<T> optional_number(const Statement& row, int column, const char* what) {
  if (row.is_null(column)) return std::nullopt;
  return number<T>(row, column, what);
}

std::optional<double> optional_real(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.real(column);
}

Path path(const Statement& row, int column, const char* what) {
  const auto parsed = Path::parse(row.text(column));
  if (!parsed) throw Unreadable{what};
  return *parsed;
}

Path instance(const Statement& row, const char* what) {
  return {number<std::uint16_t>(row, 0, what), number<std::uint16_t>(row, 1, what)};
}

void check(const Statement& row, const Database& database) {
  if (!row.ok()) throw Unreadable{database.reason()};
}

void read_tree(Database& database, Content& content) {
  Statement instances = database.prepare("SELECT object, instance FROM instance");
  while (instances.row()) content.instances[instance(instances, "instance")];
  check(instances, database);
  Statement resources = database.prepare("SELECT object, instance, resource, multiple FROM resource ORDER BY 1, 2, 3");
  while (resources.row()) {
    const auto found = content.instances.find(instance(resources, "resource"));
    if (found == content.instances.end()) throw Unreadable{"resource"};
    found->second.push_back({number<std::uint16_t>(resources, 2, "resource"), resources.number(3) != 0, {}});
  }
  check(resources, database);
  Statement values = database.prepare(
      "SELECT value.object, value.instance, value.resource, id, type, data FROM value ORDER BY 1, 2, 3, 4");
  while (values.row()) {
    const auto found = content.instances.find(instance(values, "value"));
    const auto id = number<std::uint16_t>(values, 2, "value");
    if (found == content.instances.end()) throw Unreadable{"value"};
    lwm2m::ResourceNode* node = nullptr;
    for (auto& candidate : found->second) {
      if (candidate.id == id) node = &candidate;
    }
    auto value = decode_value(values.number(4), values.bytes(5));
    if (node == nullptr || !value) throw Unreadable{"value"};
    node->instances.push_back({number<std::uint16_t>(values, 3, "value"), std::move(*value)});
  }
  check(values, database);
}

void read_registrations(Database& database, client::SavedState& state) {
  constexpr const char* kWhat = "registration";
  Statement row = database.prepare(
      "SELECT server, host, port, peer, location, endpoint, version, lifetime, binding, sms, links, unsure, ends, secure"
      " FROM registration ORDER BY server");
  while (row.row()) {
    client::SavedRegistration saved;
    saved.server = number<std::uint16_t>(row, 0, kWhat);
    saved.host = row.text(1);
    saved.port = number<std::uint16_t>(row, 2, kWhat);
    const auto peer = transport::PeerAddress::parse(row.text(3));
    auto announcement = lwm2m::mapping::parse_announcement(row.text(10));
    if (!peer || !announcement) throw Unreadable{kWhat};
    saved.peer = *peer;
    saved.location = row.text(4);
    saved.told.endpoint = row.text(5);
    saved.told.version = row.text(6);
    saved.told.lifetime = number<std::uint32_t>(row, 7, kWhat);
    saved.told.binding = row.text(8);
    saved.told.sms = row.text(9);
    saved.told.announcement = std::move(*announcement);
    saved.unsure = row.number(11) != 0;
    saved.ends = row.number(12);
    saved.secure = row.number(13) != 0;
    state.registrations.push_back(std::move(saved));
  }
  check(row, database);
  Statement disabled = database.prepare("SELECT server, until FROM disabled ORDER BY server");
  while (disabled.row()) {
    state.disabled.push_back({number<std::uint16_t>(disabled, 0, "disabled"), disabled.number(1)});
  }
  check(disabled, database);
}

void read_channels(Database& database, client::SavedState& state) {
  constexpr const char* kWhat = "channel";
  Statement row = database.prepare("SELECT server, fingerprint, address, released, session, sms FROM channel ORDER BY server, sms");
  while (row.row()) {
    const auto address = transport::PeerAddress::parse(row.text(2));
    if (!address) throw Unreadable{kWhat};
    state.channels.push_back({number<std::uint16_t>(row, 0, kWhat), static_cast<std::uint64_t>(row.number(1)), *address,
                              Secret<Bytes>(row.bytes(3)), Secret<Bytes>(row.bytes(4)), row.number(5) != 0});
  }
  check(row, database);
  Statement counters = database.prepare("SELECT key, reserved, received FROM sms_counter");
  while (counters.row()) {
    if (counters.number(1) < 0 || counters.number(2) < 0) throw Unreadable{"sms_counter"};
    state.sms_counters.push_back({static_cast<std::uint64_t>(counters.number(0)),
                                  static_cast<std::uint64_t>(counters.number(1)),
                                  static_cast<std::uint64_t>(counters.number(2))});
  }
  check(counters, database);
}

void read_observations(Database& database, client::SavedState& state) {
  constexpr const char* kWhat = "observation";
  Statement row = database.prepare("SELECT server, path, accept, token FROM observation ORDER BY rowid");
  while (row.row()) {
    const Bytes token = row.bytes(3);
    if (token.size() > coap::Token::kSizeMax) throw Unreadable{kWhat};
    state.observations.push_back({number<std::uint16_t>(row, 0, kWhat), path(row, 1, kWhat),
                                  optional_number<lwm2m::FormatNumber>(row, 2, kWhat), coap::Token::of(token)});
  }
  check(row, database);
}

void read_attributes(Database& database, client::SavedState& state) {
  constexpr const char* kWhat = "attribute";
  Statement row = database.prepare("SELECT server, path, pmin, pmax, gt, lt, st FROM attribute ORDER BY server, path");
  while (row.row()) {
    client::AttributeEntry entry;
    entry.server = number<std::uint16_t>(row, 0, kWhat);
    entry.path = path(row, 1, kWhat);
    entry.attributes.pmin = optional_number<std::uint32_t>(row, 2, kWhat);
    entry.attributes.pmax = optional_number<std::uint32_t>(row, 3, kWhat);
    entry.attributes.gt = optional_real(row, 4);
    entry.attributes.lt = optional_real(row, 5);
    entry.attributes.st = optional_real(row, 6);
    state.attributes.push_back(std::move(entry));
  }
  check(row, database);
}

void read_notifications(Database& database, client::SavedState& state) {
  constexpr const char* kWhat = "notification";
  Statement row = database.prepare("SELECT server, path, at, format, payload FROM notification ORDER BY rowid");
  while (row.row()) {
    state.notifications.push_back({number<std::uint16_t>(row, 0, kWhat), path(row, 1, kWhat), row.number(2),
                                   number<lwm2m::FormatNumber>(row, 3, kWhat), row.bytes(4)});
  }
  check(row, database);
}

void read_baseline(Database& database, Baseline& baseline) {
  Statement row = database.prepare("SELECT object, instance, resource, hash FROM baseline");
  while (row.row()) {
    Path path = instance(row, "baseline");
    if (row.number(2) >= 0) path = path.child(number<std::uint16_t>(row, 2, "baseline"));
    baseline[path] = static_cast<std::uint64_t>(row.number(3));
  }
  check(row, database);
}

client::CardDigest digest(const Statement& row, int column) {
  const Bytes bytes = row.bytes(column);
  client::CardDigest digest{};
  if (bytes.size() != digest.size()) throw Unreadable{"card"};
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

void read_card(Database& database, client::SavedState& state) {
  Statement row = database.prepare("SELECT identity, digest FROM card");
  while (row.row()) state.card = client::SavedCard{digest(row, 0), digest(row, 1), {}};
  check(row, database);
  Statement instances = database.prepare("SELECT object, instance FROM card_instance");
  while (instances.row()) {
    if (!state.card) throw Unreadable{"card_instance"};
    state.card->instances.insert(instance(instances, "card_instance"));
  }
  check(instances, database);
}

void read_meta(Database& database, Content& content) {
  Statement row = database.prepare("SELECT name, number FROM meta");
  while (row.row()) {
    const std::string name = row.text(0);
    if (name == "observe_number") content.client.observe_number = number<std::uint32_t>(row, 1, "meta");
    if (name == "bootstrap_purge") content.client.bootstrap_purge = optional_number<std::int64_t>(row, 1, "meta");
    if (name == "clock_offset") content.client.clock_offset = optional_number<std::int64_t>(row, 1, "meta");
    if (name == "port") content.port = number<std::uint16_t>(row, 1, "meta");
  }
  check(row, database);
}

}  // namespace

Result<Content> read_content(Database& database) {
  Content content;
  try {
    read_tree(database, content);
    read_registrations(database, content.client);
    read_channels(database, content.client);
    read_card(database, content.client);
    read_observations(database, content.client);
    read_attributes(database, content.client);
    read_notifications(database, content.client);
    read_baseline(database, content.baseline);
    read_meta(database, content);
  } catch (const Unreadable& unreadable) {
    return tl::unexpected(Error{Fault::Environment, 0, unreadable.what});
  }
  return content;
}

}  // namespace drover::storage
