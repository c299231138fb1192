// SPDX-License-Identifier: Apache-2.0
#include "jobs/rules.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/glob.hpp"
#include "jobs/outcome_text.hpp"
#include "jobs/rule_text.hpp"

namespace drover::jobs {

namespace {

using store::Refusal;
using Why = Refusal::Why;
using State = RuleDeviceState;

tl::unexpected<Refusal> refused(Why why, std::string reason) {
  return tl::unexpected(Refusal{why, "", std::move(reason)});
}

std::size_t index(State state) {
  return static_cast<std::size_t>(state);
}

/// The same for one registration, another for the next one.
std::string registration_of(const server::DeviceView& device) {
  return device.registration + "@" + std::to_string(device.registered_at);
}

}  // namespace

Rules::Rules(RuleTable table, const Tags& tags, KnownValues* values, const Forms& forms,
             std::function<server::OperationId()> reserve)
    : table_(std::move(table)), tags_(tags), values_(values), forms_(forms), reserve_(std::move(reserve)) {}

UnixSeconds Rules::wall(Instant now) const {
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch() + unix_at_zero_).count();
}

Result<void> Rules::load(Instant now, const std::vector<Rule>& configured) {
  const auto rows = table_.load();
  if (!rows) return tl::unexpected(rows.error());
  auto counts = table_.counts();
  if (!counts) return tl::unexpected(counts.error());
  counts_ = std::move(*counts);
  for (const Rule& rule : configured) {
    RuleTable::Row row{rule.name, true, to_json(rule).dump(), wall(now)};
    const auto before = std::ranges::find_if(*rows, [&](const RuleTable::Row& one) {
      return one.configured && one.name == rule.name && one.text == row.text;
    });
    if (before != rows->end()) {
      row.changed_at = before->changed_at;
    } else if (auto put = table_.put(row); !put) {
      return put;
    }
    rules_[rule.name] = {rule, true, row.changed_at};
  }
  for (const RuleTable::Row& row : *rows) {
    const bool hides = rules_.contains(row.name);
    if (row.configured) {
      // Its outcomes go with it, unless it has come back under that name.
      if (hides) continue;
      if (auto gone = table_.remove(row.name, true); !gone) return gone;
      continue;
    }
    if (hides) {
      hidden_.insert(row.name);
      continue;
    }
    auto rule = parse_rule(row.name, nlohmann::ordered_json::parse(row.text, nullptr, false), forms_);
    if (!rule) {
      return tl::unexpected(
          Error{Fault::Environment, 0, "rule \"" + row.name + "\" of the store: " + rule.error().reason});
    }
    rules_[row.name] = {std::move(*rule), false, row.changed_at};
  }
  return {};
}

Result<void> Rules::reload(Instant now, const std::vector<Rule>& configured) {
  if (!commit(now)) return tl::unexpected(Error{Fault::Environment, 0, trouble_});
  auto rules = std::exchange(rules_, {});
  auto hidden = std::exchange(hidden_, {});
  if (auto done = load(now, configured); !done) {
    rules_ = std::move(rules);
    hidden_ = std::move(hidden);
    return done;
  }
  sweeping_ = true;
  return {};
}

// ---- commands -------------------------------------------------------------------------------------------------------

RuleView Rules::view_of(const Entry& entry) const {
  RuleView view{entry.rule, entry.configured, entry.changed_at, {}};
  if (const auto counts = counts_.find(entry.rule.name); counts != counts_.end()) view.devices = counts->second;
  return view;
}

store::Answer<RuleView> Rules::put(Instant now, const Rule& rule) {
  const auto found = rules_.find(rule.name);
  if (found != rules_.end() && found->second.configured) {
    return refused(Why::Conflict, "that rule stands in the configuration file");
  }
  if (found == rules_.end() && rules_.size() >= kRulesMax) {
    return refused(Why::Full, "there are at most " + std::to_string(kRulesMax) + " rules");
  }
  const UnixSeconds changed_at = wall(now);
  const auto done = table_.put({rule.name, false, to_json(rule).dump(), changed_at});
  if (!done) return refused(Why::Disk, done.error().reason);
  Entry& entry = rules_[rule.name];
  entry = {rule, false, changed_at};
  return view_of(entry);
}

