// SPDX-License-Identifier: Apache-2.0
#include "client/notifier.hpp"

#include <algorithm>
#include <cmath>

namespace drover::client {

using lwm2m::Path;
using std::chrono::seconds;

void Notifier::set_defaults(ServerId server, DefaultPeriods periods) {
  defaults_[server] = periods;
}

bool Notifier::observe(Instant now, Observation observation) {
  if (states_.size() >= kObservationsMax) return false;
  State state{std::move(observation), now, now, false, 0, {}};
  remember(now, state);
  const std::uint64_t id = state.observation.id.value;
  states_.insert_or_assign(id, std::move(state));
  return true;
}

bool Notifier::cancel(coap::ResponderId id) {
  return states_.erase(id.value) > 0;
}

std::vector<coap::ResponderId> Notifier::cancel(ServerId server, const Path& path) {
  std::vector<coap::ResponderId> ids;
  std::erase_if(states_, [&](const auto& entry) {
    const Observation& observation = entry.second.observation;
    if (observation.server != server || observation.path != path) return false;
    ids.push_back(observation.id);
    return true;
  });
  return ids;
}

void Notifier::drop_server(ServerId server) {
  std::erase_if(states_, [&](const auto& entry) { return entry.second.observation.server == server; });
}

std::vector<Observation> Notifier::take_below(const Path& path) {
  std::vector<Observation> gone;
  std::erase_if(states_, [&](const auto& entry) {
    if (!path.contains(entry.second.observation.path)) return false;
    gone.push_back(entry.second.observation);
    return true;
  });
  return gone;
}

std::optional<double> Notifier::number(Instant now, const Path& path) const {
  const auto value = tree_.get({now, std::nullopt}, path);
  if (!value) return std::nullopt;
  if (const auto* integer = std::get_if<std::int64_t>(&*value)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(&*value)) return *real;
  if (const auto* time = std::get_if<lwm2m::Time>(&*value)) return static_cast<double>(time->seconds);
  return std::nullopt;
}

/// Takes down the numbers that the notification sent now carries: what gt, lt and st compare with later.
void Notifier::remember(Instant now, State& state) const {
  state.numbers.clear();
  remember_new(now, state);
}

void Notifier::remember_new(Instant now, State& state) const {
  const Path& path = state.observation.path;
  const auto take = [&](const Path& resource) {
    if (!tree_.attributes().effective(state.observation.server, resource).has_condition()) return;
    if (const auto value = number(now, resource)) state.numbers.try_emplace(resource, Number{*value, *value});
  };
  if (path.is_resource()) return take(path);
  for (const auto instance : tree_.instances(path.object())) {
    if (path.is_instance() && instance != path.instance()) continue;
    for (const auto& node : tree_.values({now, std::nullopt}, path.object(), instance)) {
      take(Path(path.object(), instance, node.id));
    }
  }
}

bool Notifier::counts(Instant now, State& state, const Path& resource) const {
  const Attributes attributes = tree_.attributes().effective(state.observation.server, resource);
  if (!attributes.has_condition()) return true;
  const auto value = number(now, resource);
  if (!value) return true;
  const auto found = state.numbers.find(resource);
  if (found == state.numbers.end()) {
    // Instantiated since the last notification, which didn't carry it.
    state.numbers.insert_or_assign(resource, Number{*value, *value});
    return true;
  }
  const double last = std::exchange(found->second.last, *value);
  const auto crossed = [&](double threshold) { return (last > threshold) != (*value > threshold); };
  const auto crossed_down = [&](double threshold) { return (last < threshold) != (*value < threshold); };
  return (attributes.gt && crossed(*attributes.gt)) || (attributes.lt && crossed_down(*attributes.lt)) ||
         (attributes.st && std::abs(*value - found->second.notified) >= *attributes.st);
}

void Notifier::changed(Instant now, const Change& change) {
  for (auto& [id, state] : states_) {
    const Path& observed = state.observation.path;
    if (!observed.contains(change.path)) continue;
    if (change.kind == Change::Kind::Value && !counts(now, state, change.path)) continue;
    const std::uint32_t pmin = pmin_of(state.observation.server, change.path);
    state.pmin = state.pending ? std::max(state.pmin, pmin) : pmin;
    state.pending = true;
  }
}

void Notifier::attributes_changed(Instant now) {
  for (auto& [id, state] : states_) remember_new(now, state);
}

std::uint32_t Notifier::pmin_of(ServerId server, const Path& path) const {
  const Attributes attributes = tree_.attributes().effective(server, path);
  if (attributes.pmin) return *attributes.pmin;
  const auto defaults = defaults_.find(server);
  return defaults == defaults_.end() ? 0 : defaults->second.pmin;
}

std::optional<std::uint32_t> Notifier::pmax_of(const Observation& observation) const {
  const Attributes attributes = tree_.attributes().effective(observation.server, observation.path);
  std::optional<std::uint32_t> pmax = attributes.pmax;
  const auto defaults = defaults_.find(observation.server);
  if (!pmax && defaults != defaults_.end()) pmax = defaults->second.pmax;
  if (!pmax || *pmax == 0) return std::nullopt;
  return std::max(*pmax, pmin_of(observation.server, observation.path));
}

std::optional<Deadline> Notifier::deadline_of(const State& state) const {
  std::optional<Deadline> next;
  if (state.pending) next = Deadline{state.sent + seconds(state.pmin), Reason::PMin};
  if (const auto pmax = pmax_of(state.observation)) {
    const Deadline forced{state.sent + seconds(*pmax), Reason::PMax};
    if (!next || forced.at < next->at) next = forced;
  }
  return next;
}

std::optional<Due> Notifier::poll_due(Instant now) {
  for (auto& [id, state] : states_) {
    const auto deadline = deadline_of(state);
    if (!deadline || deadline->at > now) continue;
    const bool confirmable = policy_.confirmable || now - state.confirmed >= policy_.confirmable_every;
    state.sent = now;
    if (confirmable) state.confirmed = now;
    state.pending = false;
    remember(now, state);
    return Due{state.observation, confirmable};
  }
  return std::nullopt;
}

std::optional<Deadline> Notifier::deadline() const {
  std::optional<Deadline> next;
  for (const auto& [id, state] : states_) {
    const auto deadline = deadline_of(state);
    if (deadline && (!next || deadline->at < next->at)) next = deadline;
  }
  return next;
}

std::vector<Observation> Notifier::observations() const {
  std::vector<Observation> all;
  for (const auto& [id, state] : states_) all.push_back(state.observation);
  return all;
}

bool Notifier::observes(ServerId server) const {
  return std::any_of(states_.begin(), states_.end(),
                     [&](const auto& entry) { return entry.second.observation.server == server; });
}

}  // namespace drover::client
