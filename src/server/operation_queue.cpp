// SPDX-License-Identifier: Apache-2.0
#include "server/operation_queue.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace drover::server {

std::size_t payload_of(const lwm2m::Downlink& operation) {
  if (const auto* write = std::get_if<lwm2m::Write>(&operation)) return write->payload.size();
  if (const auto* create = std::get_if<lwm2m::Create>(&operation)) return create->payload.size();
  if (const auto* execute = std::get_if<lwm2m::Execute>(&operation)) return execute->arguments.size();
  std::size_t size = 0;
  if (const auto* attributes = std::get_if<lwm2m::WriteAttributes>(&operation)) {
    for (const std::string& attribute : attributes->attributes) size += attribute.size();
  }
  return size;
}

// ---- one device's list

void OperationList::note(const QueuedOperation& operation) {
  if (first_ == nullptr || !earliest_ || operation.expires < *earliest_) earliest_ = operation.expires;
}

void OperationList::push_back(std::unique_ptr<QueuedOperation> operation) {
  note(*operation);
  QueuedOperation* const added = operation.get();
  ++size_;
  if (last_ == nullptr || last_->priority >= operation->priority) {
    (last_ == nullptr ? first_ : last_->next) = std::move(operation);
    last_ = added;
    return;
  }
  auto* link = &first_;
  while ((*link)->priority >= operation->priority) link = &(*link)->next;
  operation->next = std::move(*link);
  *link = std::move(operation);
}

std::optional<std::size_t> OperationList::place_of(const QueuedOperation* operation) const {
  if (operation == last_ && last_ != nullptr) return size_ - 1;
  std::size_t place = 0;
  for (const QueuedOperation* at = first_.get(); at != nullptr; at = at->next.get(), ++place) {
    if (at == operation) return place;
  }
  return std::nullopt;
}

void OperationList::push_front(std::unique_ptr<QueuedOperation> operation) {
  note(*operation);
  if (last_ == nullptr) last_ = operation.get();
  operation->next = std::move(first_);
  first_ = std::move(operation);
  ++size_;
}

std::unique_ptr<QueuedOperation> OperationList::unlink(std::unique_ptr<QueuedOperation>& link,
                                                       QueuedOperation* before) {
  std::unique_ptr<QueuedOperation> taken = std::move(link);
  if (last_ == taken.get()) last_ = before;
  link = std::move(taken->next);
  --size_;
  return taken;
}

std::unique_ptr<QueuedOperation> OperationList::take_front() {
  return first_ == nullptr ? nullptr : unlink(first_, nullptr);
}

std::unique_ptr<QueuedOperation> OperationList::take(Ticket ticket) {
  QueuedOperation* before = nullptr;
  for (auto* link = &first_; *link != nullptr; before = link->get(), link = &(*link)->next) {
    if ((*link)->ticket == ticket && !(*link)->restores) return unlink(*link, before);
  }
  return nullptr;
}

std::unique_ptr<QueuedOperation> OperationList::take_restoration(const lwm2m::Path& path) {
  QueuedOperation* before = nullptr;
  for (auto* link = &first_; *link != nullptr; before = link->get(), link = &(*link)->next) {
    if ((*link)->restores && lwm2m::path_of((*link)->operation) == path) return unlink(*link, before);
  }
  return nullptr;
}

std::unique_ptr<QueuedOperation> OperationList::take_expired(Instant now) {
  if (first_ == nullptr || *earliest_ > now) return nullptr;
  QueuedOperation* before = nullptr;
  std::optional<Instant> earliest;
  for (auto* link = &first_; *link != nullptr; before = link->get(), link = &(*link)->next) {
    if ((*link)->expires <= now) return unlink(*link, before);
    if (!earliest || (*link)->expires < *earliest) earliest = (*link)->expires;
  }
  earliest_ = earliest;
  return nullptr;
}

OperationList& OperationList::operator=(OperationList&& other) noexcept {
  if (this == &other) return *this;
  clear();
  first_ = std::move(other.first_);
  last_ = std::exchange(other.last_, nullptr);
  size_ = std::exchange(other.size_, 0);
  earliest_ = other.earliest_;
  return *this;
}

// Node by node: destructors that call each other would need a stack as deep as the list.
void OperationList::clear() {
  while (take_front() != nullptr) {
  }
}

// ---- all devices

void OperationQueues::counted(const QueuedOperation& operation) {
  ++size_;
  bytes_ += payload_of(operation.operation);
}

std::unique_ptr<QueuedOperation> OperationQueues::taken(std::unique_ptr<QueuedOperation> operation) {
  if (operation == nullptr) return nullptr;
  --size_;
  bytes_ -= payload_of(operation->operation);
  return operation;
}

bool OperationQueues::push_back(Slot slot, std::unique_ptr<QueuedOperation>& operation) {
  const auto device = devices_.find(slot);
  const std::size_t waiting = device == devices_.end() ? 0 : device->second.waiting.size();
  if (waiting >= per_device_max_ || payload_of(operation->operation) > bytes_max_ - std::min(bytes_, bytes_max_)) {
    return false;
  }
  counted(*operation);
  devices_[slot].waiting.push_back(std::move(operation));
  return true;
}

