// SPDX-License-Identifier: Apache-2.0
#include "automation_thread.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "io/clock.hpp"
#include "io/event_loop.hpp"
#include "io/log.hpp"
#include "jobs/bulks.hpp"
#include "jobs/outcome_text.hpp"
#include "jobs/rules.hpp"

namespace drover::droverd {

using jobs::BulkId;
using server::DeviceView;
using server::OperationId;
using server::OperationStatus;

namespace {

constexpr std::size_t kValueMax = 1024;  ///< bytes of a value that a condition looks at
constexpr std::size_t kActionsAtOnce = 1000;  ///< between two looks at the mailbox

Duration unix_at_zero() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<Duration>(wall) - io::now().time_since_epoch();
}

}  // namespace

/// All but post() on the loop's thread, once it runs.
struct AutomationThread::Worker {
  Worker(const std::shared_ptr<store::StoreFile>& file, server::Fleet& the_fleet, std::unique_ptr<jobs::Forms> the_forms,
         std::unique_ptr<jobs::Tags> the_tags, const Settings& settings)
      : fleet(the_fleet),
        forms(std::move(the_forms)),
        tags(std::move(the_tags)),
        selector(fleet, *tags, settings.values, [this](std::function<void()> task) { loop.post(std::move(task)); }),
        bulks(jobs::BulkTable(file, settings.sealer), [this] { return fleet.reserve_operation(); }),
        rules(jobs::RuleTable(file, settings.sealer), *tags, settings.values, *forms, [this] { return fleet.reserve_operation(); }) {
    bulks.set_wall_clock(unix_at_zero());
    rules.set_wall_clock(unix_at_zero());
    loop.add_waker([this] { return next(); }, [this](Instant now) { wake(now); });
  }

  /// Runs a task of the machines, and does what they ask for then. Thread-safe.
  void post(std::function<void(Instant)> task) {
    loop.post([this, task = std::move(task)] {
      task(io::now());
      act();
    });
  }
  void note_rules() {
    if (!rules.idle()) has_rules = true;
  }
  [[nodiscard]] std::optional<Instant> next() const {
    if (more) return Instant{};
    const auto bulk = bulks.deadline();
    const auto rule = rules.deadline();
    if (!bulk || !rule) return bulk ? bulk : rule;
    return std::min(*bulk, *rule);
  }
  void wake(Instant now) {
    const auto due = [now](const std::optional<Instant>& at) { return at && *at <= now; };
    if (due(bulks.deadline())) bulks.handle_timeout(now);
    if (due(rules.deadline())) rules.handle_timeout(now);
    act();
  }
  void act() {
    more = false;
    for (std::size_t count = 0; auto action = bulks.poll_action(); ++count) {
      std::visit([this](auto& one) { carry_out(one); }, *action);
      more = count + 1 == kActionsAtOnce;
      if (more) break;
    }
    for (std::size_t count = 0; auto action = rules.poll_action(); ++count) {
      std::visit([this](auto& one) { carry_out(one); }, *action);
      more = more || count + 1 == kActionsAtOnce;
      if (count + 1 == kActionsAtOnce) break;
    }
    tell_trouble();
  }
  void tell_trouble() {
    const std::string& now = bulks.trouble().empty() ? rules.trouble() : bulks.trouble();
    if (now == trouble) return;
    trouble = now;
    if (trouble.empty()) {
      io::log::info("bulk operations and rules are stored again");
    } else {
      io::log::error("bulk operations and rules wait for the store", {{"why", trouble}});
    }
  }

