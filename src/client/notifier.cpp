// SPDX-License-Identifier: Apache-2.0
#include "client/notifier.hpp"

#include <algorithm>
#include <cmath>

namespace drover::client {

using lwm2m::Path;
using std::chrono::seconds;

namespace {

std::optional<double> as_number(const lwm2m::Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* time = std::get_if<lwm2m::Time>(&value)) return static_cast<double>(time->seconds);
  return std::nullopt;
}

/// In a vector of resources: where `path` and what lies below it begins.
template <class Resources>
auto first_at(Resources& resources, const Path& path) {
  return std::lower_bound(resources.begin(), resources.end(), path,
                          [](const auto& resource, const Path& wanted) { return resource.path < wanted; });
}

}  // namespace

// ---- who observes ---------------------------------------------------------------------------------------------------

bool Notifier::observe(Instant now, Observation observation) {
  if (by_id_.size() >= policy_.observations_max) return false;
  cancel(observation.id);
  if (free_.empty()) {
    free_.push_back(static_cast<Slot>(states_.size()));
    states_.emplace_back();
  }
  const Slot slot = free_.back();
  free_.pop_back();
  by_id_.emplace(observation.id, slot);
  by_path_[observation.path].push_back(slot);
  State& state = states_[slot];
  state.observation = std::move(observation);
  state.sent = state.confirmed = now;
  compile(now, state, state.observation.path);
  recompute(slot);
  return true;
}

void Notifier::forget(Slot slot) {
  const Observation& observation = states_[slot].observation;
  const auto same_path = by_path_.find(observation.path);
  std::erase(same_path->second, slot);
  if (same_path->second.empty()) by_path_.erase(same_path);
  by_id_.erase(observation.id);
  pmin_timers_.cancel(slot);
  pmax_timers_.cancel(slot);
  states_[slot] = State{};
  free_.push_back(slot);
}

template <class Predicate>
void Notifier::forget_if(Predicate predicate) {
  for (auto entry = by_id_.begin(); entry != by_id_.end();) {
    const Slot slot = (entry++)->second;  // forget() erases the entry
    if (predicate(states_[slot])) forget(slot);
  }
}

bool Notifier::cancel(coap::ResponderId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return false;
  forget(found->second);
  return true;
}

std::vector<coap::ResponderId> Notifier::cancel(ServerId server, const Path& path) {
  std::vector<coap::ResponderId> ids;
  forget_if([&](const State& state) {
    if (state.observation.server != server || state.observation.path != path) return false;
    ids.push_back(state.observation.id);
    return true;
  });
  return ids;
}

void Notifier::drop_server(ServerId server) {
  forget_if([&](const State& state) { return state.observation.server == server; });
}

std::vector<Observation> Notifier::take_below(const Path& path) {
  std::vector<Observation> gone;
  forget_if([&](const State& state) {
    if (!path.contains(state.observation.path)) return false;
    if (!state.dormant) gone.push_back(state.observation);
    return true;
  });
  return gone;
}

std::vector<Observation> Notifier::suspend(ServerId server) {
  std::vector<Observation> ended;
  std::set<Path> paths;
  forget_if([&](State& state) {
    if (state.observation.server != server) return false;
    if (!state.dormant) ended.push_back(state.observation);
    state.dormant = true;
    return !paths.insert(state.observation.path).second;
  });
  return ended;
}

void Notifier::drop_dormant(ServerId server) {
  forget_if([&](const State& state) { return state.dormant && state.observation.server == server; });
}

void Notifier::drop_dormant(ServerId server, const Path& path) {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return;
  const std::vector<Slot> slots = found->second;
  for (const Slot slot : slots) {
    if (states_[slot].dormant && states_[slot].observation.server == server) forget(slot);
  }
}

bool Notifier::has_dormant(ServerId server) const {
  return std::any_of(by_id_.begin(), by_id_.end(), [&](const auto& entry) {
    const State& state = states_[entry.second];
    return state.dormant && state.observation.server == server;
  });
}

std::vector<Observation> Notifier::observations() const {
  std::vector<Observation> all;
  for (const auto& [id, slot] : by_id_) {
    if (!states_[slot].dormant) all.push_back(states_[slot].observation);
  }
  return all;
}

std::optional<Observation> Notifier::find(coap::ResponderId id) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end() || states_[found->second].dormant) return std::nullopt;
  return states_[found->second].observation;
}

std::optional<Observation> Notifier::find(ServerId server, const Path& path) const {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return std::nullopt;
  for (const Slot slot : found->second) {
    if (!states_[slot].dormant && states_[slot].observation.server == server) return states_[slot].observation;
  }
  return std::nullopt;
}

bool Notifier::observes(ServerId server, const Path& path) const {
  const auto found = by_path_.find(path);
  return found != by_path_.end() && std::any_of(found->second.begin(), found->second.end(),
                                                [&](Slot slot) { return states_[slot].observation.server == server; });
}

