// SPDX-License-Identifier: Apache-2.0
#include "client/saved_state.hpp"

#include <algorithm>
#include <chrono>

#include "client/client.hpp"
#include "lwm2m/mapping/mapping.hpp"

namespace drover::client {

using lwm2m::Path;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const Path kClock(DeviceObject::kObject, 0, DeviceObject::kCurrentTime);
constexpr std::uint32_t kObserveNumberMask = 0xFFFFFF;  // 24 bits (RFC 7641 §2)
/// Longer than any lifetime (2^32 - 1 s), so that a clock far off can't overflow an Instant.
constexpr std::int64_t kFarthest = std::int64_t{1} << 33;

UnixSeconds to_unix(Instant now, UnixSeconds unix_now, Instant at) {
  return unix_now + std::chrono::duration_cast<seconds>(at - now).count();
}

Instant to_instant(Instant now, UnixSeconds unix_now, UnixSeconds at) {
  return now + seconds(std::clamp(at, unix_now - kFarthest, unix_now + kFarthest) - unix_now);
}

}  // namespace

void Unsaved::merge(Unsaved&& newer) {
  at_once |= newer.at_once;
  registrations |= newer.registrations;
  channels |= newer.channels;
  observations |= newer.observations;
  attributes |= newer.attributes;
  notifications |= newer.notifications;
  sms_counters |= newer.sms_counters;
  clock |= newer.clock;
  observe_number |= newer.observe_number;
  card |= newer.card;
  paths.merge(newer.paths);
}

// ---- what is to be saved --------------------------------------------------------------------------------------------

void Client::track_unsaved() {
  tracking_ = true;
}

void Client::note_unsaved(const Change& change) {
  if (!tracking_) return;
  if (change.server) unsaved_.at_once = true;
  if (change.server && change.path == kClock) unsaved_.clock = clock_set_ = true;
  // The attributes below it went with it.
  if (change.kind == Change::Kind::Deleted) unsaved_.attributes = true;
  unsaved_.paths.insert(change.path);
}

void Client::note_unsaved_observations() {
  unsaved_.observations = unsaved_.at_once = true;
}

void Client::note_unsaved_attributes() {
  unsaved_.attributes = unsaved_.at_once = true;
}

void Client::note_unsaved_registrations() {
  const std::pair<std::uint64_t, std::size_t> kept{store_.next_number(), store_.size()};
  if (std::exchange(saved_kept_, kept) != kept) unsaved_.notifications = true;
  const std::uint64_t channels = channels_.revision() + sms_channels_.revision();  // both only grow
  if (std::exchange(saved_channels_, channels) != channels) unsaved_.channels = true;
  for (auto& [id, account] : accounts_) {
    if (account.revision == account.registration.revision()) continue;
    account.revision = account.registration.revision();
    unsaved_.registrations = unsaved_.at_once = true;
  }
  const std::uint32_t given_out = (endpoint_.observe_number() - saved_observe_number_) & kObserveNumberMask;
  if (given_out >= kObserveNumbersUnsavedMax) unsaved_.observe_number = unsaved_.at_once = true;
}

Unsaved Client::take_unsaved() {
  saved_observe_number_ = endpoint_.observe_number();
  return std::exchange(unsaved_, {});
}

SavedState Client::saved_state(Instant now, UnixSeconds unix_now) {
  SavedState saved;
  for (const auto& [id, account] : accounts_) {
    if (const auto until = account.registration.disabled_until()) {
      saved.disabled.push_back({id, to_unix(now, unix_now, *until)});
    }
    auto standing = account.registration.standing();
    if (!standing) continue;
    const ServerUri& uri = account.registration.uri();
    saved.registrations.push_back({id, uri.host, uri.port, uri.secure, standing->peer, std::move(standing->location),
                                   std::move(standing->told), standing->unsure,
                                   to_unix(now, unix_now, standing->ends)});
  }
  saved.channels = channels_.save();
  for (SavedChannel& channel : sms_channels_.save()) saved.channels.push_back(std::move(channel));
  for (const auto& [key, counters] : sms_counters_) saved.sms_counters.push_back(counters);
  for (const Observation& observation : notifier_.observations()) {
    if (const auto token = endpoint_.observation_token(observation.id)) {
      saved.observations.push_back({observation.server, observation.path, observation.accept, *token});
    }
  }
  saved.attributes = tree_.attributes().entries();
  for (StoredNotification& kept : store_.entries()) {
    const auto age = std::chrono::duration_cast<milliseconds>(now - kept.at);
    saved.notifications.push_back(
        {kept.server, kept.path, unix_now * 1000 - age.count(), kept.format, std::move(kept.payload)});
  }
  saved.observe_number = endpoint_.observe_number();
  if (std::exchange(clock_set_, false)) {
    const auto value = tree_.get({now, std::nullopt}, kClock);
    if (const auto* time = value ? std::get_if<lwm2m::Time>(&*value) : nullptr)
      clock_offset_ = time->seconds - unix_now;
  }
  saved.clock_offset = clock_offset_;
  saved.card = card_.loaded;
  if (purge_at_) saved.bootstrap_purge = to_unix(now, unix_now, *purge_at_);
  return saved;
}