  // ---- bulk operations
  void carry_out(const jobs::SelectDevices& action) {
    selector.select(action.selection, [this, id = action.bulk](Result<std::vector<std::string>> endpoints) {
      post([this, id, endpoints = std::move(endpoints)](Instant now) mutable {
        bulks.handle_selected(now, id, std::move(endpoints));
      });
    });
  }
  void carry_out(const jobs::AskDevice& action) {
    fleet.device(action.endpoint, [this, action](std::optional<DeviceView> device) {
      post([this, action, device = std::move(device)](Instant now) { ask(now, action, device); });
    });
  }
  void ask(Instant now, const jobs::AskDevice& action, const std::optional<DeviceView>& device) {
    const OperationId operation = *action.settings.id;
    if (!device) return bulks.handle_refused(now, action.bulk, action.endpoint, operation, "it isn't registered");
    auto prepared = forms->prepare(action.form, *device);
    if (!prepared) {
      return bulks.handle_refused(now, action.bulk, action.endpoint, operation, prepared.error().reason);
    }
    // How a value is decoded depends on what the device announced.
    const bool reads = std::holds_alternative<lwm2m::Read>(prepared->operation);
    jobs::operate(fleet, action.endpoint, std::move(*prepared), action.settings,
                  follower(action.bulk, reads ? std::make_shared<const DeviceView>(*device) : nullptr));
  }
  std::function<bool(const OperationStatus&)> follower(BulkId bulk, std::shared_ptr<const DeviceView> device) {
    return [this, bulk, device = std::move(device)](const OperationStatus& status) {
      post([this, bulk, device, status](Instant now) { progress(now, bulk, device, status); });
      return true;
    };
  }
  void progress(Instant now, BulkId bulk, const std::shared_ptr<const DeviceView>& device,
                const OperationStatus& status) {
    std::string value;
    const auto* const outcome = status.result ? std::get_if<lwm2m::Outcome>(&*status.result) : nullptr;
    if (outcome != nullptr && status.operation == "Read") {
      value = forms->value_text(status.path, *outcome, device ? std::optional(*device) : std::nullopt);
    }
    bulks.handle_progress(now, bulk, status, value);
  }
  void carry_out(const jobs::FollowDevice& action) {
    fleet.follow(action.endpoint, action.operation, follower(action.bulk, nullptr), [this, action] {
      post([this, action](Instant now) { bulks.handle_missing(now, action.bulk, action.endpoint, action.operation); });
    });
  }
  void carry_out(const jobs::TakeBack& action) { take_back(action.endpoint, action.operation); }
  void take_back(const std::string& endpoint, OperationId operation) {
    fleet.cancel_operation(endpoint, operation, [](const std::optional<OperationStatus>&) {});
  }
  void carry_out(const jobs::BulkEnded& action) {
    const jobs::BulkView& bulk = action.bulk;
    io::log::info("bulk operation ended", {{"bulk", bulk.id.value},
                                           {"state", jobs::to_string(bulk.state)},
                                           {"devices", bulk.counts.total()},
                                           {"failed", bulk.counts.failed()},
                                           {"why", bulk.reason}});
  }

