// SPDX-License-Identifier: Apache-2.0
#include "server/local_fleet.hpp"

#include <algorithm>
#include <cassert>
#include <memory>
#include <utility>

namespace drover::server {
namespace {

/// What every shard contributes to; whoever comes last passes it on.
template <class T>
struct Gathering {
  std::mutex mutex;
  std::size_t missing = 0;
  T sum{};
};

template <class T, class Add>
void contribute(Gathering<T>& gathering, const std::function<void(T)>& done, Add add) {
  {
    const std::lock_guard lock(gathering.mutex);
    add(gathering.sum);
    if (--gathering.missing > 0) return;
  }
  done(std::move(gathering.sum));
}

/// Sorts the shards' parts together, keeps the first `limit` and says where the next page begins.
DevicePage merged(DevicePage page, std::size_t limit) {
  std::vector<DeviceView>& devices = page.devices;
  // Twice the same name: it has just registered with another shard, whose mail is on its way. The newer one is true.
  std::sort(devices.begin(), devices.end(), [](const DeviceView& a, const DeviceView& b) {
    return a.endpoint != b.endpoint ? a.endpoint < b.endpoint : a.registered_at > b.registered_at;
  });
  const auto doubled = std::unique(devices.begin(), devices.end(),
                                   [](const DeviceView& a, const DeviceView& b) { return a.endpoint == b.endpoint; });
  devices.erase(doubled, devices.end());
  const bool more = devices.size() > limit || !page.next.empty();
  if (devices.size() > limit) devices.resize(limit);
  page.next = more && !devices.empty() ? devices.back().endpoint : std::string();
  return page;
}

void add(ServerCounters& sum, const ServerCounters& part) {
  sum.coap.datagrams_in += part.coap.datagrams_in;
  sum.coap.datagrams_out += part.coap.datagrams_out;
  sum.coap.malformed += part.coap.malformed;
  sum.coap.bad_option += part.coap.bad_option;
  sum.coap.duplicates += part.coap.duplicates;
  sum.coap.unmatched += part.coap.unmatched;
  sum.coap.stale_notifications += part.coap.stale_notifications;
  sum.coap.notifications_lost += part.coap.notifications_lost;
  sum.coap.retransmissions += part.coap.retransmissions;
  sum.coap.timeouts += part.coap.timeouts;
  sum.coap.refused += part.coap.refused;
  sum.registers += part.registers;
  sum.updates += part.updates;
  sum.deregisters += part.deregisters;
  sum.expiries += part.expiries;
  sum.rejected += part.rejected;
  sum.operations += part.operations;
  sum.notifications += part.notifications;
  sum.handshakes += part.handshakes;
  sum.resumptions += part.resumptions;
  sum.refused += part.refused;
  sum.devices += part.devices;
  sum.associations += part.associations;
}

}  // namespace

LocalFleet::LocalFleet(std::size_t shards, Poster poster) : shards_(shards), poster_(std::move(poster)) {
  assert(shards_ > 0);
}

void LocalFleet::collect(std::size_t index, Shard& shard) {
  while (auto mail = shard.poll_mail()) {
    assert(mail->to < shards_ && mail->to != index);
    poster_(mail->to, [mail = std::move(*mail)](Shard& other, Instant now) { other.handle_mail(now, mail); });
  }
  while (auto event = shard.poll_event()) {
    const std::lock_guard lock(events_mutex_);
    event->id = ++last_event_;
    if (sink_) sink_(*event);
  }
  while (auto finished = shard.poll_done()) {
    if (const OperationCallback done = take(finished->ticket)) done(std::move(finished->result));
  }
}

void LocalFleet::devices(DeviceQuery query, std::function<void(DevicePage)> done) {
  query.limit = std::clamp<std::size_t>(query.limit, 1, kPageMax);
  const auto gathering = std::make_shared<Gathering<DevicePage>>();
  gathering->missing = shards_;
  // A shard whose part is cut short gives `next`; then the whole is longer than its limit, too.
  for (std::size_t index = 0; index < shards_; ++index) {
    poster_(index, [gathering, query, done](Shard& shard, Instant) {
      DevicePage part = shard.list(query);
      const auto pass_on = [&](DevicePage page) { done(merged(std::move(page), query.limit)); };
      contribute<DevicePage>(*gathering, pass_on, [&](DevicePage& sum) {
        std::move(part.devices.begin(), part.devices.end(), std::back_inserter(sum.devices));
        sum.total += part.total;
        if (!part.next.empty()) sum.next = part.next;
      });
    });
  }
}

void LocalFleet::with_device(std::size_t index, std::string endpoint, Task found, std::function<void()> missing) {
  if (index == shards_) {
    missing();
    return;
  }
  poster_(index, [this, index, endpoint = std::move(endpoint), found = std::move(found), missing = std::move(missing)](
                     Shard& shard, Instant now) mutable {
    if (shard.knows(endpoint)) {
      found(shard, now);
    } else {
      with_device(index + 1, std::move(endpoint), std::move(found), std::move(missing));
    }
  });
}

void LocalFleet::device(std::string endpoint, std::function<void(std::optional<DeviceView>)> done) {
  with_device(
      0, endpoint, [endpoint, done](Shard& shard, Instant) { done(shard.device(endpoint)); },
      [done] { done(std::nullopt); });
}

void LocalFleet::operate(std::string endpoint, lwm2m::Downlink operation, OperationCallback done) {
  const Ticket ticket = keep(std::move(done));
  with_device(
      0, endpoint,
      [ticket, endpoint, operation = std::move(operation)](Shard& shard, Instant now) {
        shard.operate(now, ticket, endpoint, operation);
      },
      [this, ticket] { take(ticket)(NoAnswer::NotRegistered); });
}

void LocalFleet::cancel(std::string endpoint, lwm2m::Path path, CancelMode mode, OperationCallback done) {
  const Ticket ticket = keep(std::move(done));
  with_device(
      0, endpoint,
      [ticket, endpoint, path, mode](Shard& shard, Instant now) { shard.cancel(now, ticket, endpoint, path, mode); },
      [this, ticket] { take(ticket)(NoAnswer::NotRegistered); });
}

void LocalFleet::observations(std::string endpoint,
                              std::function<void(std::optional<std::vector<ObservationView>>)> done) {
  with_device(
      0, endpoint, [endpoint, done](Shard& shard, Instant) { done(shard.observations(endpoint)); },
      [done] { done(std::nullopt); });
}

void LocalFleet::counters(std::function<void(ServerCounters)> done) {
  const auto gathering = std::make_shared<Gathering<ServerCounters>>();
  gathering->missing = shards_;
  for (std::size_t index = 0; index < shards_; ++index) {
    poster_(index, [gathering, done](Shard& shard, Instant) {
      contribute<ServerCounters>(*gathering, done, [&](ServerCounters& sum) { add(sum, shard.counters()); });
    });
  }
}

void LocalFleet::on_event(std::function<void(const Event&)> sink) {
  const std::lock_guard lock(events_mutex_);
  sink_ = std::move(sink);
}

Ticket LocalFleet::keep(OperationCallback done) {
  const std::lock_guard lock(operations_mutex_);
  const Ticket ticket{++last_ticket_};
  operations_.emplace(ticket, std::move(done));
  return ticket;
}

LocalFleet::OperationCallback LocalFleet::take(Ticket ticket) {
  const std::lock_guard lock(operations_mutex_);
  const auto found = operations_.find(ticket);
  if (found == operations_.end()) return nullptr;
  OperationCallback done = std::move(found->second);
  operations_.erase(found);
  return done;
}

}  // namespace drover::server