// ---- what was saved -------------------------------------------------------------------------------------------------

void Client::restore(Instant now, UnixSeconds unix_now, const SavedState& saved) {
  clock_offset_ = saved.clock_offset;
  if (clock_offset_) device_object_.set_clock(now, unix_now + *clock_offset_);
  for (const SmsCounters& counters : saved.sms_counters) raise_sms_counters(counters);
  restore_card(saved);
  drain_changes(now);  // what made the tree isn't a change that an observer from before is to hear of
  accounts_changed_ = false;
  sync_accounts(now);
  for (const AttributeEntry& entry : saved.attributes) {
    if (accounts_.contains(entry.server) && tree_.has(entry.path)) tree_.attributes().restore(entry);
  }
  for (const SavedDisable& disabled : saved.disabled) {
    const auto account = accounts_.find(disabled.server);
    if (account == accounts_.end()) continue;
    account->second.registration.restore_disabled(to_instant(now, unix_now, disabled.until));
  }
  if (saved.bootstrap_purge && bootstrap_instance_) purge_at_ = to_instant(now, unix_now, *saved.bootstrap_purge);
  for (const SavedChannel& channel : saved.channels) {
    (channel.sms ? sms_channels_ : channels_).restore(now, channel);
  }
  restore_notifications(now, unix_now, saved);
  const std::uint32_t number = (saved.observe_number + kObserveNumberGap) & kObserveNumberMask;
  for (const SavedRegistration& kept : saved.registrations) {
    const auto account = accounts_.find(kept.server);
    if (account == accounts_.end()) continue;
    Registration& registration = account->second.registration;
    const ServerUri& uri = registration.uri();
    if (uri.host != kept.host || uri.port != kept.port || uri.secure != kept.secure) continue;
    if (uri.is_sms() != kept.peer.is_sms()) continue;
    // How short messages are protected may be another by now; the number is the same.
    const transport::PeerAddress peer = uri.is_sms() ? uri.literal().value() : kept.peer;
    const StandingRegistration standing{peer, kept.location, kept.told, kept.unsure,
                                        to_instant(now, unix_now, kept.ends)};
    if (!registration.restore(now, standing)) continue;
    for (const SavedObservation& observation : saved.observations) {
      if (observation.server == kept.server) restore_observation(now, *peer_of(kept.server, account->second), observation, number);
    }
  }
}

/// Kept notifications wait for their server's observation, as while its registration is gone.
void Client::restore_notifications(Instant now, UnixSeconds unix_now, const SavedState& saved) {
  std::set<ServerId> servers;
  for (const SavedNotification& kept : saved.notifications) {
    if (!accounts_.contains(kept.server) || !tree_.has(kept.path) || !keeps_notifications(now, kept.server)) continue;
    const auto age = milliseconds(std::clamp<std::int64_t>(unix_now * 1000 - kept.at_ms, 0, kFarthest * 1000));
    store_.put({kept.server, kept.path, now - age, kept.format, kept.payload});
    servers.insert(kept.server);
    if (notifier_.observes(kept.server, kept.path)) continue;
    const coap::ResponderId id = endpoint_.restore_observation({});  // for an id that is nobody else's
    endpoint_.end_observation(id);
    notifier_.observe(now, Observation{id, kept.server, kept.path, kept.format});
  }
  for (const ServerId server : servers) notifier_.suspend(server);
}

void Client::restore_observation(Instant now, const transport::PeerAddress& peer, const SavedObservation& saved,
                                 std::uint32_t number) {
  lwm2m::Read read{saved.path, saved.accept};
  const coap::ResponderId id = endpoint_.restore_observation(
      {peer, saved.token, lwm2m::mapping::to_request(lwm2m::Downlink(std::move(read)), tree_.root()), number});
  if (!tree_.has(saved.path)) {
    // Its object or instance is gone with the restart: as for a Delete (RFC 7641 §4.2).
    return endpoint_.notify(now, id, coap::Response{coap::code::kNotFound, {}, {}}, true);
  }
  if (!notifier_.observe(now, Observation{id, saved.server, saved.path, saved.accept})) {
    return endpoint_.end_observation(id);
  }
  // What slept for its kept notifications is awake; they go out first.
  notifier_.drop_dormant(saved.server, saved.path);
  delivery_due_ = true;
  // The server is shown the value of this moment, once pmin has passed: what it had last isn't known.
  notifier_.owe(id);
}

}  // namespace drover::client
