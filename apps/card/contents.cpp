// SPDX-License-Identifier: Apache-2.0
#include "apps/card/contents.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <utility>

#include "apps/device/section.hpp"
#include "apps/device/security.hpp"
#include "client/binding.hpp"
#include "client/objects/security_object.hpp"
#include "client/objects/server_object.hpp"
#include "client/sms_values.hpp"
#include "client/uri.hpp"
#include "io/definitions.hpp"
#include "lwm2m/content/base64.hpp"
#include "lwm2m/content/content.hpp"

namespace drover::card {

using client::SecurityObject;
using client::ServerObject;
using device::Mistake;
using device::Section;
using lwm2m::Path;

namespace {

constexpr std::int64_t kShortIdMax = 65534;
constexpr std::int64_t kSecondsMax = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t kLifetimeDefault = 86400;

template <class T>
T value_or_refuse(Result<T> result, std::size_t line) {
  if (!result) throw Mistake{line, result.error().reason};
  return std::move(*result);
}

const toml::table& table_of(const toml::node& node, std::string_view name) {
  if (const toml::table* table = node.as_table()) return *table;
  throw Mistake{node.source().begin.line, std::string(name) + " takes a table"};
}

/// The tables of `[[name]]`.
std::vector<const toml::table*> tables_of(const toml::table& table, std::string_view name) {
  const toml::node* node = table.get(name);
  if (node == nullptr) return {};
  const toml::array* array = node->as_array();
  if (array == nullptr) throw Mistake{node->source().begin.line, std::string(name) + " takes tables: [[...]]"};
  std::vector<const toml::table*> all;
  for (const toml::node& element : *array) all.push_back(&table_of(element, name));
  return all;
}

// ---- accounts

struct Account {
  std::string uri;
  bool bootstrap = false;
  client::SecurityValues security{};
  client::SmsValues sms{};
  std::uint16_t short_id = 0;
  std::optional<std::int64_t> hold_off = {}, timeout = {};
};

/// A resource is left out where it has no value.
class Instance {
 public:
  explicit Instance(lwm2m::InstanceId id) : node_{id, {}} {}
  void add(lwm2m::ResourceId id, lwm2m::Value value) {
    node_.resources.push_back(lwm2m::ResourceNode::single(id, std::move(value)));
  }
  void add(lwm2m::ResourceId id, const std::optional<std::int64_t>& number) {
    if (number) add(id, lwm2m::Value(*number));
  }
  lwm2m::InstanceNode take() { return std::move(node_); }

