// SPDX-License-Identifier: Apache-2.0
// A device made from its configuration: definitions, tree, accounts and scripts on one runtime.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "apps/device/config.hpp"
#include "apps/device/key_log.hpp"
#include "apps/device/machine.hpp"
#include "apps/device/script.hpp"
#include "apps/device/state.hpp"
#include "base/result.hpp"
#include "io/clock.hpp"
#include "lwm2m/model/registry.hpp"
#include "sdk/runtime.hpp"

namespace drover::device {

class Device {
 public:
  /// Everything but the socket. Errors name the file and line where there is one.
  static Result<std::unique_ptr<Device>> make(Config config);
  ~Device();

  /// Starts anew in place, as a device that was reset (/3/0/4): servers aren't told, current values stay. Scripts run
  /// on. Not from within an event. An error, like those of make(), leaves a device without accounts.
  Result<void> reboot();
  /// The same with the values of the configuration (/3/0/5); scripts begin anew.
  Result<void> factory_reset();

  /// Opens the local port and starts registering and the scripts.
  Result<void> start();
  [[nodiscard]] sdk::Runtime& runtime() { return *runtime_; }
  [[nodiscard]] const Config& config() const { return config_; }
  /// nullptr without a modem.
  [[nodiscard]] const Messaging* messaging() const { return messaging_.get(); }
  /// nullptr without a reader for a smartcard.
  [[nodiscard]] const Card* card() const { return card_.get(); }
  /// What an event of the client asks of the device itself. Behind what others make of it.
  void handle(const client::ClientEvent& event);
  /// nullptr without a state file.
  [[nodiscard]] DeviceState* state() { return state_.get(); }

  /// Sets a value by its text form, and makes object and instance when they don't exist. The machine leaves that
  /// resource alone from then on.
  Result<void> set(const lwm2m::Path& path, const std::string& text);
  /// Makes an instance of any object whose definition is loaded; with several servers, an Access Control instance for
  /// it by `[access]`.
  Result<void> add(lwm2m::ObjectId object, lwm2m::InstanceId instance);

 private:
  explicit Device(Config config);
  Result<void> load_definitions();
  Result<void> open_state();
  Result<void> define(lwm2m::ObjectId object);
  Result<void> populate();
  Result<void> add_accounts();
  [[nodiscard]] tl::unexpected<Error> at(std::size_t line, const Error& error) const;
  Result<void> protect();
  Result<void> put(const lwm2m::Path& path, const std::string& text);
  Result<void> add_machine_objects();
  void resume_firmware();
  void show_firmware_version();
  Result<void> set_own_object_defaults();
  void run_script(Instant now);
  void start_messaging();
  void start_card();
  void begin();

  Config config_;
  lwm2m::model::Registry registry_;
  io::SystemRng rng_;
  std::optional<KeyLog> key_log_;  // outlives the runtime
  std::optional<sdk::Runtime> runtime_;
  std::optional<Machine> machine_;
  std::optional<firmware::Updater> firmware_;
  std::unique_ptr<DeviceState> state_;
  std::unique_ptr<Messaging> messaging_;
  std::unique_ptr<Card> card_;
  std::optional<Script> script_;
  int waker_ = 0;
  bool populated_ = false;  ///< what the configuration says is there: new instances need protect()
};

/// Keys and identities of the Security object (/0/x/3 to /0/x/5, /0/x/7 and /0/x/8, Core E.1), which are shown to nobody.
bool is_secret(const lwm2m::Path& path);

}  // namespace drover::device