store::Answer<RuleView> Rules::remove(Instant now, const std::string& name) {
  const auto found = rules_.find(name);
  if (found == rules_.end()) return refused(Why::NotFound, "there is no rule of that name");
  if (found->second.configured) return refused(Why::Conflict, "that rule stands in the configuration file");
  if (!commit(now)) return refused(Why::Disk, trouble_);
  if (const auto gone = table_.remove(name, false); !gone) return refused(Why::Disk, gone.error().reason);
  RuleView view = view_of(found->second);
  rules_.erase(found);
  counts_.erase(name);
  sweeping_ = true;
  return view;
}

std::vector<RuleView> Rules::list() const {
  std::vector<RuleView> all;
  for (const auto& [name, entry] : rules_) all.push_back(view_of(entry));
  return all;
}

store::Answer<RuleDevicePage> Rules::devices(Instant now, const std::string& name, const RuleDeviceQuery& query) {
  if (!rules_.contains(name)) return refused(Why::NotFound, "there is no rule of that name");
  commit(now);
  auto page = table_.page(name, query);
  if (!page) return refused(Why::Disk, page.error().reason);
  return std::move(*page);
}

// ---- which rules ----------------------------------------------------------------------------------------------------

Fits Rules::fits(const Rule& rule, const server::DeviceView& device, const Setup& setup) const {
  const Selection& condition = rule.condition;
  const auto& named = condition.endpoints;
  if (!named.empty() && std::ranges::find(named, device.endpoint) == named.end()) return Fits::No;
  if (!fits_name(condition, device.endpoint, tags_) || !fits_registration(condition, device)) return Fits::No;
  Fits all = Fits::Yes;
  for (const ValueCondition& one : value_conditions(condition)) {
    const auto asked = std::ranges::find_if(setup.asked, [&](const auto& known) { return known.first == one.path; });
    std::optional<std::string> text;
    if (asked != setup.asked.end()) {
      text = asked->second;
    } else if (values_ != nullptr) {
      text = values_->text(device.endpoint, one.path);
    }
    if (!text) {
      all = Fits::Unknown;
    } else if (!matches_glob(one.pattern, *text)) {
      return Fits::No;
    }
  }
  return all;
}

void Rules::note_unknown(const Rule& rule, const std::string& endpoint, Setup& setup) const {
  for (const ValueCondition& one : value_conditions(rule.condition)) {
    if (values_ != nullptr && values_->text(endpoint, one.path)) continue;
    if (std::ranges::find(setup.to_ask, one.path) == setup.to_ask.end()) setup.to_ask.push_back(one.path);
  }
}

void Rules::handle_registered(Instant now, const server::DeviceView& device) {
  begin(now, device, false);
}

void Rules::handle_present(Instant now, const server::DeviceView& device) {
  if (!setups_.contains(device.endpoint)) begin(now, device, true);
}

void Rules::begin(Instant now, const server::DeviceView& device, bool present) {
  Setup setup;
  setup.registration = registration_of(device);
  setup.began = now;
  setup.present = present;
  if (const auto before = setups_.find(device.endpoint); before != setups_.end()) {
    if (before->second.registration == setup.registration) return;
    Setup& old = before->second;
    if (old.phase == Setup::Phase::Step) {
      actions_.push_back(TakeBackStep{device.endpoint, old.tasks[old.at].row.operation});
      std::erase_if(to_ask_, [&](const AskStep& one) { return one.endpoint == device.endpoint; });
    }
    release(old);
    setups_.erase(before);
  }
  bool any = false;
  for (const auto& [name, entry] : rules_) {
    if (!entry.rule.enabled) continue;
    const Fits found = fits(entry.rule, device, setup);
    if (found == Fits::Unknown && entry.rule.ask) note_unknown(entry.rule, device.endpoint, setup);
    any = any || found == Fits::Yes || (found == Fits::Unknown && entry.rule.ask);
  }
  if (!any) return;
  if (setups_.size() >= kSetupsMax) {
    if (!dropping_) actions_.push_back(SetupsDropped{kSetupsMax});
    dropping_ = true;
    return;
  }
  dropping_ = false;
  setup.device = std::make_unique<server::DeviceView>(device);
  ready(device.endpoint, setups_[device.endpoint] = std::move(setup));
}

