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

/// Payload octets of what came of it.
std::size_t result_bytes(const OperationStatus& status) {
  if (!status.result) return 0;
  const auto* const outcome = std::get_if<lwm2m::Outcome>(&*status.result);
  return outcome == nullptr ? 0 : outcome->payload.size();
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
  sum.limited += part.limited;
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
  sum.dtls_garbage += part.dtls_garbage;
  sum.dtls_unauthentic += part.dtls_unauthentic;
  sum.dtls_limited += part.dtls_limited;
  sum.devices += part.devices;
  sum.associations += part.associations;
  sum.requeued += part.requeued;
  sum.expired += part.expired;
  sum.triggers += part.triggers;
  sum.triggers_failed += part.triggers_failed;
  sum.fallbacks += part.fallbacks;
  sum.queued += part.queued;
}

}  // namespace

LocalFleet::LocalFleet(std::size_t shards, Poster poster, OperationId first_operation)
    : shards_(shards), poster_(std::move(poster)), next_ticket_(first_operation.value) {
  assert(shards_ > 0);
}

void LocalFleet::gather(Shard& shard, Outbox& to) {
  while (auto mail = shard.poll_mail()) to.mails.push_back(std::move(*mail));
  while (auto event = shard.poll_event()) to.events.push_back(std::move(*event));
  while (auto status = shard.poll_progress()) to.progress.push_back(std::move(*status));
  while (auto over = shard.poll_done()) to.done.push_back(std::move(*over));
}

void LocalFleet::add_records(const Outbox& of, std::vector<Record>& to) {
  for (const OperationDone& over : of.done) {
    if (!over.durable) continue;
    OperationStatus status = over.status;
    status.result = over.result;
    to.push_back({RecordKey::of_operation(RecordKind::Finished, over.ticket), Secret<Bytes>(pack_finished(status))});
  }
  const std::lock_guard lock(operations_mutex_);
  for (const OperationId id : forgotten_) to.push_back({RecordKey::of_operation(RecordKind::Finished, id), {}});
  forgotten_.clear();
}

void LocalFleet::hold_back(const Outbox& held) {
  const std::lock_guard lock(operations_mutex_);
  for (const OperationDone& over : held.done) {
    OperationStatus before = over.status;
    before.state = before.attempts > 0 ? OperationState::Sent : OperationState::Queued;
    before.ended_at = {};
    ending_.insert_or_assign(over.ticket, std::move(before));
  }
}

void LocalFleet::deliver(Outbox from) {
  for (Mail& mail : from.mails) {
    assert(mail.to < shards_);
    poster_(mail.to, [mail = std::move(mail)](Shard& other, Instant now) { other.handle_mail(now, mail); });
  }
  for (Event& event : from.events) {
    const std::lock_guard lock(events_mutex_);
    event.id = ++last_event_;
    if (sink_) sink_(event);
  }
  for (const OperationStatus& status : from.progress) tell(status);
  for (OperationDone& over : from.done) {
    over.status.result = std::move(over.result);
    finish(std::move(over.status), over.durable);
  }
}

void LocalFleet::collect(std::size_t, Shard& shard) {
  Outbox outbox;
  gather(shard, outbox);
  if (!outbox.empty()) deliver(std::move(outbox));
}

