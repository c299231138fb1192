// SPDX-License-Identifier: Apache-2.0
// The machine under the device: what of it servers see, and the configuration's table about it.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "apps/device/section.hpp"
#include "base/result.hpp"
#include "machine/gpsd.hpp"
#include "machine/values.hpp"
#include "sdk/runtime.hpp"

namespace drover::device {

/// The table `[machine]`.
struct MachineConfig {
  /// The objects that the machine fills, and that the device has because of it: of 3, 4 and 7.
  std::set<lwm2m::ObjectId> objects = {3, 4, 7};
  Duration refresh = std::chrono::seconds(30);  ///< while a server observes
  std::string storage = "/";                    ///< a folder on the file system whose space is /3/0/10 and /3/0/21
  std::int64_t cellular = client::ConnectivityObject::kLteFdd;  ///< /4/0/0 of a modem
  std::optional<transport::PeerAddress> gpsd;                   ///< nothing: positions come from elsewhere
};

void read_machine(Section section, MachineConfig& config);

/// Keeps the client of a runtime filled with the machine's values.
class Machine {
 public:
  /// Makes an instance of an object.
  using Add = std::function<Result<void>(lwm2m::ObjectId, lwm2m::InstanceId)>;

  /// The runtime outlives it. `add` is called for the instance of the Location object when the first position comes.
  Machine(const MachineConfig& config, sdk::Runtime& runtime, Add add);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Fills the runtime's client, whose objects and instances are there; for each client once. `anew` as in
  /// machine::Values::attach().
  void attach(bool anew);
  /// A resource that somebody else gives its value.
  void keep(const lwm2m::Path& path) { values_.keep(path); }
  /// Connects to gpsd where the configuration names one.
  void start();

 private:
  void place(const client::Fix& fix);

  MachineConfig config_;
  sdk::Runtime& runtime_;
  Add add_;
  machine::Values values_;
  std::optional<machine::Gpsd> gpsd_;
  int waker_ = 0;
};

}  // namespace drover::device