Result<std::optional<RuleDevice>> Rules::last(const std::string& rule, const std::string& endpoint) {
  const auto fresh = batch_.find({rule, endpoint});
  if (fresh != batch_.end()) return fresh->second;
  return table_.find(rule, endpoint);
}

bool Rules::add_task(const Entry& entry, Setup& setup) {
  const server::DeviceView& device = *setup.device;
  const auto found = last(entry.rule.name, device.endpoint);
  if (!found) {
    trouble_ = found.error().reason;
    return false;
  }
  Task task{.rule = entry.rule.name, .changed_at = entry.changed_at, .row = {}, .known = found->has_value()};
  const bool counts = *found && (*found)->changed_at >= entry.changed_at;
  if (counts && entry.rule.when == RuleWhen::Once && (*found)->state == State::Done) return true;
  if (counts && (*found)->registration == setup.registration) {
    if ((*found)->state != State::Running) return true;
    task.row = **found;
    task.follows = task.row.operation.value != 0;
    setup.tasks.push_back(std::move(task));
    return true;
  }
  // A rule that is newer than the registration is for the next one.
  if (setup.present && device.registered_at < entry.changed_at) return true;
  task.row.endpoint = device.endpoint;
  task.row.registration = setup.registration;
  setup.tasks.push_back(std::move(task));
  return true;
}

bool Rules::make_tasks(Instant now, Setup& setup) {
  setup.tasks.clear();
  for (const auto& [name, entry] : rules_) {
    if (!entry.rule.enabled || fits(entry.rule, *setup.device, setup) != Fits::Yes) continue;
    if (!add_task(entry, setup)) {
      fail(now, {Fault::Environment, 0, trouble_});
      return false;
    }
  }
  setup.device.reset();
  return true;
}

// ---- what is asked --------------------------------------------------------------------------------------------------

void Rules::ready(const std::string& endpoint, Setup& setup) {
  release(setup);
  setup.phase = Setup::Phase::Ready;
  ready_.push_back(endpoint);
}

void Rules::occupy(Setup& setup, Setup::Phase phase) {
  setup.phase = phase;
  if (!setup.counts) ++at_once_;
  setup.counts = true;
}

void Rules::release(Setup& setup) {
  if (setup.counts) --at_once_;
  setup.counts = false;
}

void Rules::advance(Instant now, const std::string& endpoint) {
  const auto found = setups_.find(endpoint);
  if (found == setups_.end() || found->second.phase != Setup::Phase::Ready) return;
  Setup& setup = found->second;
  if (setup.device != nullptr) {
    if (!setup.to_ask.empty()) {
      occupy(setup, Setup::Phase::Value);
      actions_.push_back(AskValue{endpoint, setup.to_ask.front()});
      return;
    }
    if (!make_tasks(now, setup)) {
      ready_.push_back(endpoint);
      return;
    }
  }
  while (setup.at < setup.tasks.size() && setup.phase == Setup::Phase::Ready) {
    const auto entry = rules_.find(setup.tasks[setup.at].rule);
    // Removed or changed meanwhile: what it began stays.
    if (entry == rules_.end() || entry->second.changed_at != setup.tasks[setup.at].changed_at) {
      ++setup.at;
    } else {
      advance_task(now, endpoint, setup, entry->second);
    }
  }
  if (setup.at == setup.tasks.size()) {
    release(setup);
    setups_.erase(found);
  }
}

void Rules::advance_task(Instant now, const std::string& endpoint, Setup& setup, const Entry& entry) {
  Task& task = setup.tasks[setup.at];
  if (task.follows) {
    task.follows = false;
    occupy(setup, Setup::Phase::Step);
    actions_.push_back(FollowStep{endpoint, task.row.operation});
    return;
  }
  if (task.row.step >= entry.rule.steps.size()) return finish_task(now, setup, task.row.failed > 0);
  const auto summary = forms_.check(entry.rule.steps[task.row.step]);
  if (summary && summary->operation == "observe" && !task.looked) {
    occupy(setup, Setup::Phase::Look);
    actions_.push_back(LookAtObservations{endpoint});
    return;
  }
  launch(now, endpoint, setup, entry);
}