void LocalFleet::take_over(std::vector<OperationStatus> finished, OperationId largest) {
  const std::lock_guard lock(operations_mutex_);
  // A clock that was set back mustn't give one again.
  next_ticket_ = std::max(next_ticket_, largest.value + 1);
  for (OperationStatus& status : finished) remember(std::move(status), true);
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

LocalFleet::Progress LocalFleet::only_result(std::function<void(OperationResult)> done) {
  return [done = std::move(done)](const OperationStatus& status) {
    if (status.result) done(*status.result);
    return true;
  };
}

void LocalFleet::operate(std::string endpoint, lwm2m::Downlink operation, std::function<void(OperationResult)> done) {
  operate(std::move(endpoint), std::move(operation), {}, only_result(std::move(done)));
}

void LocalFleet::operate(std::string endpoint, lwm2m::Downlink operation, OperationSettings settings,
                         std::function<bool(const OperationStatus&)> progress) {
  const Ticket ticket = keep(settings.id, std::move(progress));
  const auto asked = std::make_shared<lwm2m::Downlink>(std::move(operation));
  with_device(
      0, endpoint,
      [ticket, endpoint, asked, settings](Shard& shard, Instant now) {
        shard.operate(now, ticket, endpoint, std::move(*asked), settings);
      },
      [this, ticket, endpoint, asked] { refuse(ticket, endpoint, *asked); });
}

void LocalFleet::cancel(std::string endpoint, lwm2m::Path path, CancelMode mode,
                        std::function<void(OperationResult)> done) {
  cancel(std::move(endpoint), path, mode, {}, only_result(std::move(done)));
}

void LocalFleet::cancel(std::string endpoint, lwm2m::Path path, CancelMode mode, OperationSettings settings,
                        std::function<bool(const OperationStatus&)> progress) {
  const Ticket ticket = keep(settings.id, std::move(progress));
  with_device(
      0, endpoint,
      [ticket, endpoint, path, mode, settings](Shard& shard, Instant now) {
        shard.cancel(now, ticket, endpoint, path, mode, settings);
      },
      [this, ticket, endpoint, path] {
        lwm2m::CancelObservation cancellation;
        cancellation.path = path;
        refuse(ticket, endpoint, cancellation);
      });
}

void LocalFleet::operations(std::string endpoint, std::function<void(std::vector<OperationStatus>)> done) {
  const auto give = [this, endpoint, done](std::vector<OperationStatus> all) {
    std::vector<OperationStatus> over = finished(endpoint);
    std::move(over.begin(), over.end(), std::back_inserter(all));
    done(std::move(all));
  };
  with_device(
      0, endpoint, [endpoint, give](Shard& shard, Instant) { give(shard.operations(endpoint)); }, [give] { give({}); });
}

void LocalFleet::all_operations(OperationQuery query, std::function<void(OperationPage)> done) {
  query.limit = std::clamp<std::size_t>(query.limit, 1, kPageMax);
  const auto gathering = std::make_shared<Gathering<OperationPage>>();
  gathering->missing = shards_;
  const auto finish_page = [this, query, done](OperationPage page) {
    std::vector<OperationStatus> over = finished(query);
    std::move(over.begin(), over.end(), std::back_inserter(page.operations));
    auto& all = page.operations;
    // Twice the same: it ended meanwhile, and that is the newer word.
    std::stable_sort(all.begin(), all.end(), [](const OperationStatus& a, const OperationStatus& b) {
      return a.id != b.id ? a.id < b.id : is_over(a.state) && !is_over(b.state);
    });
    all.erase(std::unique(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id == b.id; }), all.end());
    if (all.size() > query.limit) {
      page.more = true;
      all.resize(query.limit);
    }
    done(std::move(page));
  };
  for (std::size_t index = 0; index < shards_; ++index) {
    poster_(index, [gathering, query, finish_page](Shard& shard, Instant) {
      OperationPage part = shard.operations(query);
      contribute<OperationPage>(*gathering, finish_page, [&](OperationPage& sum) {
        std::move(part.operations.begin(), part.operations.end(), std::back_inserter(sum.operations));
        sum.more = sum.more || part.more;
      });
    });
  }
}

void LocalFleet::operation(std::string endpoint, OperationId id,
                           std::function<void(std::optional<OperationStatus>)> done) {
  const auto give = [this, endpoint, id, done](std::optional<OperationStatus> found) {
    if (!found) found = finished(endpoint, id);
    done(std::move(found));
  };
  with_device(
      0, endpoint, [endpoint, id, give](Shard& shard, Instant) { give(shard.operation(endpoint, id)); },
      [give] { give(std::nullopt); });
}

