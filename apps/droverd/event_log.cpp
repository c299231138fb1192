// SPDX-License-Identifier: Apache-2.0
#include "event_log.hpp"

#include <utility>

#include "io/log.hpp"

namespace drover::droverd {

namespace {

void log_event(const server::Event& event) {
  using io::log::Level;
  // Who can't get in should be found without looking for it.
  if (event.kind == server::EventKind::Refused) {
    io::log::warn("refused", {{"endpoint", event.endpoint},
                              {"address", event.address ? event.address->to_string() : ""},
                              {"why", event.reason}});
    return;
  }
  if (!io::log::enabled(Level::Debug) || event.kind == server::EventKind::Learned) return;
  if (event.operation) {
    io::log::debug("operation", {{"endpoint", event.endpoint},
                                 {"id", event.operation->id.value},
                                 {"name", event.operation->operation},
                                 {"path", event.path.to_string()},
                                 {"state", server::to_string(event.operation->state)}});
    return;
  }
  const char* const kind = server::to_string(event.kind);
  if (event.device) {
    io::log::debug(kind, {{"endpoint", event.endpoint},
                          {"address", event.device->address.to_string()},
                          {"lifetime", event.device->lifetime}});
  } else if (event.kind == server::EventKind::Notification || event.kind == server::EventKind::ObservationEnded) {
    io::log::debug(kind, {{"endpoint", event.endpoint}, {"path", event.path.to_string()}});
  } else {
    io::log::debug(kind, {{"endpoint", event.endpoint}});
  }
}

void log_operation(const std::string& endpoint, const lwm2m::Downlink& operation) {
  io::log::debug(
      "operation",
      {{"endpoint", endpoint}, {"name", lwm2m::name_of(operation)}, {"path", lwm2m::path_of(operation).to_string()}});
}

}  // namespace

void EventLog::devices(server::DeviceQuery query, std::function<void(server::DevicePage)> done) {
  fleet_.devices(std::move(query), std::move(done));
}

void EventLog::device(std::string endpoint, std::function<void(std::optional<server::DeviceView>)> done) {
  fleet_.device(std::move(endpoint), std::move(done));
}

void EventLog::operate(std::string endpoint, lwm2m::Downlink operation,
                       std::function<void(server::OperationResult)> done) {
  log_operation(endpoint, operation);
  fleet_.operate(std::move(endpoint), std::move(operation), std::move(done));
}

void EventLog::operate(std::string endpoint, lwm2m::Downlink operation, server::OperationSettings settings,
                       std::function<bool(const server::OperationStatus&)> progress) {
  log_operation(endpoint, operation);
  fleet_.operate(std::move(endpoint), std::move(operation), settings, std::move(progress));
}

server::OperationId EventLog::reserve_operation() {
  return fleet_.reserve_operation();
}

void EventLog::follow(std::string endpoint, server::OperationId id,
                      std::function<bool(const server::OperationStatus&)> progress, std::function<void()> missing) {
  fleet_.follow(std::move(endpoint), id, std::move(progress), std::move(missing));
}

void EventLog::operations(std::string endpoint, std::function<void(std::vector<server::OperationStatus>)> done) {
  fleet_.operations(std::move(endpoint), std::move(done));
}

void EventLog::operation(std::string endpoint, server::OperationId id,
                         std::function<void(std::optional<server::OperationStatus>)> done) {
  fleet_.operation(std::move(endpoint), id, std::move(done));
}

void EventLog::cancel_operation(std::string endpoint, server::OperationId id,
                                std::function<void(std::optional<server::OperationStatus>)> done) {
  fleet_.cancel_operation(std::move(endpoint), id, std::move(done));
}

void EventLog::observations(std::string endpoint,
                            std::function<void(std::optional<std::vector<server::ObservationView>>)> done) {
  fleet_.observations(std::move(endpoint), std::move(done));
}

void EventLog::cancel(std::string endpoint, lwm2m::Path path, server::CancelMode mode,
                      std::function<void(server::OperationResult)> done) {
  fleet_.cancel(std::move(endpoint), path, mode, std::move(done));
}

void EventLog::cancel(std::string endpoint, lwm2m::Path path, server::CancelMode mode,
                      server::OperationSettings settings,
                      std::function<bool(const server::OperationStatus&)> progress) {
  fleet_.cancel(std::move(endpoint), path, mode, settings, std::move(progress));
}
void EventLog::all_operations(server::OperationQuery query, std::function<void(server::OperationPage)> done) {
  fleet_.all_operations(std::move(query), std::move(done));
}

void EventLog::counters(std::function<void(server::ServerCounters)> done) {
  fleet_.counters(std::move(done));
}

void EventLog::trace(std::string endpoint, Duration time, std::function<void(bool)> done) {
  fleet_.trace(std::move(endpoint), time, std::move(done));
}

void EventLog::traced(std::string endpoint, std::uint64_t after, std::size_t limit,
                      std::function<void(std::optional<server::TraceView>)> done) {
  fleet_.traced(std::move(endpoint), after, limit, std::move(done));
}

void EventLog::on_event(std::function<void(const server::Event&)> sink) {
  fleet_.on_event([sink = std::move(sink)](const server::Event& event) {
    log_event(event);
    sink(event);
  });
}

}  // namespace drover::droverd