  // ---- rules
  void carry_out(const jobs::AskValue& action) {
    server::OperationSettings settings;
    settings.asked_by = "rules";
    const auto done = [this, action](const OperationStatus& status) {
      if (!status.result) return true;
      post([this, action, status](Instant now) {
        std::optional<std::string> text;
        const auto* const outcome = std::get_if<lwm2m::Outcome>(&*status.result);
        if (outcome != nullptr && lwm2m::is_success(outcome->status)) {
          text = jobs::short_text(forms->value_text(action.path, *outcome, std::nullopt), kValueMax);
        }
        rules.handle_value(now, action.endpoint, action.path, text);
      });
      return false;
    };
    fleet.operate(action.endpoint, lwm2m::Read{action.path, std::nullopt, false}, settings, done);
  }
  void carry_out(const jobs::LookAtObservations& action) {
    fleet.observations(action.endpoint, [this, action](const std::optional<std::vector<server::ObservationView>>& all) {
      std::vector<lwm2m::Path> paths;
      if (all) {
        for (const server::ObservationView& one : *all) paths.push_back(one.path);
      }
      post([this, action, paths = std::move(paths)](Instant now) { rules.handle_observed(now, action.endpoint, paths); });
    });
  }
  void carry_out(const jobs::AskStep& action) {
    fleet.device(action.endpoint, [this, action](std::optional<DeviceView> device) {
      post([this, action, device = std::move(device)](Instant now) { ask(now, action, device); });
    });
  }
  void ask(Instant now, const jobs::AskStep& action, const std::optional<DeviceView>& device) {
    const OperationId operation = *action.settings.id;
    if (!device) return rules.handle_refused(now, action.endpoint, operation, "it isn't registered any more");
    auto prepared = forms->prepare(action.form, *device);
    if (!prepared) return rules.handle_refused(now, action.endpoint, operation, prepared.error().reason);
    jobs::operate(fleet, action.endpoint, std::move(*prepared), action.settings, step_follower());
  }
  std::function<bool(const OperationStatus&)> step_follower() {
    return [this](const OperationStatus& status) {
      post([this, status](Instant now) { rules.handle_progress(now, status); });
      return true;
    };
  }
  void carry_out(const jobs::FollowStep& action) {
    fleet.follow(action.endpoint, action.operation, step_follower(), [this, action] {
      post([this, action](Instant now) { rules.handle_missing(now, action.endpoint, action.operation); });
    });
  }
  void carry_out(const jobs::TakeBackStep& action) { take_back(action.endpoint, action.operation); }
  void carry_out(const jobs::StepFailed& action) {
    io::log::warn("a rule's step failed", {{"rule", action.rule},
                                           {"endpoint", action.endpoint},
                                           {"step", action.step},
                                           {"why", action.reason}});
  }
  void carry_out(const jobs::SetupsDropped& action) {
    io::log::error("rules skip devices: too many register at once", {{"most", action.most}});
  }
  /// Devices that registered before this run, a page at a time.
  void look_at_present(std::string after) {
    server::DeviceQuery query;
    query.after = std::move(after);
    query.limit = server::kPageMax;
    fleet.devices(std::move(query), [this](server::DevicePage page) {
      post([this, page = std::move(page)](Instant now) {
        for (const DeviceView& device : page.devices) rules.handle_present(now, device);
        if (!page.next.empty()) look_at_present(page.next);
      });
    });
  }

  server::Fleet& fleet;
  const std::unique_ptr<jobs::Forms> forms;
  const std::unique_ptr<jobs::Tags> tags;
  io::EventLoop loop;
  jobs::FleetSelector selector;
  jobs::Bulks bulks;
  jobs::Rules rules;
  std::thread thread;
  std::string trouble;
  /// Stays true once it is. Else the shards' threads needn't copy each device that registers.
  std::atomic<bool> has_rules = false;
  bool more = false;
};

AutomationThread::AutomationThread(std::unique_ptr<Worker> worker) : worker_(std::move(worker)) {}

Result<std::unique_ptr<AutomationThread>> AutomationThread::open(std::shared_ptr<store::StoreFile> file,
                                                                 server::Fleet& fleet,
                                                                 std::unique_ptr<jobs::Forms> forms,
                                                                 Settings settings) {
  if (file == nullptr) {
    auto memory = store::StoreFile::in_memory();
    if (!memory) return tl::unexpected(memory.error());
    file = std::move(*memory);
  }
  auto tags = jobs::Tags::open(file);
  if (!tags) return tl::unexpected(tags.error());
  auto worker = std::make_unique<Worker>(file, fleet, std::move(forms), std::move(*tags), settings);
  if (auto loaded = worker->bulks.load(io::now()); !loaded) return tl::unexpected(loaded.error());
  if (auto loaded = worker->rules.load(io::now(), settings.rules); !loaded) return tl::unexpected(loaded.error());
  worker->note_rules();
  return std::unique_ptr<AutomationThread>(new AutomationThread(std::move(worker)));
}

AutomationThread::~AutomationThread() {
  stop();
}

void AutomationThread::start() {
  worker_->post([worker = worker_.get()](Instant) { worker->look_at_present(""); });
  worker_->thread = std::thread([worker = worker_.get()] { worker->loop.run(); });
}

void AutomationThread::stop() {
  if (!worker_->thread.joinable()) return;
  // Behind all that has been posted; what is due later is committed with it.
  worker_->post([worker = worker_.get()](Instant now) {
    worker->bulks.handle_timeout(now + jobs::Bulks::kCommitWait);
    worker->rules.handle_timeout(now + jobs::Rules::kCommitWait);
    worker->loop.stop();
  });
  worker_->thread.join();
}

void AutomationThread::handle(const server::Event& event) {
  if (event.kind != server::EventKind::Registered || !event.device || !worker_->has_rules) return;
  worker_->post([worker = worker_.get(), device = *event.device](Instant now) {
    worker->rules.handle_registered(now, device);
  });
}