void Rules::launch(Instant now, const std::string& endpoint, Setup& setup, const Entry& entry) {
  Task& task = setup.tasks[setup.at];
  AskStep ask{.endpoint = endpoint, .form = entry.rule.steps[task.row.step], .settings = {}};
  task.row.operation = reserve_();
  ask.settings.id = task.row.operation;
  ask.settings.durable = true;
  ask.settings.asked_by = "rule " + entry.rule.name;
  task.row.state = State::Running;
  write(now, task.rule, task.row);
  to_ask_.push_back(std::move(ask));
  occupy(setup, Setup::Phase::Step);
}

void Rules::finish_task(Instant now, Setup& setup, bool failed) {
  Task& task = setup.tasks[setup.at++];
  task.row.state = failed ? State::Failed : State::Done;
  task.row.operation = {};
  write(now, task.rule, task.row);
}

void Rules::step_over(Instant now, const std::string& endpoint, Setup& setup, const std::string& failure) {
  Task& task = setup.tasks[setup.at];
  const auto entry = rules_.find(task.rule);
  const bool same = entry != rules_.end() && entry->second.changed_at == task.changed_at;
  if (!failure.empty()) {
    ++task.row.failed;
    if (task.row.detail.empty()) task.row.detail = failure;
    std::string step;
    if (same && task.row.step < entry->second.rule.steps.size()) {
      if (const auto summary = forms_.check(entry->second.rule.steps[task.row.step])) {
        step = summary->operation + " " + summary->path.to_string();
      }
    }
    actions_.push_back(StepFailed{endpoint, task.rule, std::move(step), failure});
  }
  ++task.row.step;
  task.row.operation = {};
  task.looked = false;
  if (same && !failure.empty() && entry->second.rule.stop_on_failure) {
    finish_task(now, setup, true);
  } else {
    write(now, task.rule, task.row);
  }
  ready(endpoint, setup);
}

void Rules::write(Instant now, const std::string& rule, RuleDevice& row) {
  row.changed_at = wall(now);
  auto& counts = counts_[rule];
  if (const auto before = last(rule, row.endpoint); before && *before) --counts[index((*before)->state)];
  ++counts[index(row.state)];
  batch_[{rule, row.endpoint}] = row;
  if (!commit_at_) commit_at_ = now + kCommitWait;
}

// ---- what came of it ------------------------------------------------------------------------------------------------

Rules::Setup* Rules::waiting_for(const std::string& endpoint, server::OperationId operation) {
  const auto found = setups_.find(endpoint);
  if (found == setups_.end() || found->second.phase != Setup::Phase::Step) return nullptr;
  Setup& setup = found->second;
  return setup.tasks[setup.at].row.operation == operation ? &setup : nullptr;
}

void Rules::handle_value(Instant now, const std::string& endpoint, const lwm2m::Path& path,
                         const std::optional<std::string>& text) {
  const auto found = setups_.find(endpoint);
  if (found == setups_.end()) return;
  Setup& setup = found->second;
  if (setup.phase != Setup::Phase::Value || setup.to_ask.front() != path) return;
  setup.to_ask.pop_front();
  if (text) setup.asked.emplace_back(path, *text);
  ready(endpoint, setup);
  handle_timeout(now);
}

void Rules::handle_observed(Instant now, const std::string& endpoint, const std::vector<lwm2m::Path>& paths) {
  const auto found = setups_.find(endpoint);
  if (found == setups_.end() || found->second.phase != Setup::Phase::Look) return;
  Setup& setup = found->second;
  Task& task = setup.tasks[setup.at];
  const auto entry = rules_.find(task.rule);
  if (entry != rules_.end() && entry->second.changed_at == task.changed_at) {
    const auto summary = forms_.check(entry->second.rule.steps[task.row.step]);
    if (summary && std::ranges::find(paths, summary->path) != paths.end()) {
      step_over(now, endpoint, setup, "");
      return handle_timeout(now);
    }
    if (task.known && now < setup.began + kRestoreGrace) {
      release(setup);
      setup.phase = Setup::Phase::Grace;
      grace_.emplace(std::min(setup.began + kRestoreGrace, now + kRestoreGrace / 6), endpoint);
      return;
    }
  }
  task.looked = true;
  ready(endpoint, setup);
  handle_timeout(now);
}

