// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/fleet.hpp"

namespace drover::droverd {

/// A fleet whose events also go to the log, at level debug.
class EventLog final : public server::Fleet {
 public:
  explicit EventLog(server::Fleet& fleet) : fleet_(fleet) {}

  void devices(server::DeviceQuery query, std::function<void(server::DevicePage)> done) override;
  void device(std::string endpoint, std::function<void(std::optional<server::DeviceView>)> done) override;
  void operate(std::string endpoint, lwm2m::Downlink operation,
               std::function<void(server::OperationResult)> done) override;
  void operate(std::string endpoint, lwm2m::Downlink operation, server::OperationSettings settings,
               std::function<bool(const server::OperationStatus&)> progress) override;
  server::OperationId reserve_operation() override;
  void follow(std::string endpoint, server::OperationId id,
              std::function<bool(const server::OperationStatus&)> progress, std::function<void()> missing) override;
  void operations(std::string endpoint, std::function<void(std::vector<server::OperationStatus>)> done) override;
  void operation(std::string endpoint, server::OperationId id,
                 std::function<void(std::optional<server::OperationStatus>)> done) override;
  void cancel_operation(std::string endpoint, server::OperationId id,
                        std::function<void(std::optional<server::OperationStatus>)> done) override;
  void observations(std::string endpoint,
                    std::function<void(std::optional<std::vector<server::ObservationView>>)> done) override;
  void cancel(std::string endpoint, lwm2m::Path path, server::CancelMode mode,
              std::function<void(server::OperationResult)> done) override;
  void cancel(std::string endpoint, lwm2m::Path path, server::CancelMode mode, server::OperationSettings settings,
              std::function<bool(const server::OperationStatus&)> progress) override;
  void all_operations(server::OperationQuery query, std::function<void(server::OperationPage)> done) override;
  void counters(std::function<void(server::ServerCounters)> done) override;
  void trace(std::string endpoint, Duration time, std::function<void(bool)> done) override;
  void traced(std::string endpoint, std::uint64_t after, std::size_t limit,
              std::function<void(std::optional<server::TraceView>)> done) override;
  void on_event(std::function<void(const server::Event&)> sink) override;

 private:
  server::Fleet& fleet_;
};

}  // namespace drover::droverd