void LocalFleet::cancel_operation(std::string endpoint, OperationId id,
                                  std::function<void(std::optional<OperationStatus>)> done) {
  const auto give_finished = [this, endpoint, id, done] { done(finished(endpoint, id)); };
  with_device(
      0, endpoint,
      [this, endpoint, id, done, give_finished](Shard& shard, Instant now) {
        if (!shard.operation(endpoint, id) || !shard.cancel_operation(now, endpoint, id)) return give_finished();
        // The shard has it as done now; that is said when it may be.
        const std::lock_guard lock(operations_mutex_);
        taken_back_.emplace(id, done);
      },
      give_finished);
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

void LocalFleet::trace(std::string endpoint, Duration time, std::function<void(bool)> done) {
  // A device may come to any shard: all look out for it.
  const auto gathering = std::make_shared<Gathering<bool>>();
  gathering->missing = shards_;
  const bool ends = time <= Duration::zero();
  gathering->sum = !ends;
  for (std::size_t index = 0; index < shards_; ++index) {
    poster_(index, [gathering, done, endpoint, time, ends](Shard& shard, Instant now) {
      const bool fine = ends ? shard.stop_trace(endpoint) : shard.trace(now, endpoint, time);
      contribute<bool>(*gathering, done, [&](bool& sum) { sum = ends ? sum || fine : sum && fine; });
    });
  }
}

void LocalFleet::traced(std::string endpoint, std::uint64_t after, std::size_t limit,
                        std::function<void(std::optional<TraceView>)> done) {
  limit = std::clamp<std::size_t>(limit, 1, kTracedMax);
  // Where it is registered; what it said elsewhere before can be seen once it has gone there again.
  const auto give = [endpoint, after, limit, done](Shard& shard, Instant) {
    done(shard.traced(endpoint, after, limit));
  };
  with_device(0, endpoint, give, [this, give] { poster_(0, give); });
}

void LocalFleet::on_event(std::function<void(const Event&)> sink) {
  const std::lock_guard lock(events_mutex_);
  sink_ = std::move(sink);
}

Ticket LocalFleet::keep(std::optional<OperationId> id, Progress progress) {
  const std::lock_guard lock(operations_mutex_);
  const Ticket ticket = id ? *id : Ticket{next_ticket_++};
  operations_.insert_or_assign(ticket, std::move(progress));
  return ticket;
}

OperationId LocalFleet::reserve_operation() {
  const std::lock_guard lock(operations_mutex_);
  return OperationId{next_ticket_++};
}

void LocalFleet::follow(std::string endpoint, OperationId id, std::function<bool(const OperationStatus&)> progress,
                        std::function<void()> missing) {
  const auto look_behind = [this, endpoint, id, progress, missing] {
    std::optional<OperationStatus> stands;
    {
      const std::lock_guard lock(operations_mutex_);
      if (const auto ending = ending_.find(id); ending != ending_.end() && ending->second.endpoint == endpoint) {
        stands = ending->second;
        operations_.insert_or_assign(id, progress);
      }
    }
    if (stands) return tell(*stands);
    const auto over = finished(endpoint, id);
    if (!over) return missing();
    progress(*over);
  };
  with_device(
      0, endpoint,
      [this, endpoint, id, progress, look_behind](Shard& shard, Instant) {
        const auto stands = shard.operation(endpoint, id);
        if (!stands) return look_behind();
        keep(id, progress);
        tell(*stands);
      },
      look_behind);
}

void LocalFleet::tell(const OperationStatus& status) {
  Progress progress;
  {
    const std::lock_guard lock(operations_mutex_);
    const auto found = operations_.find(status.id);
    if (found == operations_.end()) return;
    // Called without the lock, since it may ask for another operation; nobody else calls it meanwhile, as an operation
    // is with one shard at a time.
    progress = std::move(found->second);
    operations_.erase(found);
  }
  const bool goes_on = progress(status);
  if (!goes_on || is_over(status.state)) return;
  const std::lock_guard lock(operations_mutex_);
  operations_.emplace(status.id, std::move(progress));
}

void LocalFleet::remember(OperationStatus status, bool durable) {
  finished_bytes_ += result_bytes(status);
  finished_.push_back({std::move(status), durable});
  while (finished_.size() > kFinishedMax || finished_bytes_ > kFinishedBytesMax) {
    const Finished& oldest = finished_.front();
    finished_bytes_ -= result_bytes(oldest.status);
    if (oldest.durable) forgotten_.push_back(oldest.status.id);
    finished_.pop_front();
  }
}

void LocalFleet::finish(OperationStatus status, bool durable) {
  std::vector<std::function<void(std::optional<OperationStatus>)>> waiting;
  {
    const std::lock_guard lock(operations_mutex_);
    ending_.erase(status.id);
    const auto [first, last] = taken_back_.equal_range(status.id);
    for (auto one = first; one != last; ++one) waiting.push_back(std::move(one->second));
    taken_back_.erase(first, last);
    remember(status, durable);
  }
  tell(status);
  for (const auto& done : waiting) done(status);
}

void LocalFleet::refuse(Ticket ticket, std::string endpoint, const lwm2m::Downlink& operation) {
  OperationStatus status;
  status.id = ticket;
  status.endpoint = std::move(endpoint);
  status.operation = lwm2m::name_of(operation);
  status.path = lwm2m::path_of(operation);
  status.state = OperationState::Failed;
  status.result = NoAnswer::NotRegistered;
  tell(status);
}

std::vector<OperationStatus> LocalFleet::finished(std::string_view endpoint) {
  const std::lock_guard lock(operations_mutex_);
  std::vector<OperationStatus> all;
  for (auto one = finished_.rbegin(); one != finished_.rend(); ++one) {
    if (one->status.endpoint == endpoint) all.push_back(one->status);
  }
  for (const auto& [id, status] : ending_) {
    if (status.endpoint == endpoint) all.push_back(status);
  }
  return all;
}

std::vector<OperationStatus> LocalFleet::finished(const OperationQuery& query) {
  const std::lock_guard lock(operations_mutex_);
  std::vector<const OperationStatus*> found;
  for (const auto& [one, durable] : finished_) {
    if (one.id > query.after && fits(query, one.endpoint, one.asked_by, one.state)) found.push_back(&one);
  }
  for (const auto& [id, one] : ending_) {
    if (id > query.after && fits(query, one.endpoint, one.asked_by, one.state)) found.push_back(&one);
  }
  std::sort(found.begin(), found.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
  if (found.size() > query.limit + 1) found.resize(query.limit + 1);
  std::vector<OperationStatus> all;
  all.reserve(found.size());
  for (const OperationStatus* one : found) all.push_back(*one);
  return all;
}

std::optional<OperationStatus> LocalFleet::finished(std::string_view endpoint, OperationId id) {
  const std::lock_guard lock(operations_mutex_);
  const auto found = std::find_if(finished_.rbegin(), finished_.rend(), [&](const Finished& one) {
    return one.status.id == id && one.status.endpoint == endpoint;
  });
  if (found != finished_.rend()) return found->status;
  const auto ending = ending_.find(id);
  if (ending == ending_.end() || ending->second.endpoint != endpoint) return std::nullopt;
  return ending->second;
}

}  // namespace drover::server
