// SPDX-License-Identifier: Apache-2.0
// Bootstrap from smartcard (Core §5.2.3.2; §5.2.4, step 1): when the card is looked at, and how its objects become the
// device's configuration and go again.
#include "client/card.hpp"

#include <algorithm>

#include "client/client.hpp"
#include "client/consistency.hpp"
#include "lwm2m/content/format.hpp"
#include "smartcard/bootstrap_file.hpp"

namespace drover::client {

using lwm2m::InstanceId;
using lwm2m::ObjectId;
using lwm2m::Path;

namespace {

/// Objects 0, 1 and 2 are one configuration.
bool is_configuration(ObjectId object) {
  return object == SecurityObject::kObject || object == ServerObject::kObject || object == AccessControl::kObject;
}

void clear(ObjectTree::Draft& draft, ObjectId object) {
  for (const InstanceId instance : draft.instances(object)) draft.remove(object, instance);
}

std::set<Path> instances_of(const ObjectTree::Draft& draft, const std::vector<ObjectId>& objects) {
  std::set<Path> paths;
  for (const ObjectId object : objects) {
    for (const InstanceId instance : draft.instances(object)) paths.emplace(object, instance);
  }
  return paths;
}

/// "object 3303 isn't known here"; nothing when this client takes it.
std::optional<std::string> misfit(const ObjectTree& tree, const smartcard::CardObject& object) {
  const std::string name = "object " + std::to_string(object.id);
  const auto* definition = tree.find(object.id);
  if (definition == nullptr) return name + " isn't known here";
  const unsigned wanted = object.version ? object.version->first : 1U;
  if (object.version && definition->version.major != wanted) {
    return name + " is of version " + std::to_string(wanted) + "." + std::to_string(object.version->second);
  }
  return std::nullopt;
}

}  // namespace

const char* to_string(CardReport::Kind kind) {
  switch (kind) {
    case CardReport::Kind::Loaded: return "loaded";
    case CardReport::Kind::Unchanged: return "unchanged";
    case CardReport::Kind::Nothing: return "nothing";
    case CardReport::Kind::Removed: return "removed";
    case CardReport::Kind::Refused: return "refused";
    case CardReport::Kind::Unreadable: return "unreadable";
  }
  return "?";
}

// ---- when -----------------------------------------------------------------------------------------------------------

bool Client::may_register() const {
  return started_ && (!settings_.smartcard || card_.tried);
}

void Client::ask_card(Instant now) {
  if (card_.asked_until) return;
  card_.asked_until = now + settings_.card.patience;
  events_.emplace_back(CardWanted{});
}

void Client::look_at_card(Instant now) {
  if (settings_.smartcard && started_) ask_card(now);
  settle(now);
}

/// Core §5.2.3.2: each Register and Update is behind a look at the card, where the configuration is of one. A card that
/// couldn't be read is tried again with them, too.
bool Client::holds_for_card(Instant now, Account& account, const lwm2m::Uplink& uplink) {
  if (!settings_.smartcard || std::holds_alternative<lwm2m::Deregister>(uplink)) return false;
  if (!card_.tried) return true;  // start() asks
  const bool has_any = card_.loaded && !card_.loaded->instances.empty();
  if (!has_any && !card_.unreadable) return false;
  const bool is_fresh = card_.looked_at && now - *card_.looked_at <= settings_.card.fresh && !card_.asked_until;
  if (is_fresh && account.look != card_.looks) {
    account.look = card_.looks;
    return false;
  }
  ask_card(now);
  return true;
}

void Client::card_found(Instant now, CardFinding finding) {
  if (!settings_.smartcard || !started_) return;
  card_.found = std::move(finding);
  settle(now);
}

void Client::time_out_card(Instant now) {
  if (card_.found || !card_.asked_until || *card_.asked_until > now) return;
  card_.found = UnreadableCard{"the card's reader doesn't answer"};
}

std::optional<Deadline> Client::card_deadline() const {
  if (!card_.asked_until || card_.found) return std::nullopt;
  return Deadline{*card_.asked_until, Reason::Bootstrap};
}

bool Client::settle_card(Instant now) {
  // What the Bootstrap-Server is writing becomes the configuration first, or is dropped.
  if (!card_.found || draft_) return false;
  const CardFinding finding = *std::exchange(card_.found, std::nullopt);
  card_.asked_until.reset();
  card_.looked_at = now;
  ++card_.looks;
  CardReport report = std::visit([&](const auto& found) { return take_card(now, found); }, finding);
  card_.unreadable = report.kind == CardReport::Kind::Unreadable;
  events_.emplace_back(CardChanged{std::move(report)});
  if (!std::exchange(card_.tried, true)) {
    for (auto& [id, account] : accounts_) {
      if (!account.leaving) account.registration.start(now);
    }
  }
  release_held(now);
  return true;
}

void Client::release_held(Instant now) {
  for (auto& [id, account] : accounts_) {
    drain_registration(now, id, account);  // it may want something else by now
    if (!account.held) continue;
    const lwm2m::Uplink uplink = *std::exchange(account.held, std::nullopt);
    if (!account.leaving) {
      send_uplink(now, id, account, uplink);
    } else if (account.registration.state() == RegistrationState::Registering) {
      account.registration.failed(now, coap::FailureCause::Refused);  // it never went out
    }
  }
}

// ---- what -----------------------------------------------------------------------------------------------------------

CardReport Client::take_card(Instant now, const NoCard& found) {
  if (!card_.loaded) return {CardReport::Kind::Nothing, found.reason};
  unload_card(now);
  return {CardReport::Kind::Removed, found.reason};
}

CardReport Client::take_card(Instant now, const UnreadableCard& found) {
  const bool another = card_.loaded && found.identity && *found.identity != card_.loaded->identity;
  if (!another) return {CardReport::Kind::Unreadable, found.reason};
  unload_card(now);
  return {CardReport::Kind::Removed, "another card is there: " + found.reason};
}

CardReport Client::take_card(Instant now, const CardData& found) {
  if (card_.loaded && card_.loaded->identity == found.identity && card_.loaded->digest == found.digest) {
    return {CardReport::Kind::Unchanged, {}};
  }
  ObjectTree::Draft draft = tree_.draft();
  std::string left_out;
  auto made = load_card(now, draft, found.file.reveal(), left_out);
  if (!made) {
    if (card_.loaded) unload_card(now);
    return {CardReport::Kind::Refused, made.error().reason};
  }
  adopt_card(now, std::move(draft));
  purge_at_.reset();  // counted from a Finish for another account
  for (auto& [id, account] : accounts_) {
    if (may_register() && !account.leaving) account.registration.register_again(now);
  }
  card_.loaded = SavedCard{found.identity, found.digest, std::move(*made)};
  return {CardReport::Kind::Loaded, std::move(left_out)};
}

/// Into a draft: the accounts and access rights that there were, from whomever, give place as a whole (§5.2.4: a client
/// that is configured by its card doesn't go on to the next step), and so does the rest of the card before.
Result<std::set<Path>> Client::load_card(Instant now, ObjectTree::Draft& draft, ByteView file, std::string& left_out) const {
  auto objects = smartcard::parse_bootstrap_file(file);
  if (!objects) return tl::unexpected(objects.error());
  for (const ObjectId object : {SecurityObject::kObject, ServerObject::kObject, AccessControl::kObject}) clear(draft, object);
  if (card_.loaded) {
    for (const Path& path : card_.loaded->instances) draft.remove(path.object(), path.instance());
  }
  std::vector<ObjectId> taken;
  for (const smartcard::CardObject& object : *objects) {
    if (const auto reason = misfit(tree_, object)) {
      if (is_configuration(object.id)) return tl::unexpected(Error{Fault::Peer, 0, *reason});
      left_out += (left_out.empty() ? "" : ", ") + *reason;
      continue;
    }
    taken.push_back(object.id);
  }
  const std::set<Path> before = instances_of(draft, taken);
  for (const smartcard::CardObject& object : *objects) {
    if (std::find(taken.begin(), taken.end(), object.id) == taken.end()) continue;
    const lwm2m::BootstrapWrite write{Path(object.id), lwm2m::format::kTlv, object.instances};
    const auto outcome = tree_.perform({now, std::nullopt}, draft, write, std::nullopt, settings_.version);
    if (lwm2m::is_success(outcome.status)) continue;
    return tl::unexpected(Error{Fault::Peer, 0, "object " + std::to_string(object.id) + ": " +
                                                    std::string(as_text(outcome.payload))});
  }
  ConsistencyRules rules = consistency_rules(draft);
  rules.bootstrap_suffices = true;
  if (auto fits = conclude(draft, rules); !fits) return tl::unexpected(fits.error());
  std::set<Path> made = instances_of(draft, taken);
  // The device's own instances, that the card only wrote to, don't go with it.
  for (const Path& path : before) made.erase(path);
  return made;
}

/// Core §5.2.3.2: what was made from the card MUST be deleted. Where other servers stay, object 2 is left to them as in
/// E.1.3; where none does, nobody has rights any more.
void Client::unload_card(Instant now) {
  const SavedCard gone = *std::exchange(card_.loaded, std::nullopt);
  if (tracking_) unsaved_.at_once = unsaved_.card = true;
  if (gone.instances.empty()) return;
  ObjectTree::Draft draft = tree_.draft();
  std::vector<InstanceId> accounts;
  bool others = false;
  for (const InstanceId instance : draft.instances(SecurityObject::kObject)) {
    const Path path(SecurityObject::kObject, instance);
    if (gone.instances.contains(path)) {
      accounts.push_back(instance);
    } else if (draft.get(path.child(SecurityObject::kBootstrap)) != lwm2m::Value(true)) {
      others = true;
    }
  }
  if (others) {
    for (const InstanceId instance : accounts) draft.unbootstrap(instance);
  }
  for (const Path& path : gone.instances) draft.remove(path.object(), path.instance());
  if (!others && !accounts.empty()) clear(draft, AccessControl::kObject);
  adopt_card(now, std::move(draft));
}

void Client::adopt_card(Instant now, ObjectTree::Draft draft) {
  const auto account = [&] {
    return bootstrap_instance_ ? std::optional(security_values(now, *bootstrap_instance_)) : std::nullopt;
  };
  const auto before = account();
  tree_.adopt({now, std::nullopt}, std::move(draft));
  if (tracking_) unsaved_.at_once = unsaved_.card = unsaved_.registrations = true;
  drain_changes(now);
  accounts_changed_ = false;
  sync_accounts(now);
  if (bootstrap_.state() == BootstrapState::Lingering) bootstrap_replaced_ |= account() != before;
}

/// Whoever wrote or deleted whole instances since: they aren't the card's any more.
void Client::take_from_card(const std::set<Path>& instances) {
  if (!card_.loaded) return;
  for (const Path& path : instances) {
    if (card_.loaded->instances.erase(path) != 0 && tracking_) unsaved_.card = unsaved_.at_once = true;
  }
}

void Client::restore_card(const SavedState& saved) {
  if (!settings_.smartcard || !saved.card) return;
  card_.loaded = saved.card;
  std::erase_if(card_.loaded->instances, [&](const Path& path) { return !tree_.has(path); });
}

}  // namespace drover::client
