// SPDX-License-Identifier: Apache-2.0
// A fleet without devices: answers what a test tells it to.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/fleet.hpp"

namespace drover::api::test {

class FakeFleet final : public server::Fleet {
 public:
  using Answer = std::function<server::OperationResult(const lwm2m::Downlink&)>;

  void add(server::DeviceView device) {
    const std::lock_guard lock(mutex_);
    devices_[device.endpoint] = std::move(device);
  }
  /// What the next operations get; without one they stay open.
  void answer_with(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  void answer_with(lwm2m::Outcome outcome) {
    answer_with([outcome](const lwm2m::Downlink&) { return outcome; });
  }
  void answer_with(server::NoAnswer why) {
    answer_with([why](const lwm2m::Downlink&) { return why; });
  }
  void hold() { answer_with(Answer{}); }

  /// Takes the oldest operation; fails the wait after ten seconds.
  lwm2m::Downlink next_operation() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [this] { return !operations_.empty(); })) return {};
    auto operation = std::move(operations_.front());
    operations_.erase(operations_.begin());
    return operation;
  }
  std::size_t operations() {
    const std::lock_guard lock(mutex_);
    return operations_.size();
  }
  server::CancelMode last_cancel_mode() {
    const std::lock_guard lock(mutex_);
    return cancel_mode_;
  }
  void set_observations(std::vector<server::ObservationView> observations) {
    const std::lock_guard lock(mutex_);
    observations_ = std::move(observations);
  }
  /// Answers operations that were held.
  void release(const server::OperationResult& result) {
    std::vector<std::function<void(server::OperationResult)>> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (auto& done : held) done(result);
  }

  void emit(server::EventKind kind, const std::string& endpoint, const std::function<void(server::Event&)>& fill = {}) {
    server::Event event;
    event.id = ++last_event_;
    event.at = 1'700'000'000;
    event.kind = kind;
    event.endpoint = endpoint;
    if (fill) fill(event);
    sink_(event);
  }
  [[nodiscard]] std::uint64_t last_event() const { return last_event_; }

  // Fleet
  void devices(server::DeviceQuery query, std::function<void(server::DevicePage)> done) override {
    server::DevicePage page;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [endpoint, device] : devices_) {
        if (endpoint.find(query.search) == std::string::npos) continue;
        ++page.total;
        if (!query.after.empty() && endpoint <= query.after) continue;
        if (page.devices.size() == query.limit) {
          page.next = page.devices.back().endpoint;
          continue;
        }
        page.devices.push_back(device);
      }
    }
    done(std::move(page));
  }
  void device(std::string endpoint, std::function<void(std::optional<server::DeviceView>)> done) override {
    done(find(endpoint));
  }
  void operate(std::string endpoint, lwm2m::Downlink operation,
               std::function<void(server::OperationResult)> done) override {
    if (!find(endpoint)) return done(server::NoAnswer::NotRegistered);
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      operations_.push_back(operation);
      answer = answer_;
      if (!answer) held_.push_back(std::move(done));
    }
    changed_.notify_all();
    if (answer) done(answer(operation));
  }
  void operate(std::string endpoint, lwm2m::Downlink operation, server::OperationSettings settings,
               std::function<bool(const server::OperationStatus&)> progress) override {
    server::OperationStatus status;
    status.endpoint = endpoint;
    status.operation = lwm2m::name_of(operation);
    status.path = lwm2m::path_of(operation);
    status.created_at = 1'700'000'000;
    status.expires_at = 1'700'604'800;
    bool queued = false;
    {
      const std::lock_guard lock(mutex_);
      status.id = settings.id ? *settings.id : server::OperationId{++last_operation_};
      status.priority = settings.priority;
      status.asked_by = settings.asked_by;
      settings_ = settings;
      queued = asleep_;
      status.state = queued ? server::OperationState::Queued : server::OperationState::Sent;
      if (queued) {
        status.ahead = static_cast<std::size_t>(std::count_if(known_.begin(), known_.end(), [](const auto& one) {
          return one.state == server::OperationState::Queued;
        }));
        status.expected_by = 1'700'086'400;
        status.triggered = settings.trigger;
        operations_.push_back(operation);
      } else {
        status.way = server::Way::Udp;
        status.attempts = 1;
        status.sent_at = status.created_at;
      }
      known_.push_back(status);
    }
    keep(status, std::move(progress));
    if (queued) return changed_.notify_all();
    operate(std::move(endpoint), std::move(operation),
            [this, status](const server::OperationResult& result) mutable { change(over(status, result)); });
  }
  server::OperationId reserve_operation() override {
    const std::lock_guard lock(mutex_);
    return server::OperationId{++last_operation_};
  }
  void follow(std::string endpoint, server::OperationId id,
              std::function<bool(const server::OperationStatus&)> progress, std::function<void()> missing) override {
    const auto stands = known(endpoint, id);
    if (!stands) return missing();
    keep(*stands, std::move(progress));
  }
  /// Operations are queued from now on.
  void fall_asleep() {
    const std::lock_guard lock(mutex_);
    asleep_ = true;
  }
  server::OperationSettings last_settings() {
    const std::lock_guard lock(mutex_);
    return settings_;
  }
  static server::OperationStatus over(server::OperationStatus status, const server::OperationResult& result) {
    using server::NoAnswer;
    using server::OperationState;
    const auto* const why = std::get_if<NoAnswer>(&result);
    status.state = why == nullptr                ? OperationState::Done
                   : *why == NoAnswer::Expired   ? OperationState::Expired
                   : *why == NoAnswer::Cancelled ? OperationState::Cancelled
                                                 : OperationState::Failed;
    status.ended_at = 1'700'000'100;
    status.result = result;
    return status;
  }
  /// How an operation that is known now stands; who follows it is told.
  void change(const server::OperationStatus& status) {
    std::function<bool(const server::OperationStatus&)> progress;
    {
      const std::lock_guard lock(mutex_);
      for (server::OperationStatus& one : known_) {
        if (one.id == status.id) one = status;
      }
      const auto found = followers_.find(status.id.value);
      if (found == followers_.end()) return;
      progress = std::move(found->second);
      followers_.erase(found);
    }
    keep(status, std::move(progress));
  }
  /// Operations whose progress somebody wants to know.
  std::size_t followed() {
    const std::lock_guard lock(mutex_);
    return followers_.size();
  }
  void wake() {
    const std::lock_guard lock(mutex_);
    asleep_ = false;
  }
  /// Of those that are queued, in the order in which they were asked for.
  server::OperationStatus queued_operation(std::size_t index) {
    const std::lock_guard lock(mutex_);
    for (const server::OperationStatus& one : known_) {
      if (one.state == server::OperationState::Queued && index-- == 0) return one;
    }
    return {};
  }
  void forget_devices() {
    const std::lock_guard lock(mutex_);
    devices_.clear();
  }
  void operations(std::string endpoint, std::function<void(std::vector<server::OperationStatus>)> done) override {
    std::vector<server::OperationStatus> all;
    {
      const std::lock_guard lock(mutex_);
      for (const server::OperationStatus& one : known_) {
        if (one.endpoint == endpoint) all.push_back(one);
      }
    }
    done(std::move(all));
  }
  void all_operations(server::OperationQuery query, std::function<void(server::OperationPage)> done) override {
    server::OperationPage page;
    {
      const std::lock_guard lock(mutex_);
      for (const server::OperationStatus& one : known_) {
        if (one.id <= query.after || !server::fits(query, one.endpoint, one.asked_by, one.state)) continue;
        page.more = page.operations.size() == query.limit;
        if (page.more) break;
        page.operations.push_back(one);
      }
    }
    done(std::move(page));
  }
  void operation(std::string endpoint, server::OperationId id,
                 std::function<void(std::optional<server::OperationStatus>)> done) override {
    done(known(endpoint, id));
  }
  void cancel_operation(std::string endpoint, server::OperationId id,
                        std::function<void(std::optional<server::OperationStatus>)> done) override {
    auto found = known(endpoint, id);
    if (found && !server::is_over(found->state)) {
      *found = over(*found, server::NoAnswer::Cancelled);
      change(*found);
    }
    done(std::move(found));
  }
  void observations(std::string endpoint,
                    std::function<void(std::optional<std::vector<server::ObservationView>>)> done) override {
    if (!find(endpoint)) return done(std::nullopt);
    std::vector<server::ObservationView> copy;
    {
      const std::lock_guard lock(mutex_);
      copy = observations_;
    }
    done(std::move(copy));
  }
  void cancel(std::string endpoint, lwm2m::Path path, server::CancelMode mode,
              std::function<void(server::OperationResult)> done) override {
    {
      const std::lock_guard lock(mutex_);
      cancel_mode_ = mode;
    }
    operate(std::move(endpoint), lwm2m::CancelObservation{path, std::nullopt}, std::move(done));
  }
  void cancel(std::string endpoint, lwm2m::Path path, server::CancelMode mode, server::OperationSettings settings,
              std::function<bool(const server::OperationStatus&)> progress) override {
    {
      const std::lock_guard lock(mutex_);
      cancel_mode_ = mode;
    }
    operate(std::move(endpoint), lwm2m::CancelObservation{path, std::nullopt}, settings, std::move(progress));
  }
  void trace(std::string endpoint, Duration time, std::function<void(bool)> done) override {
    bool fine = true;
    {
      const std::lock_guard lock(mutex_);
      if (time <= Duration::zero()) {
        fine = traces_.erase(endpoint) > 0;
      } else {
        traces_[endpoint].until = 1'700'000'600;
      }
    }
    done(fine);
  }
  void traced(std::string endpoint, std::uint64_t after, std::size_t limit,
              std::function<void(std::optional<server::TraceView>)> done) override {
    std::optional<server::TraceView> view;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = traces_.find(endpoint); found != traces_.end()) view = found->second;
    }
    if (view) {
      std::erase_if(view->messages, [&](const auto& message) { return message.number <= after; });
      if (view->messages.size() > limit) view->messages.resize(limit);
    }
    done(std::move(view));
  }
  void add_traced(const std::string& endpoint, server::TracedMessage message) {
    const std::lock_guard lock(mutex_);
    traces_[endpoint].messages.push_back(std::move(message));
  }
  void set_counters(const server::ServerCounters& counters) {
    const std::lock_guard lock(mutex_);
    set_counters_ = counters;
  }
  void counters(std::function<void(server::ServerCounters)> done) override {
    {
      const std::lock_guard lock(mutex_);
      if (set_counters_) return done(*set_counters_);
    }
    server::ServerCounters counters;
    counters.registers = 7;
    counters.coap.datagrams_in = 11;
    counters.queued = 21;
    counters.requeued = 22;
    counters.expired = 23;
    counters.triggers = 24;
    counters.triggers_failed = 25;
    counters.fallbacks = 26;
    {
      const std::lock_guard lock(mutex_);
      counters.devices = devices_.size();
    }
    done(counters);
  }
  void on_event(std::function<void(const server::Event&)> sink) override { sink_ = std::move(sink); }

 private:
  void keep(const server::OperationStatus& status, std::function<bool(const server::OperationStatus&)> progress) {
    if (!progress(status) || server::is_over(status.state)) return;
    const std::lock_guard lock(mutex_);
    followers_.emplace(status.id.value, std::move(progress));
  }
  std::optional<server::OperationStatus> known(const std::string& endpoint, server::OperationId id) {
    const std::lock_guard lock(mutex_);
    for (const server::OperationStatus& one : known_) {
      if (one.id == id && one.endpoint == endpoint) return one;
    }
    return std::nullopt;
  }
  std::optional<server::DeviceView> find(const std::string& endpoint) {
    const std::lock_guard lock(mutex_);
    const auto found = devices_.find(endpoint);
    if (found == devices_.end()) return std::nullopt;
    return found->second;
  }

  std::optional<server::ServerCounters> set_counters_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, server::TraceView> traces_;
  std::map<std::string, server::DeviceView> devices_;
  std::vector<lwm2m::Downlink> operations_;
  std::vector<std::function<void(server::OperationResult)>> held_;
  std::vector<server::ObservationView> observations_;
  std::vector<server::OperationStatus> known_;
  std::map<std::uint64_t, std::function<bool(const server::OperationStatus&)>> followers_;
  server::OperationSettings settings_;
  std::uint64_t last_operation_ = 0;
  bool asleep_ = false;
  server::CancelMode cancel_mode_ = server::CancelMode::Get;
  Answer answer_;
  std::uint64_t last_event_ = 0;
  std::function<void(const server::Event&)> sink_;
};

}  // namespace drover::api::test
