// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/json_accounts.hpp"

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/uri.hpp"
#include "bootstrap/account.hpp"
#include "lwm2m/content/content.hpp"
#include "lwm2m/model/range.hpp"

namespace drover::bootstrap {
namespace {

using nlohmann::json;
using security::CertificateCredential;
using security::PskCredential;
using security::RawKeyCredential;

constexpr std::int64_t kInstanceMax = lwm2m::kReservedId - 1;
constexpr std::int64_t kKeyBytes = 16;     // 128 bits (Appendix F)
constexpr std::int64_t kKeyBytesMin = 16;  // less isn't "high entropy" (Transport "Pre-Shared Keys")
constexpr std::int64_t kSecondsMax = INT32_MAX;

std::optional<SecurityMode> mode_of(std::string_view text) {
  for (const SecurityMode mode :
       {SecurityMode::Psk, SecurityMode::RawPublicKey, SecurityMode::Certificate, SecurityMode::NoSec}) {
    if (text == to_string(mode)) return mode;
  }
  return std::nullopt;
}

TextTemplate read_template(Fields& fields, const char* name, const std::string& text, bool has_id) {
  auto parsed = TextTemplate::parse(text, has_id);
  if (!parsed) {
    fields.bad(name, parsed.error().reason);
    return {};
  }
  return std::move(*parsed);
}

void read_psk(Fields& fields, Account& account) {
  const auto key = fields.text("key");
  const bool generate = !key || *key == "generate";
  const auto bytes = fields.number("key_bytes", kKeyBytesMin, std::int64_t{security::kPskMax});
  account.key_bytes = static_cast<std::size_t>(bytes.value_or(kKeyBytes));
  if (!generate) {
    auto given = fields.hex("key");
    if (fields.has("key_bytes")) fields.bad("key_bytes", "is for a generated key");
    if (given && given->size() > security::kPskMax) fields.bad("key", "has more than 64 bytes");
    if (given) account.given = security::ClientCredential{PskCredential{"", Secret<Bytes>(std::move(*given))}, {}};
  }
  // A generated key is an entry of its own beside an older one: two can't have one identity.
  const auto identity = fields.text("identity").value_or(generate ? "{endpoint}.{serial}" : "{endpoint}");
  if (identity.empty()) fields.bad("identity", "is empty");
  account.identity = read_template(fields, "identity", identity, !account.is_bootstrap());
  for (const char* name : {"public_key", "private_key", "server_public_key"}) {
    if (fields.has(name)) fields.bad(name, "isn't for mode psk");
  }
}

void read_key_pair(Fields& fields, Account& account) {
  const auto key = fields.text("key");
  if (key && *key != "generate") fields.bad("key", "must be \"generate\"; one's own are public_key and private_key");
  auto public_key = fields.hex("public_key");
  auto private_key = fields.hex("private_key");
  account.server_public_key = fields.hex("server_public_key").value_or(Bytes{});
  for (const char* name : {"identity", "key_bytes"}) {
    if (fields.has(name)) fields.bad(name, "is for mode psk");
  }
  if (!public_key && !private_key) return;
  if (key) fields.bad("key", "public_key and private_key are given");
  if (!public_key) return fields.missing("public_key");
  if (!private_key) return fields.missing("private_key");
  if (account.server_public_key.empty()) return fields.missing("server_public_key");
  Secret<Bytes> secret(std::move(*private_key));
  if (account.mode == SecurityMode::RawPublicKey) {
    account.given = security::ClientCredential{RawKeyCredential{std::move(*public_key), std::move(secret)}, account.server_public_key};
  } else {
    account.given = security::ClientCredential{CertificateCredential{{std::move(*public_key)}, std::move(secret)}, account.server_public_key};
  }
}

void read_security(Fields& fields, Account& account) {
  const json* value = fields.take("security");
  if (value == nullptr) return fields.bad("security", R"(missing: say {"mode":"nosec"} to have none)");
  Fields security(fields.problems(), *value, fields.at("security"));
  const auto text = security.text("mode");
  const auto mode = text ? mode_of(*text) : std::nullopt;
  if (!mode) {
    return security.bad("mode", text ? "must be \"psk\", \"rpk\", \"x509\" or \"nosec\""
                                     : R"(missing: say "nosec" to have no security)");
  }
  account.mode = *mode;
  switch (*mode) {
    case SecurityMode::Psk: return read_psk(security, account);
    case SecurityMode::RawPublicKey:
    case SecurityMode::Certificate: return read_key_pair(security, account);
    case SecurityMode::NoSec: break;
  }
}

void read_uri(Fields& fields, Account& account) {
  const auto text = fields.text("uri");
  if (!text) return fields.missing("uri");
  account.uri = read_template(fields, "uri", *text, !account.is_bootstrap());
  // What stands for the placeholders can't change what is checked here.
  const std::string sample = account.uri.fill_uri({"x", "00000000", account.short_server_id});
  const auto uri = parse_uri(sample);
  if (!uri) return fields.bad("uri", uri.error().reason);
  if (uri->host.empty()) return fields.bad("uri", "has no host");
  if (sample.size() > kUriBytesMax) return fields.bad("uri", "has more than 255 bytes");
  const bool secure = account.mode != SecurityMode::NoSec;
  if (uri->scheme != (secure ? "coaps" : "coap")) {
    fields.bad("uri", secure ? "must begin with coaps:// in this security mode"
                             : "must begin with coap:// in security mode nosec");
  }
}

void read_instance(Fields& fields, const char* name, std::optional<lwm2m::InstanceId>& instance) {
  if (const auto id = fields.number(name, 0, kInstanceMax)) instance = static_cast<lwm2m::InstanceId>(*id);
}

/// /1/x (Core E.2).
void read_server(Fields& fields, Account& account, const lwm2m::model::Registry& definitions) {
  using lwm2m::ResourceNode;
  auto& resources = account.server.resources;
  const auto add = [&](lwm2m::ResourceId id, lwm2m::Value value) {
    resources.push_back(ResourceNode::single(id, std::move(value)));
  };
  const auto add_number = [&](lwm2m::ResourceId id, std::optional<std::int64_t> number) {
    if (number) add(id, *number);
  };
  add(0, std::int64_t{*account.short_server_id});
  add_number(1, fields.number("lifetime", 1, kSecondsMax).value_or(86400));
  add_number(2, fields.number("pmin", 0, kSecondsMax));
  add_number(3, fields.number("pmax", 1, kSecondsMax));
  add_number(5, fields.number("disable_timeout", 0, kSecondsMax));
  add(6, fields.flag("store_notifications").value_or(true));
  add(7, fields.text("binding").value_or("U"));
  const auto* object = definitions.find(1);
  if (object == nullptr) return fields.problems().add(fields.place(), "object 1 is unknown here");
  if (const auto& binding = std::get<std::string>(resources.back().instances.front().value);
      binding.empty() || binding.find_first_not_of("UQSTN") != std::string::npos) {
    fields.bad("binding", "must be a binding mode like U, UQ or UQS");
  }
  const lwm2m::Path path(1, 0);
  auto encoded = lwm2m::content::encode(lwm2m::Format::Tlv, path, {{{1, {{0, resources}}}}});
  if (!encoded) return fields.problems().add(fields.place(), encoded.error().reason);
  account.server_tlv = std::move(*encoded);
}

}  // namespace

Account read_server_account(const json& value, const std::string& place, const lwm2m::model::Registry& definitions,
                            Problems& problems) {
  Account account;
  account.short_server_id = 0;
  Fields fields(problems, value, place);
  const auto id = fields.number("id", 1, kInstanceMax);
  if (!id && !fields.has("id")) fields.bad("id", "missing: the Short Server ID");
  account.short_server_id = static_cast<std::uint16_t>(id.value_or(1));
  read_security(fields, account);
  read_uri(fields, account);
  read_instance(fields, "security_instance", account.security_instance);
  read_instance(fields, "server_instance", account.server_instance);
  read_server(fields, account, definitions);
  return account;
}

Account read_bootstrap_account(const json& value, const std::string& place, Problems& problems) {
  Account account;
  Fields fields(problems, value, place);
  read_security(fields, account);
  read_uri(fields, account);
  read_instance(fields, "security_instance", account.security_instance);
  if (const auto time = fields.number("hold_off", 0, kSecondsMax)) account.hold_off = static_cast<std::uint32_t>(*time);
  if (const auto time = fields.number("account_timeout", 0, kSecondsMax)) {
    account.account_timeout = static_cast<std::uint32_t>(*time);
  }
  return account;
}

void check_accounts(const std::vector<Account>& accounts, const std::vector<std::string>& places, Problems& problems) {
  std::set<std::uint16_t> ids;
  std::set<lwm2m::InstanceId> security_instances, server_instances;
  std::map<Bytes, std::size_t> keys;
  for (std::size_t i = 0; i < accounts.size(); ++i) {
    const Account& account = accounts[i];
    if (account.short_server_id && !ids.insert(*account.short_server_id).second) {
      problems.add(places[i] + ".id", "doubled: a Short Server ID is of one account");
    }
    if (account.security_instance && !security_instances.insert(*account.security_instance).second) {
      problems.add(places[i] + ".security_instance", "is another account's, too");
    }
    if (account.server_instance && !server_instances.insert(*account.server_instance).second) {
      problems.add(places[i] + ".server_instance", "is another account's, too");
    }
    if (!account.given) continue;
    const auto [known, is_new] = keys.try_emplace(secret_key(*account.given).reveal(), i);
    if (!is_new) {
      problems.add(places[i] + ".security", "has the key of " + places[known->second] +
                                                ": accounts must have different keys (Core 5.2.5)");
    }
  }
}

}  // namespace drover::bootstrap
