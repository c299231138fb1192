// SPDX-License-Identifier: Apache-2.0
// Operations as they are asked for before it is known of which device.
#pragma once

#include <optional>
#include <string>

#include "jobs/selection.hpp"
#include "lwm2m/operation/operation.hpp"
#include "server/fleet.hpp"
#include "store/credential.hpp"

namespace drover::jobs {

/// What can be said of an operation without a device.
struct OperationSummary {
  std::string operation;  ///< "write"
  lwm2m::Path path;
};

/// What is sent to one device.
struct PreparedOperation {
  lwm2m::Downlink operation;
  server::CancelMode cancel = server::CancelMode::Get;  ///< of a CancelObservation
};

/// Makes operations of their JSON, `OperationForm` of docs/openapi.json: how a value goes is decided by the object
/// versions and formats that a device announced. Thread-safe.
class Forms {
 public:
  virtual ~Forms() = default;
  /// Refused with the member's name as field: what is wrong whichever the device.
  virtual store::Answer<OperationSummary> check(const std::string& form) const = 0;
  /// Fault::Us with the reason when it can't be made for that device.
  virtual Result<PreparedOperation> prepare(const std::string& form, const server::DeviceView& device) const = 0;
  /// The value of a single resource as text, anything larger as JSON; of links and payloads nothing. `device` is
  /// missing when it isn't registered.
  virtual std::string value_text(const lwm2m::Path& path, const lwm2m::Outcome& outcome,
                                 const std::optional<server::DeviceView>& device) const = 0;
};

/// Carries an operation out; `progress` as Fleet::operate() calls it.
inline void operate(server::Fleet& fleet, const std::string& endpoint, PreparedOperation prepared,
                    server::OperationSettings settings,
                    std::function<bool(const server::OperationStatus&)> progress) {
  if (const auto* const cancel = std::get_if<lwm2m::CancelObservation>(&prepared.operation)) {
    fleet.cancel(endpoint, cancel->path, prepared.cancel, std::move(settings), std::move(progress));
  } else {
    fleet.operate(endpoint, std::move(prepared.operation), std::move(settings), std::move(progress));
  }
}

}  // namespace drover::jobs
