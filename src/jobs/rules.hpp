// SPDX-License-Identifier: Apache-2.0
// Sets devices up when they register.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "jobs/forms.hpp"
#include "jobs/matching.hpp"
#include "jobs/rule.hpp"
#include "jobs/rule_table.hpp"
#include "jobs/tags.hpp"
#include "store/credential.hpp"

namespace drover::jobs {

// What the owner is to do.
/// A single value is read; handle_value() follows.
struct AskValue {
  std::string endpoint;
  lwm2m::Path path;
};
/// handle_observed() follows.
struct LookAtObservations {
  std::string endpoint;
};
/// handle_progress() or handle_refused() follow.
struct AskStep {
  std::string endpoint;
  std::string form;
  server::OperationSettings settings;  ///< with the reserved id
};
/// handle_progress() or handle_missing() follow.
struct FollowStep {
  std::string endpoint;
  server::OperationId operation;
};
struct TakeBackStep {
  std::string endpoint;
  server::OperationId operation;
};
/// For the log.
struct StepFailed {
  std::string endpoint;
  std::string rule;
  std::string step;  ///< "write /3/0/14"
  std::string reason;
};
struct SetupsDropped {
  std::size_t most = 0;
};
using RuleAction =
    std::variant<AskValue, LookAtObservations, AskStep, FollowStep, TakeBackStep, StepFailed, SetupsDropped>;

/// For each device that registers, the rules that fit it, by name, and their steps one after the other. What a step's
/// outcome is, is committed together with others; a step is asked for behind the commit of its operation's id, as Bulks
/// does. One thread at a time; driven as Bulks.
class Rules {
 public:
  static constexpr std::size_t kAtOnceMax = 1000;     ///< devices that are being asked; those that sleep aside
  static constexpr std::size_t kSetupsMax = 200'000;  ///< devices being set up, waiting for it, and asleep meanwhile
  /// What a device's registration before had observed is observed again by the server, with the registration: a rule
  /// that has been there before looks that long for it, rather than observe it a second time.
  static constexpr Duration kRestoreGrace = std::chrono::seconds(3);
  static constexpr Duration kCommitWait = std::chrono::milliseconds(20);
  static constexpr Duration kDiskRetry = std::chrono::seconds(1);
  static constexpr std::size_t kChunk = 5000;

  /// All outlive it. `values` may be null.
  Rules(RuleTable table, const Tags& tags, KnownValues* values, const Forms& forms,
        std::function<server::OperationId()> reserve);
  void set_wall_clock(Duration unix_at_instant_zero) { unix_at_zero_ = unix_at_instant_zero; }
  /// With those of the configuration, which hide others of their names. Once, before anything else. The fleet's devices
  /// then go through handle_present().
  Result<void> load(Instant now, const std::vector<Rule>& configured);
  /// The configuration has other rules now. An error changes nothing.
  Result<void> reload(Instant now, const std::vector<Rule>& configured);

  // Commands; what succeeds is on disk. A rule that changed is new to every device.
  store::Answer<RuleView> put(Instant now, const Rule& rule);
  store::Answer<RuleView> remove(Instant now, const std::string& name);
  /// By name.
  /// Neither a rule nor a device that one is being done on: handle_registered() has nothing to do.
  [[nodiscard]] bool idle() const { return rules_.empty() && setups_.empty(); }
  [[nodiscard]] std::vector<RuleView> list() const;
  store::Answer<RuleDevicePage> devices(Instant now, const std::string& name, const RuleDeviceQuery& query);

  /// A new registration.
  void handle_registered(Instant now, const server::DeviceView& device);
  /// At the start: a registration of before. What a kill interrupted goes on, and one that it hid is made up for.
  void handle_present(Instant now, const server::DeviceView& device);
  /// Nothing: it couldn't be read.
  void handle_value(Instant now, const std::string& endpoint, const lwm2m::Path& path,
                    const std::optional<std::string>& text);
  void handle_observed(Instant now, const std::string& endpoint, const std::vector<lwm2m::Path>& paths);
  void handle_progress(Instant now, const server::OperationStatus& status);
  void handle_refused(Instant now, const std::string& endpoint, server::OperationId operation,
                      const std::string& reason);
  void handle_missing(Instant now, const std::string& endpoint, server::OperationId operation);
  void handle_timeout(Instant now);