void Rules::handle_progress(Instant now, const server::OperationStatus& status) {
  Setup* const setup = waiting_for(status.endpoint, status.id);
  if (setup == nullptr) return;
  if (!status.result) {
    // It may sleep for days: others take its place meanwhile.
    if (status.state == server::OperationState::Queued) release(*setup);
    return;
  }
  const ResultText text = result_text(*status.result, "", kRuleDetailMax);
  std::string failure;
  if (!text.success) failure = text.code.empty() ? text.detail : text.code + " " + text.detail;
  step_over(now, status.endpoint, *setup, short_text(failure, kRuleDetailMax));
  handle_timeout(now);
}

void Rules::handle_refused(Instant now, const std::string& endpoint, server::OperationId operation,
                           const std::string& reason) {
  Setup* const setup = waiting_for(endpoint, operation);
  if (setup == nullptr) return;
  const std::string failure = short_text(reason, kRuleDetailMax);
  step_over(now, endpoint, *setup, failure.empty() ? "it can't be made for this device" : failure);
  handle_timeout(now);
}

void Rules::handle_missing(Instant now, const std::string& endpoint, server::OperationId operation) {
  Setup* const setup = waiting_for(endpoint, operation);
  if (setup == nullptr) return;
  setup->tasks[setup->at].row.operation = {};
  ready(endpoint, *setup);
  handle_timeout(now);
}

void Rules::fail(Instant now, const Error& error) {
  trouble_ = error.reason;
  retry_disk_at_ = now + kDiskRetry;
}

bool Rules::commit(Instant now) {
  std::vector<RuleTable::Outcome> outcomes;
  outcomes.reserve(batch_.size());
  for (const auto& [key, row] : batch_) outcomes.push_back({key.first, row});
  if (!outcomes.empty()) {
    if (const auto done = table_.write(outcomes); !done) {
      fail(now, done.error());
      return false;
    }
  }
  batch_.clear();
  commit_at_.reset();
  retry_disk_at_.reset();
  trouble_.clear();
  for (AskStep& ask : to_ask_) actions_.push_back(std::move(ask));
  to_ask_.clear();
  return true;
}

void Rules::tidy(Instant now) {
  if (sweeping_) {
    const auto swept = table_.sweep(kChunk);
    if (!swept) return fail(now, swept.error());
    sweeping_ = *swept > 0;
  }
  for (auto& [rule, counts] : counts_) {
    if (counts[0] + counts[1] + counts[2] <= kRuleOutcomesMax) continue;
    const auto gone = table_.trim(rule, kChunk);
    if (!gone) return fail(now, gone.error());
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] -= std::min(counts[i], (*gone)[i]);
  }
}

void Rules::handle_timeout(Instant now) {
  if (retry_disk_at_ && *retry_disk_at_ > now) return;
  if (retry_disk_at_ && !commit(now)) return;
  while (!grace_.empty() && grace_.begin()->first <= now) {
    const std::string endpoint = grace_.begin()->second;
    grace_.erase(grace_.begin());
    const auto found = setups_.find(endpoint);
    if (found != setups_.end() && found->second.phase == Setup::Phase::Grace) ready(endpoint, found->second);
  }
  for (std::size_t left = ready_.size(); left > 0 && at_once_ < kAtOnceMax && !retry_disk_at_; --left) {
    const std::string endpoint = std::move(ready_.front());
    ready_.pop_front();
    advance(now, endpoint);
  }
  if (commit_at_ && *commit_at_ <= now && !commit(now)) return;
  tidy(now);
}

std::optional<RuleAction> Rules::poll_action() {
  if (actions_.empty()) return std::nullopt;
  RuleAction action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

std::optional<Instant> Rules::deadline() const {
  if (retry_disk_at_) return retry_disk_at_;
  if (!ready_.empty() && at_once_ < kAtOnceMax) return Instant{};
  if (sweeping_) return Instant{};
  std::optional<Instant> at = commit_at_;
  if (!grace_.empty() && (!at || grace_.begin()->first < *at)) at = grace_.begin()->first;
  return at;
}

}  // namespace drover::jobs