bool Notifier::observes(const Path& path) const {
  const auto found = by_path_.find(path);
  return found != by_path_.end() && !found->second.empty();
}

// ---- their rules ----------------------------------------------------------------------------------------------------

Attributes Notifier::rules_of(ServerId server, const Path& path) const {
  Attributes rules = tree_.attributes().effective(server, path);
  if (const auto defaults = defaults_.find(server); defaults != defaults_.end()) {
    if (!rules.pmin) rules.pmin = defaults->second.pmin;
    if (!rules.pmax) rules.pmax = defaults->second.pmax;
  }
  if (rules.pmax && (*rules.pmax == 0 || *rules.pmax < rules.pmin.value_or(0))) rules.pmax.reset();
  return rules;
}

bool Notifier::is_readable(const Path& path) const {
  const auto* object = tree_.find(path.object());
  const auto* resource = object == nullptr ? nullptr : object->resource(path.resource());
  return resource != nullptr && resource->operations.read;
}

void Notifier::read_numbers(Instant now, const Path& path, std::vector<Number>& numbers) const {
  numbers.clear();
  const auto node = tree_.node({now, std::nullopt}, path);
  if (!node) return;
  for (const auto& instance : node->instances) {
    if (const auto value = as_number(instance.value)) numbers.push_back({instance.id, *value, *value});
  }
}

void Notifier::set_rules(Instant now, ServerId server, Resource& resource) {
  const bool had_conditions = resource.rules.has_condition();
  resource.rules = rules_of(server, resource.path);
  if (!resource.rules.has_condition()) resource.numbers.clear();
  // Until now each change was told, or waits to be: the values of this moment are those that were sent.
  if (resource.rules.has_condition() && !had_conditions) read_numbers(now, resource.path, resource.numbers);
}

void Notifier::compile_instance(Instant now, State& state, const Path& instance) {
  const auto begin = first_at(state.resources, instance);
  const auto end = std::find_if_not(begin, state.resources.end(),
                                    [&](const Resource& resource) { return instance.contains(resource.path); });
  std::vector<Resource> resources;
  for (const auto& node : tree_.values({now, std::nullopt}, instance.object(), instance.instance())) {
    if (!is_readable(instance.child(node.id))) continue;
    Resource& resource = resources.emplace_back();
    resource.path = instance.child(node.id);
    set_rules(now, state.observation.server, resource);
  }
  const auto place = state.resources.erase(begin, end);
  state.resources.insert(place, std::make_move_iterator(resources.begin()), std::make_move_iterator(resources.end()));
}

/// Takes up the resources at or below a path.
void Notifier::compile(Instant now, State& state, const Path& below) {
  if (below.is_resource()) {
    Resource resource;
    resource.path = below;
    set_rules(now, state.observation.server, resource);
    state.resources.insert(first_at(state.resources, below), std::move(resource));
  } else if (below.is_instance()) {
    compile_instance(now, state, below);
  } else {
    for (const auto instance : tree_.instances(below.object())) compile_instance(now, state, below.child(instance));
  }
}

std::uint32_t Notifier::pmin_of(const State& state, const Path& path) const {
  std::optional<std::uint32_t> pmin;
  for (auto resource = first_at(state.resources, path);
       resource != state.resources.end() && path.contains(resource->path); ++resource) {
    pmin = std::max(pmin.value_or(0), resource->rules.pmin.value_or(0));
  }
  if (pmin) return *pmin;
  // What changed is that nothing is left.
  return rules_of(state.observation.server, path).pmin.value_or(0);
}

/// The timers by the rules as they are now.
void Notifier::recompute(Slot slot) {
  State& state = states_[slot];
  state.pmin = 0;
  for (const Path& path : state.pending) state.pmin = std::max(state.pmin, pmin_of(state, path));
  if (!state.pending.empty()) pmin_timers_.set(slot, state.sent + seconds(state.pmin));
  state.pmax.reset();
  for (const Resource& resource : state.resources) {
    if (resource.rules.pmax) state.pmax = std::min(state.pmax.value_or(*resource.rules.pmax), *resource.rules.pmax);
  }
  set_pmax_timer(slot);
}

void Notifier::set_pmax_timer(Slot slot) {
  const State& state = states_[slot];
  if (state.pmax) {
    pmax_timers_.set(slot, state.sent + seconds(*state.pmax));
  } else {
    pmax_timers_.cancel(slot);
  }
}

void Notifier::set_defaults(Instant now, ServerId server, DefaultPeriods periods) {
  const auto [entry, is_new] = defaults_.try_emplace(server);
  if (!is_new && entry->second == periods) return;
  entry->second = periods;
  for (const auto& [id, slot] : by_id_) {
    if (states_[slot].observation.server != server) continue;
    for (Resource& resource : states_[slot].resources) set_rules(now, server, resource);
    recompute(slot);
  }
}