 private:
  lwm2m::InstanceNode node_;
};

/// Resources 3 to 5 are mandatory (Core E.1), also where they are empty.
lwm2m::InstanceNode security_instance(lwm2m::InstanceId id, const Account& account) {
  Instance instance(id);
  instance.add(SecurityObject::kUri, lwm2m::Value(account.uri));
  instance.add(SecurityObject::kBootstrap, lwm2m::Value(account.bootstrap));
  instance.add(SecurityObject::kMode, lwm2m::Value(account.security.mode));
  instance.add(SecurityObject::kIdentity, lwm2m::Value(lwm2m::Opaque{account.security.identity}));
  instance.add(SecurityObject::kServerKey, lwm2m::Value(lwm2m::Opaque{account.security.server_key}));
  instance.add(SecurityObject::kSecretKey, lwm2m::Value(lwm2m::Opaque{account.security.key.reveal()}));
  const client::SmsValues& sms = account.sms;
  instance.add(SecurityObject::kSmsMode, sms.mode);
  if (!sms.key_parameters.empty()) {
    instance.add(SecurityObject::kSmsKeyParameters, lwm2m::Value(lwm2m::Opaque{sms.key_parameters}));
  }
  if (!sms.keys.empty()) instance.add(SecurityObject::kSmsSecretKeys, lwm2m::Value(lwm2m::Opaque{sms.keys.reveal()}));
  if (!sms.number.empty()) instance.add(SecurityObject::kServerNumber, lwm2m::Value(sms.number));
  if (!account.bootstrap) instance.add(SecurityObject::kShortServerId, std::optional<std::int64_t>(account.short_id));
  instance.add(SecurityObject::kHoldOff, account.hold_off);
  instance.add(SecurityObject::kAccountTimeout, account.timeout);
  return instance.take();
}

/// uri, security and sms; the rest is of one kind of server alone.
Account read_account(Section& section, const std::string& folder, std::vector<std::string>& key_files) {
  Account account;
  const auto uri = section.filled_text("uri");
  if (!uri) section.refuse({}, "uri is missing");
  account.uri = *uri;
  const bool by_sms = client::tel_digits(*uri).has_value();
  const auto parsed = client::parse_server_uri(*uri);
  if (!by_sms && !parsed) section.refuse("uri", parsed.error().reason);
  if (auto security = section.table("security")) account.security = read_security(*security, folder, key_files);
  if (auto sms = section.table("sms")) account.sms = read_server_sms(*sms, folder, key_files);
  const bool has_keys = account.security.mode != SecurityObject::kNoSec;
  if (!by_sms && parsed->secure && !has_keys) section.refuse("uri", "coaps needs security = { ... }");
  if (!by_sms && !parsed->secure && has_keys) section.refuse("security", "keys are for a coaps URI");
  return account;
}

class Accounts {
 public:
  Accounts(const toml::table& table, const std::string& folder, std::vector<std::string>& key_files)
      : folder_(folder), key_files_(key_files) {
    if (const toml::node* node = table.get("bootstrap")) add_bootstrap({"[bootstrap]", &table_of(*node, "bootstrap")});
    const auto servers = tables_of(table, "server");
    for (const toml::table* one : servers) reserve({"[[server]]", one});
    for (const toml::table* one : servers) add_server({"[[server]]", one});
  }

  [[nodiscard]] const lwm2m::ObjectNode& security() const { return security_; }
  [[nodiscard]] const lwm2m::ObjectNode& servers() const { return servers_; }

 private:
  void add_bootstrap(Section section) {
    Account account = read_account(section, folder_, key_files_);
    account.bootstrap = true;
    account.hold_off = section.number("hold_off", 0, kSecondsMax);
    account.timeout = section.number("account_timeout", 0, kSecondsMax);
    section.finish();
    security_.instances.push_back(security_instance(0, account));
  }

  void reserve(Section section) {
    const auto id = section.number("id", 1, kShortIdMax);
    if (!id) return;
    if (std::find(ids_.begin(), ids_.end(), *id) != ids_.end()) {
      section.refuse("id", "another [[server]] has the id " + std::to_string(*id));
    }
    ids_.push_back(*id);
  }

  std::uint16_t free_id() {
    std::int64_t id = 1;
    while (std::find(ids_.begin(), ids_.end(), id) != ids_.end()) ++id;
    ids_.push_back(id);
    return static_cast<std::uint16_t>(id);
  }

  void add_server(Section section) {
    Account account = read_account(section, folder_, key_files_);
    const auto id = section.number("id", 1, kShortIdMax);
    account.short_id = id ? static_cast<std::uint16_t>(*id) : free_id();
    const auto instance_id = static_cast<lwm2m::InstanceId>(security_.instances.size());
    security_.instances.push_back(security_instance(instance_id, account));
    Instance server(instance_id);
    const std::optional<std::int64_t> short_id(account.short_id);
    server.add(ServerObject::kShortServerId, short_id);
    server.add(ServerObject::kLifetime,
               std::optional(section.number("lifetime", 1, kSecondsMax).value_or(kLifetimeDefault)));
    server.add(ServerObject::kDefaultPMin, section.number("default_pmin", 0, kSecondsMax));
    server.add(ServerObject::kDefaultPMax, section.number("default_pmax", 1, kSecondsMax));
    server.add(ServerObject::kDisableTimeout, section.number("disable_timeout", 0, kSecondsMax));
    server.add(ServerObject::kNotificationStoring, lwm2m::Value(section.truth("store_notifications").value_or(true)));
    const std::string binding = section.text("binding").value_or("U");
    if (!client::parse_binding(binding)) {
      section.refuse("binding", "binding takes " + client::possible_bindings({true, true, true}));
    }
    server.add(ServerObject::kBinding, lwm2m::Value(binding));
    section.finish();
    servers_.instances.push_back(server.take());
  }