jobs::Selector& AutomationThread::selector() {
  return worker_->selector;
}

const jobs::Tags& AutomationThread::tags() const {
  return *worker_->tags;
}

const jobs::Forms& AutomationThread::forms() const {
  return *worker_->forms;
}

void AutomationThread::change_tags(std::string endpoint, jobs::TagSet tags, jobs::Tags::Change how,
                                   Done<store::Answer<jobs::TagSet>> done) {
  worker_->post([this, endpoint = std::move(endpoint), tags = std::move(tags), how, done = std::move(done)](Instant) {
    done(worker_->tags->change(endpoint, tags, how));
  });
}

void AutomationThread::devices(jobs::Selection selection, std::string after, std::size_t limit,
                               Done<jobs::FleetSelector::Page> done) {
  worker_->selector.page(std::move(selection), std::move(after), limit, std::move(done));
}

void AutomationThread::add_bulk(jobs::BulkOrder order, Done<store::Answer<jobs::BulkView>> done) {
  worker_->post([this, order = std::move(order), done = std::move(done)](Instant now) mutable {
    done(worker_->bulks.add(now, std::move(order)));
  });
}

void AutomationThread::bulks(Done<std::vector<jobs::BulkView>> done) {
  worker_->post([this, done = std::move(done)](Instant) { done(worker_->bulks.list()); });
}

void AutomationThread::bulk(BulkId id, Done<std::optional<jobs::BulkView>> done) {
  worker_->post([this, id, done = std::move(done)](Instant) { done(worker_->bulks.find(id)); });
}

void AutomationThread::bulk_devices(BulkId id, jobs::BulkDeviceQuery query,
                                    Done<store::Answer<jobs::BulkDevicePage>> done) {
  worker_->post([this, id, query = std::move(query), done = std::move(done)](Instant now) {
    done(worker_->bulks.devices(now, id, query));
  });
}

void AutomationThread::change_bulk(BulkId id, jobs::BulkCommand command, Done<store::Answer<jobs::BulkView>> done) {
  worker_->post([this, id, command, done = std::move(done)](Instant now) {
    jobs::Bulks& bulks = worker_->bulks;
    switch (command) {
      case jobs::BulkCommand::Pause: return done(bulks.pause(now, id));
      case jobs::BulkCommand::Resume: return done(bulks.resume(now, id));
      case jobs::BulkCommand::Cancel: return done(bulks.cancel(now, id));
      case jobs::BulkCommand::Retry: return done(bulks.retry(now, id));
      case jobs::BulkCommand::Remove: return done(bulks.remove(now, id));
    }
  });
}

void AutomationThread::set_rules(std::vector<jobs::Rule> rules) {
  worker_->post([this, rules = std::move(rules)](Instant now) {
    const auto done = worker_->rules.reload(now, rules);
    worker_->note_rules();
    if (!done) io::log::error("rules stay as they were", {{"why", done.error().reason}});
  });
}

void AutomationThread::rules(Done<std::vector<jobs::RuleView>> done) {
  worker_->post([this, done = std::move(done)](Instant) { done(worker_->rules.list()); });
}

void AutomationThread::put_rule(jobs::Rule rule, Done<store::Answer<jobs::RuleView>> done) {
  worker_->post([this, rule = std::move(rule), done = std::move(done)](Instant now) {
    const auto put = worker_->rules.put(now, rule);
    worker_->note_rules();
    done(put);
  });
}

void AutomationThread::remove_rule(std::string name, Done<store::Answer<jobs::RuleView>> done) {
  worker_->post([this, name = std::move(name), done = std::move(done)](Instant now) {
    done(worker_->rules.remove(now, name));
  });
}

void AutomationThread::rule_devices(std::string name, jobs::RuleDeviceQuery query,
                                    Done<store::Answer<jobs::RuleDevicePage>> done) {
  worker_->post([this, name = std::move(name), query = std::move(query), done = std::move(done)](Instant now) {
    done(worker_->rules.devices(now, name, query));
  });
}

}  // namespace drover::droverd