void Notifier::attributes_changed(Instant now, ServerId server, const Path& path) {
  for (const auto& [id, slot] : by_id_) {
    State& state = states_[slot];
    const Path& observed = state.observation.path;
    if (state.observation.server != server || !(observed.contains(path) || path.contains(observed))) continue;
    for (auto resource = first_at(state.resources, path);
         resource != state.resources.end() && path.contains(resource->path); ++resource) {
      set_rules(now, server, *resource);
    }
    recompute(slot);
  }
}

// ---- what changes ---------------------------------------------------------------------------------------------------

bool Notifier::meets_conditions(Instant now, Resource& resource) {
  const Attributes& rules = resource.rules;
  read_numbers(now, resource.path, read_);
  const bool same_instances = std::equal(read_.begin(), read_.end(), resource.numbers.begin(), resource.numbers.end(),
                                         [](const Number& a, const Number& b) { return a.id == b.id; });
  if (!same_instances || read_.empty()) {
    // A value came or went: there is nothing that the conditions could compare.
    resource.numbers = read_;
    return true;
  }
  bool met = false;
  for (std::size_t i = 0; i < read_.size(); ++i) {
    Number& number = resource.numbers[i];
    const double value = read_[i].last;
    const double last = std::exchange(number.last, value);
    met |= rules.gt && (last > *rules.gt) != (value > *rules.gt);
    met |= rules.lt && (last < *rules.lt) != (value < *rules.lt);
    met |= rules.st && std::abs(value - number.sent) >= *rules.st;
  }
  return met;
}

bool Notifier::counts(Instant now, State& state, const Path& path) {
  const auto resource = first_at(state.resources, path);
  const bool known = resource != state.resources.end() && resource->path == path;
  // A single observed resource that is gone is found out by the Read.
  const bool there = state.observation.path.is_resource() || tree_.has(path);
  if (known && there) return !resource->rules.has_condition() || meets_conditions(now, *resource);
  if (known) {
    state.resources.erase(resource);
  } else {
    if (!there || !is_readable(path)) return false;
    compile(now, state, path);
  }
  recompute(by_id_.at(state.observation.id));
  return true;
}

void Notifier::hold(Slot slot, const Path& changed) {
  State& state = states_[slot];
  const bool held = !state.pending.empty();
  if (!state.pending.insert(changed).second) return;
  const std::uint32_t pmin = pmin_of(state, changed);
  if (held && pmin <= state.pmin) return;
  state.pmin = pmin;
  pmin_timers_.set(slot, state.sent + seconds(pmin));
}

void Notifier::changed(Instant now, const Change& change) {
  for (int depth = 1; depth <= change.path.depth(); ++depth) {
    const auto found = by_path_.find(change.path.prefix(depth));
    if (found == by_path_.end()) continue;
    for (const Slot slot : found->second) {
      State& state = states_[slot];
      const ServerId server = state.observation.server;
      // A Read of the object leaves out what the server may not read: so must the notifications.
      if (state.observation.path.is_object() &&
          (tree_.access().rights_of(server, change.path.object(), change.path.instance()) & rights::kRead) == 0) {
        continue;
      }
      if (change.kind == Change::Kind::Value) {
        if (!counts(now, state, change.path)) continue;
      } else {
        compile_instance(now, state, change.path);
        recompute(slot);
      }
      hold(slot, change.path);
    }
  }
}

void Notifier::owe(coap::ResponderId id) {
  const auto found = by_id_.find(id);
  if (found != by_id_.end()) hold(found->second, states_[found->second].observation.path);
}

// ---- what is due ----------------------------------------------------------------------------------------------------

std::optional<Due> Notifier::poll_due(Instant now) {
  auto slot = pmin_timers_.pop_due(now);
  if (!slot) slot = pmax_timers_.pop_due(now);
  if (!slot) return std::nullopt;
  State& state = states_[*slot];
  pmin_timers_.cancel(*slot);
  state.pending.clear();
  state.sent = now;
  set_pmax_timer(*slot);
  const bool confirmable = policy_.confirmable || now - state.confirmed >= policy_.confirmable_every;
  return Due{state.observation, confirmable, state.dormant, *slot};
}

void Notifier::sent(Instant now, const Due& due) {
  State& state = states_[due.slot];
  if (state.observation.id != due.observation.id) return;  // it has ended meanwhile
  if (due.confirmable) state.confirmed = now;
  // What changed by being read goes out with it.
  if (!state.pending.empty()) {
    state.pending.clear();
    pmin_timers_.cancel(due.slot);
  }
  for (Resource& resource : state.resources) {
    if (resource.rules.has_condition()) read_numbers(now, resource.path, resource.numbers);
  }
}

std::optional<Deadline> Notifier::deadline() const {
  const auto pmin = pmin_timers_.next();
  const auto pmax = pmax_timers_.next();
  if (pmin && (!pmax || *pmin <= *pmax)) return Deadline{*pmin, Reason::PMin};
  if (pmax) return Deadline{*pmax, Reason::PMax};
  return std::nullopt;
}

}  // namespace drover::client
