// SPDX-License-Identifier: Apache-2.0
#include "client/consistency.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "client/binding.hpp"
#include "client/objects/security_object.hpp"
#include "client/objects/server_object.hpp"
#include "coap/message/code.hpp"

namespace drover::client {

using lwm2m::InstanceId;
using lwm2m::Path;

namespace {

tl::unexpected<Error> inconsistent(std::string reason) {
  return peer_error(coap::code::kNotAcceptable.value, std::move(reason));
}

std::string name(lwm2m::ObjectId object, InstanceId instance) {
  return Path(object, instance).to_string();
}

bool is_bootstrap(const ObjectTree::Draft& draft, InstanceId security) {
  return draft.get(Path(SecurityObject::kObject, security, SecurityObject::kBootstrap)) == lwm2m::Value(true);
}

/// By Short Server ID.
using Instances = std::map<ServerId, InstanceId>;

Result<void> add(const ObjectTree::Draft& draft, lwm2m::ObjectId object, InstanceId instance, lwm2m::ResourceId resource,
                 Instances& to) {
  const auto id = draft.integer(Path(object, instance, resource));
  if (!id || *id < 1 || *id >= lwm2m::kReservedId) return inconsistent(name(object, instance) + " has no Short Server ID");
  const auto [place, fresh] = to.try_emplace(static_cast<ServerId>(*id), instance);
  if (fresh) return {};
  return inconsistent(name(object, place->second) + " and " + name(object, instance) +
                      " have the same Short Server ID, " + std::to_string(*id));
}

/// That of the Server instance with the same Short Server ID; "" where there is none, or it says nothing.
std::string binding_of(const ObjectTree::Draft& draft, InstanceId security) {
  const auto id = draft.integer(Path(SecurityObject::kObject, security, SecurityObject::kShortServerId));
  for (const InstanceId server : draft.instances(ServerObject::kObject)) {
    if (!id || draft.integer(Path(ServerObject::kObject, server, ServerObject::kShortServerId)) != id) continue;
    const auto value = draft.get(Path(ServerObject::kObject, server, ServerObject::kBinding));
    const auto* text = value ? std::get_if<std::string>(&*value) : nullptr;
    return text == nullptr ? std::string() : *text;
  }
  return "";
}

Result<void> check_account(const ObjectTree::Draft& draft, InstanceId security, const ConsistencyRules& rules) {
  const auto get = [&](const Path& path) { return draft.get(path); };
  const auto value = draft.get(Path(SecurityObject::kObject, security, SecurityObject::kUri));
  const auto* text = value ? std::get_if<std::string>(&*value) : nullptr;
  const std::string binding = is_bootstrap(draft, security) ? std::string() : binding_of(draft, security);
  if (rules.by_sms && !binding.empty()) {
    if (auto fits = rules.by_sms(security, binding); !fits) {
      return inconsistent(name(SecurityObject::kObject, security) + ": " + fits.error().reason);
    }
    const auto parsed = parse_binding(binding);
    if (parsed && parsed->is_sms_alone()) return {};  // the URI isn't where it goes
  }
  const auto uri = parse_server_uri(text == nullptr ? std::string_view() : *text);
  Result<void> fits = uri ? rules.usable(*uri, read_security_values(security, get)) : tl::unexpected(uri.error());
  if (fits) return fits;
  return inconsistent(name(SecurityObject::kObject, security) + ": " + fits.error().reason);
}

Result<void> check_pairs(const Instances& security, const Instances& servers) {
  for (const auto& [id, instance] : security) {
    if (servers.contains(id)) continue;
    return inconsistent(name(SecurityObject::kObject, instance) + " has no Server instance; none has the Short Server ID " +
                        std::to_string(id));
  }
  for (const auto& [id, instance] : servers) {
    if (security.contains(id)) continue;
    return inconsistent(name(ServerObject::kObject, instance) +
                        " has no Security instance; none has the Short Server ID " + std::to_string(id));
  }
  return {};
}

Result<void> check_guards(const ObjectTree::Draft& draft, const Instances& servers, const ConsistencyRules& rules) {
  if (servers.size() > 1 && !rules.access_control) {
    return inconsistent("this client has no Access Control object, so it takes one server");
  }
  for (const InstanceId instance : draft.instances(AccessControl::kObject)) {
    const auto guard = draft.guard(instance);
    if (guard->owner == AccessControl::kNobody || servers.contains(guard->owner)) continue;
    return inconsistent(name(AccessControl::kObject, instance) + " belongs to " + std::to_string(guard->owner) +
                        ", which is no server here");
  }
  return {};
}

Result<void> check(const ObjectTree::Draft& draft, const ConsistencyRules& rules) {
  Instances security;
  Instances servers;
  for (const InstanceId instance : draft.instances(SecurityObject::kObject)) {
    if (auto fits = check_account(draft, instance, rules); !fits) return fits;
    if (is_bootstrap(draft, instance)) continue;
    if (auto fits = add(draft, SecurityObject::kObject, instance, SecurityObject::kShortServerId, security); !fits) {
      return fits;
    }
  }
  for (const InstanceId instance : draft.instances(ServerObject::kObject)) {
    if (auto fits = add(draft, ServerObject::kObject, instance, ServerObject::kShortServerId, servers); !fits) {
      return fits;
    }
  }
  if (auto fits = check_pairs(security, servers); !fits) return fits;
  const bool bootstrap = draft.instances(SecurityObject::kObject).size() > security.size();
  if (security.empty() && !(bootstrap && rules.bootstrap_suffices)) return inconsistent("there is no server account");
  return check_guards(draft, servers, rules);
}

}  // namespace

Result<void> conclude(ObjectTree::Draft& draft, const ConsistencyRules& rules) {
  ObjectTree::Draft last = draft;
  std::vector<InstanceId> bootstrap = last.instances(SecurityObject::kObject);
  std::erase_if(bootstrap, [&](InstanceId instance) { return !is_bootstrap(last, instance); });
  if (bootstrap.size() > 1 && rules.bootstrap && std::erase(bootstrap, *rules.bootstrap) != 0) {
    last.remove(SecurityObject::kObject, *rules.bootstrap);
  }
  if (bootstrap.size() > 1) return inconsistent("there are several Bootstrap-Server accounts");
  if (auto fits = check(last, rules); !fits) return fits;
  draft = std::move(last);
  return {};
}

}  // namespace drover::client