void OperationQueues::push_front(Slot slot, std::unique_ptr<QueuedOperation> operation) {
  counted(*operation);
  devices_[slot].waiting.push_front(std::move(operation));
}

std::unique_ptr<QueuedOperation> OperationQueues::take_front(Slot slot) {
  Device* const device = find(slot);
  return device == nullptr ? nullptr : taken(device->waiting.take_front());
}

std::unique_ptr<QueuedOperation> OperationQueues::take(Slot slot, Ticket ticket) {
  Device* const device = find(slot);
  return device == nullptr ? nullptr : taken(device->waiting.take(ticket));
}

std::unique_ptr<QueuedOperation> OperationQueues::take_expired(Slot slot, Instant now) {
  Device* const device = find(slot);
  return device == nullptr ? nullptr : taken(device->waiting.take_expired(now));
}

bool OperationQueues::drop_restoration(Slot slot, const lwm2m::Path& path) {
  Device* const device = find(slot);
  return device != nullptr && taken(device->waiting.take_restoration(path)) != nullptr;
}

OperationQueues::Device* OperationQueues::find(Slot slot) {
  const auto found = devices_.find(slot);
  return found == devices_.end() ? nullptr : &found->second;
}

const OperationQueues::Device* OperationQueues::find(Slot slot) const {
  const auto found = devices_.find(slot);
  return found == devices_.end() ? nullptr : &found->second;
}

void OperationQueues::tidy(Slot slot, bool remember) {
  const auto found = devices_.find(slot);
  if (found == devices_.end()) return;
  const Device& device = found->second;
  if (!remember && device.waiting.empty() && !device.under_way && !device.trigger_under_way) {
    timers_.cancel(slot);
    devices_.erase(found);
  }
}

OperationList OperationQueues::drop(Slot slot) {
  OperationList waiting;
  if (Device* const device = find(slot)) {
    waiting = std::move(device->waiting);
    waiting.for_each([this](const QueuedOperation& operation, std::size_t) {
      --size_;
      bytes_ -= payload_of(operation.operation);
    });
    devices_.erase(slot);
  }
  timers_.cancel(slot);
  return waiting;
}

void OperationQueues::set_due(Slot slot, std::optional<Instant> at) {
  if (at) {
    timers_.set(slot, *at);
  } else {
    timers_.cancel(slot);
  }
}

// ---- devices that are away

void OperationQueues::reschedule_away(AwayMap::iterator entry, std::optional<Instant> before) {
  if (before) away_due_.erase({*before, entry->first});
  if (const auto next = entry->second.next_expiry()) {
    away_due_.emplace(*next, entry->first);
  } else {
    away_.erase(entry);
  }
}

OperationList OperationQueues::keep_away(const std::string& endpoint, OperationList waiting) {
  if (waiting.empty() || away_.size() >= kAwayMax || away_.contains(endpoint)) return waiting;
  waiting.for_each([this](const QueuedOperation& operation, std::size_t) { counted(operation); });
  reschedule_away(away_.emplace(endpoint, std::move(waiting)).first, std::nullopt);
  return {};
}

OperationList OperationQueues::take_away(std::string_view endpoint) {
  const auto found = away_.find(endpoint);
  if (found == away_.end()) return {};
  const auto due = found->second.next_expiry();
  OperationList waiting = std::move(found->second);
  waiting.for_each([this](const QueuedOperation& operation, std::size_t) {
    --size_;
    bytes_ -= payload_of(operation.operation);
  });
  reschedule_away(found, due);
  return waiting;
}

std::optional<std::pair<std::string, std::unique_ptr<QueuedOperation>>> OperationQueues::take_expired_away(
    Instant now) {
  if (away_due_.empty() || away_due_.begin()->first > now) return std::nullopt;
  const auto [due, endpoint] = *away_due_.begin();
  const auto entry = away_.find(endpoint);
  assert(entry != away_.end());
  auto operation = taken(entry->second.take_expired(now));
  reschedule_away(entry, due);
  return std::pair(endpoint, std::move(operation));
}

const OperationList* OperationQueues::away(std::string_view endpoint) const {
  const auto found = away_.find(endpoint);
  return found == away_.end() ? nullptr : &found->second;
}

std::unique_ptr<QueuedOperation> OperationQueues::take_away(std::string_view endpoint, Ticket ticket) {
  const auto found = away_.find(endpoint);
  if (found == away_.end()) return nullptr;
  const auto due = found->second.next_expiry();
  auto operation = taken(found->second.take(ticket));
  reschedule_away(found, due);
  return operation;
}

std::optional<Instant> OperationQueues::next_due() const {
  std::optional<Instant> next = timers_.next();
  if (!away_due_.empty() && (!next || away_due_.begin()->first < *next)) next = away_due_.begin()->first;
  return next;
}

}  // namespace drover::server