  const std::string& folder_;
  std::vector<std::string>& key_files_;
  std::vector<std::int64_t> ids_;
  lwm2m::ObjectNode security_{SecurityObject::kObject, {}};
  lwm2m::ObjectNode servers_{ServerObject::kObject, {}};
};

// ---- other objects

/// "hex:00ff"; nothing: another text.
std::optional<Bytes> hex_octets(std::string_view text, std::size_t line) {
  constexpr std::string_view kHex = "hex:";
  if (!text.starts_with(kHex)) return std::nullopt;
  auto octets = from_hex(text.substr(kHex.size()));
  if (!octets) throw Mistake{line, "what follows \"hex:\" aren't hex digits, two a byte"};
  return octets;
}

/// As it is written, where no definition says a type.
lwm2m::Value value_as_written(const toml::node& node) {
  const std::size_t line = node.source().begin.line;
  if (const auto text = node.value_exact<std::string>()) {
    if (auto octets = hex_octets(*text, line)) return lwm2m::Opaque{std::move(*octets)};
    return *text;
  }
  if (const auto truth = node.value_exact<bool>()) return *truth;
  if (const auto integer = node.value_exact<std::int64_t>()) return *integer;
  if (const auto real = node.value_exact<double>(); real && std::isfinite(*real)) return *real;
  throw Mistake{line, "a value is a text, a number, true or false"};
}

lwm2m::Value value_of(const toml::node& node, const lwm2m::model::ResourceDefinition* definition) {
  lwm2m::Value value = value_as_written(node);
  if (definition == nullptr) return value;
  const std::size_t line = node.source().begin.line;
  const std::string name = "/" + std::to_string(definition->id) + " (" + definition->name + ", " +
                           to_string(definition->type) + "): ";
  if (definition->type == lwm2m::DataType::None) throw Mistake{line, name + "it has no value"};
  const auto* text = std::get_if<std::string>(&value);
  const bool from_text = text != nullptr && definition->type != lwm2m::DataType::String;
  auto typed = from_text ? lwm2m::content::from_text(definition->type, *text)
                         : lwm2m::content::convert(value, definition->type);
  if (!typed) throw Mistake{line, name + typed.error().reason};
  return std::move(*typed);
}

class Object {
 public:
  Object(const toml::table& table, const lwm2m::model::Registry& registry) : section_("[[object]]", &table) {
    constexpr std::int64_t kObjectMax = 65534;
    const auto id = section_.number("id", 0, kObjectMax);
    if (!id) section_.refuse({}, "id is missing");
    object_.id = node_.id = static_cast<lwm2m::ObjectId>(*id);
    lwm2m::Version version;
    if (const auto text = section_.filled_text("version")) {
      const auto parsed = lwm2m::Version::parse(*text);
      if (!parsed || parsed->major == 0) section_.refuse("version", "version takes \"1.0\" to \"255.255\"");
      version = *parsed;
      object_.version = std::pair(parsed->major, parsed->minor);
    }
    definition_ = registry.find(object_.id, version);
    static_cast<void>(section_.table("values"));
    section_.finish();
    const toml::node* values = table.get("values");
    if (values == nullptr) section_.refuse({}, "values are missing: [object.values] with \"0/1\" = ...");
    for (const auto& [key, value] : table_of(*values, "values")) add(key, value);
    object_.instances = tlv();
  }

  [[nodiscard]] std::size_t line() const { return section_.line(); }
  smartcard::CardObject take() { return std::move(object_); }

