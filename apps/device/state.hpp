// SPDX-License-Identifier: Apache-2.0
// A device's state file: what lasts through an end of the program, however it comes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/device/section.hpp"
#include "base/result.hpp"
#include "sdk/runtime.hpp"
#include "storage/keeper.hpp"

namespace drover::device {

/// The table `[state]`.
struct StateConfig {
  std::string file;  ///< "": nothing is kept
};

/// A file that isn't absolute is relative to `folder`, the configuration file's.
void read_state(Section section, const std::string& folder, StateConfig& config);

/// Puts what a state file holds into a device's client and keeps it up with it.
///
/// The configuration and the program make the tree first. Then a value in the file wins over theirs, unless theirs
/// is another than at the start before: who edits the configuration means it. What a server created is there again,
/// what a server deleted is gone; so it is with the accounts that a Bootstrap-Server wrote and deleted. When the start
/// makes another Security object than the one before, objects 0 and 1 are the configuration's as a whole: the instance
/// ids may stand for other servers. Access Control instances are told
/// apart by what they guard where the start gives them other ids than before.
class DeviceState {
 public:
  /// Makes an object known to the client; false when no definition of it is loaded.
  using Define = std::function<bool(lwm2m::ObjectId)>;

  /// `elsewhere` as for storage::Keeper. Errors as StateFile::open(); a file that went aside is logged.
  static Result<std::unique_ptr<DeviceState>> open(const std::string& file, std::vector<lwm2m::Path> elsewhere);
  ~DeviceState();
  DeviceState(const DeviceState&) = delete;
  DeviceState& operator=(const DeviceState&) = delete;

  /// Into the tree that the configuration made. An object without a definition, as after an update that dropped it,
  /// goes for good, with the Access Control instances about it (Core E.6.3).
  void put_tree(client::Client& client, const Define& define);
  /// The port of the last run; 0 when it isn't known.
  [[nodiscard]] std::uint16_t port() const { return content_.port; }
  /// With the socket open and before the client starts: goes on with registrations, observations and attributes, and
  /// keeps the file up from now on. The runtime outlives this.
  void resume(sdk::Runtime& runtime);
  /// The runtime has another client, rebooted in place.
  void follow(sdk::Runtime& runtime);
  /// The same after a factory reset: its tree is that of the configuration.
  void follow_afresh(sdk::Runtime& runtime);
  /// At an orderly end. The next start goes on with the associations; nothing is said or heard any more here.
  void save();
  /// The program is about to end for a reboot or a factory reset, and is started again: nothing is saved any more.
  void end_for_reset(bool factory);
  storage::Keeper& keeper() { return keeper_; }

 private:
  DeviceState(storage::StateFile::Opened opened, std::vector<lwm2m::Path> elsewhere);
  void put_values(client::ObjectTree& tree, const lwm2m::Path& instance, const std::vector<lwm2m::ResourceNode>& nodes);
  void displace_guards(client::ObjectTree& tree);
  void put_displaced_guards(client::ObjectTree& tree);
  /// An Access Control instance in the file that the last start made, no server has changed since, and this start has
  /// made elsewhere.
  [[nodiscard]] bool is_displaced(const lwm2m::Path& path, const std::vector<lwm2m::ResourceNode>& nodes) const;
  void remove_deleted(client::ObjectTree& tree, bool accounts_too);
  /// A Server instance in the file that isn't that of the server to which the start gives its id.
  [[nodiscard]] bool is_another_server(const lwm2m::Path& instance, const std::vector<lwm2m::ResourceNode>& nodes) const;
  /// What the start makes is other than the last one made.
  [[nodiscard]] bool is_new(const lwm2m::Path& path) const;
  [[nodiscard]] bool accounts_are_new() const;
  void tell_servers(Instant now);

  storage::Content content_;  ///< of the file, until resume()
  storage::Baseline baseline_;
  /// What this start guards by object 2 under instance ids that meant something else at the last start.
  std::map<lwm2m::InstanceId, std::vector<lwm2m::ResourceNode>> displaced_;
  storage::Keeper keeper_;
  sdk::Runtime* runtime_ = nullptr;
  int waker_ = 0;
};

/// What a client's SavedState keeps through a reboot: all but registrations and observations, which begin anew (Core
/// §5.5.1).
client::SavedState through_reboot(client::SavedState state);

}  // namespace drover::device