  std::optional<RuleAction> poll_action();
  [[nodiscard]] std::optional<Instant> deadline() const;
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  [[nodiscard]] std::size_t setups() const { return setups_.size(); }

 private:
  struct Task {
    std::string rule;
    UnixSeconds changed_at = 0;  ///< of the rule, when the task was made
    RuleDevice row;
    bool known = false;     ///< an earlier registration of the device had the rule
    bool follows = false;   ///< the row's operation is from an earlier run
    bool looked = false;    ///< at the observations, for this step
  };
  struct Setup {
    enum class Phase : std::uint8_t { Ready, Value, Look, Grace, Step };
    std::string registration{};
    Instant began{};
    bool present = false;
    std::unique_ptr<server::DeviceView> device{};  ///< until the tasks are known
    std::deque<lwm2m::Path> to_ask{};
    std::vector<std::pair<lwm2m::Path, std::string>> asked{};
    std::vector<Task> tasks{};
    std::size_t at = 0;
    Phase phase = Phase::Ready;
    bool counts = false;  ///< it is one of those at once
  };
  struct Entry {
    Rule rule;
    bool configured = false;
    UnixSeconds changed_at = 0;
  };
  using Key = std::pair<std::string, std::string>;  ///< rule, endpoint

  [[nodiscard]] UnixSeconds wall(Instant now) const;
  void begin(Instant now, const server::DeviceView& device, bool present);
  [[nodiscard]] Fits fits(const Rule& rule, const server::DeviceView& device, const Setup& setup) const;
  void note_unknown(const Rule& rule, const std::string& endpoint, Setup& setup) const;
  bool make_tasks(Instant now, Setup& setup);
  /// False when the disk fails.
  bool add_task(const Entry& entry, Setup& setup);
  void ready(const std::string& endpoint, Setup& setup);
  void occupy(Setup& setup, Setup::Phase phase);
  void release(Setup& setup);
  void advance(Instant now, const std::string& endpoint);
  void advance_task(Instant now, const std::string& endpoint, Setup& setup, const Entry& entry);
  void launch(Instant now, const std::string& endpoint, Setup& setup, const Entry& entry);
  void step_over(Instant now, const std::string& endpoint, Setup& setup, const std::string& failure);
  void finish_task(Instant now, Setup& setup, bool failed);
  void write(Instant now, const std::string& rule, RuleDevice& row);
  [[nodiscard]] Result<std::optional<RuleDevice>> last(const std::string& rule, const std::string& endpoint);
  [[nodiscard]] Setup* waiting_for(const std::string& endpoint, server::OperationId operation);
  [[nodiscard]] RuleView view_of(const Entry& entry) const;
  bool commit(Instant now);
  void tidy(Instant now);
  void fail(Instant now, const Error& error);

  RuleTable table_;
  const Tags& tags_;
  KnownValues* const values_;
  const Forms& forms_;
  const std::function<server::OperationId()> reserve_;
  Duration unix_at_zero_{};
  std::map<std::string, Entry, std::less<>> rules_;
  std::set<std::string> hidden_;  ///< rules of the table that the configuration hides
  RuleTable::Counts counts_;
  std::unordered_map<std::string, Setup> setups_;
  std::deque<std::string> ready_;
  std::set<std::pair<Instant, std::string>> grace_;
  std::size_t at_once_ = 0;
  bool dropping_ = false;
  std::map<Key, RuleDevice> batch_;
  std::vector<AskStep> to_ask_;
  std::deque<RuleAction> actions_;
  std::optional<Instant> commit_at_;
  std::optional<Instant> retry_disk_at_;
  bool sweeping_ = true;
  std::string trouble_;
};

}  // namespace drover::jobs