 private:
  void add(const toml::key& key, const toml::node& value) {
    const std::size_t line = key.source().begin.line;
    const auto path = Path::parse("/" + std::to_string(object_.id) + "/" + std::string(key.str()));
    if (!path || path->depth() < 3) {
      throw Mistake{line, "\"" + std::string(key.str()) + "\" isn't INSTANCE/RESOURCE, such as \"0/5700\""};
    }
    const auto* definition = definition_ == nullptr ? nullptr : definition_->resource(path->resource());
    if (definition_ != nullptr && definition == nullptr) {
      throw Mistake{line, definition_->name + " has no resource " + std::to_string(path->resource())};
    }
    const toml::array* list = value.as_array();
    const bool several = list != nullptr || path->is_resource_instance();
    const bool multiple = definition == nullptr ? several : definition->multiple;
    if (several && !multiple) throw Mistake{line, definition->name + " is a single resource"};
    lwm2m::ResourceNode& resource = values_[path->instance()][path->resource()];
    resource.id = path->resource();
    resource.multiple = multiple;
    if (list == nullptr) {
      resource.instances.push_back({path->resource_instance(), value_of(value, definition)});
      return;
    }
    if (path->is_resource_instance()) throw Mistake{line, "a list belongs to a resource, such as \"0/6\""};
    lwm2m::ResourceInstanceId id = 0;
    for (const toml::node& element : *list) resource.instances.push_back({id++, value_of(element, definition)});
  }

  Bytes tlv() {
    for (auto& [id, resources] : values_) {
      lwm2m::InstanceNode instance{id, {}};
      for (auto& [number, resource] : resources) {
        auto& all = resource.instances;
        std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
        const auto twice =
            std::adjacent_find(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id == b.id; });
        if (twice != all.end()) {
          throw Mistake{line(), "values say /" + std::to_string(id) + "/" + std::to_string(number) + " twice"};
        }
        instance.resources.push_back(std::move(resource));
      }
      node_.instances.push_back(std::move(instance));
    }
    lwm2m::Tree tree;
    tree.objects.push_back(std::move(node_));
    return value_or_refuse(lwm2m::content::encode(lwm2m::Format::Tlv, Path(object_.id), tree), line());
  }

  Section section_;
  const lwm2m::model::ObjectDefinition* definition_ = nullptr;
  std::map<lwm2m::InstanceId, std::map<lwm2m::ResourceId, lwm2m::ResourceNode>> values_;
  lwm2m::ObjectNode node_{};
  smartcard::CardObject object_{};
};

lwm2m::model::Registry load(const std::vector<std::string>& folders, std::size_t line) {
  lwm2m::model::Registry registry;
  for (const std::string& folder : folders) {
    if (const auto loaded = io::load_definitions(folder, registry); !loaded) throw Mistake{line, loaded.error().reason};
  }
  for (const char* shipped : {"1.0", "extra"}) {
    const auto loaded = io::complete_definitions(io::definitions_folder(shipped), registry);
    if (!loaded) throw Mistake{line, loaded.error().reason};
  }
  return registry;
}

smartcard::CardObject encoded(const lwm2m::ObjectNode& node) {
  lwm2m::Tree tree;
  tree.objects.push_back(node);
  auto tlv = value_or_refuse(lwm2m::content::encode(lwm2m::Format::Tlv, Path(node.id), tree), 0);
  return {node.id, std::nullopt, std::move(tlv)};
}

}  // namespace

std::vector<smartcard::CardObject> read_contents(const void* table, const std::string& folder,
                                                 const std::vector<std::string>& definitions,
                                                 std::vector<std::string>& key_files) {
  const toml::table& parsed = *static_cast<const toml::table*>(table);
  const Accounts accounts(parsed, folder, key_files);
  std::vector<smartcard::CardObject> objects;
  if (!accounts.security().instances.empty()) objects.push_back(encoded(accounts.security()));
  if (!accounts.servers().instances.empty()) objects.push_back(encoded(accounts.servers()));
  const auto others = tables_of(parsed, "object");
  if (others.empty()) return objects;
  const auto registry = load(definitions, others.front()->source().begin.line);
  for (const toml::table* one : others) {
    Object object(*one, registry);
    const std::size_t line = object.line();
    smartcard::CardObject made = object.take();
    const auto is_same = [&made](const auto& each) { return each.id == made.id; };
    const bool twice = std::any_of(objects.begin(), objects.end(), is_same);
    if (twice) throw Mistake{line, "object " + std::to_string(made.id) + " comes twice"};
    objects.push_back(std::move(made));
  }
  return objects;
}

}  // namespace drover::card
