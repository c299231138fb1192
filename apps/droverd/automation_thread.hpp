// SPDX-License-Identifier: Apache-2.0
// Bulk operations, rules and tags on a thread of their own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "jobs/desk.hpp"
#include "server/fleet.hpp"
#include "store/sealer.hpp"
#include "store/store_file.hpp"

namespace drover::droverd {

/// What waits for the disk is done here, so that neither a shard nor the API waits.
class AutomationThread final : public jobs::Desk {
 public:
  struct Settings {
    std::vector<jobs::Rule> rules{};        ///< of the configuration
    jobs::KnownValues* values = nullptr;    ///< outlives it; nullptr: no values are known
    store::Sealer sealer = store::Sealer::random();  ///< of the file
  };

  /// Reads what an earlier run left; nothing runs before start(). Without a `file` all is in memory, for this run. Fleet
  /// and forms outlive it, and it outlives the threads that the fleet calls back on. An error names what is damaged.
  static Result<std::unique_ptr<AutomationThread>> open(std::shared_ptr<store::StoreFile> file, server::Fleet& fleet,
                                                        std::unique_ptr<jobs::Forms> forms, Settings settings);
  ~AutomationThread() override;
  AutomationThread(const AutomationThread&) = delete;
  AutomationThread& operator=(const AutomationThread&) = delete;

  /// Takes up what was under way, and looks at the devices that are registered by then.
  void start();
  /// Commits what has happened, ends and joins the thread. What waits isn't answered.
  void stop();
  /// Thread-safe: the configuration has other rules now.
  void set_rules(std::vector<jobs::Rule> rules);
  /// Thread-safe: for each event of the fleet, in their order.
  void handle(const server::Event& event);
  /// Thread-safe: finds the devices of campaigns, too.
  [[nodiscard]] jobs::Selector& selector();

  // jobs::Desk
  [[nodiscard]] const jobs::Tags& tags() const override;
  [[nodiscard]] const jobs::Forms& forms() const override;
  void change_tags(std::string endpoint, jobs::TagSet tags, jobs::Tags::Change how,
                   Done<store::Answer<jobs::TagSet>> done) override;
  void devices(jobs::Selection selection, std::string after, std::size_t limit,
               Done<jobs::FleetSelector::Page> done) override;
  void add_bulk(jobs::BulkOrder order, Done<store::Answer<jobs::BulkView>> done) override;
  void bulks(Done<std::vector<jobs::BulkView>> done) override;
  void bulk(jobs::BulkId id, Done<std::optional<jobs::BulkView>> done) override;
  void bulk_devices(jobs::BulkId id, jobs::BulkDeviceQuery query,
                    Done<store::Answer<jobs::BulkDevicePage>> done) override;
  void change_bulk(jobs::BulkId id, jobs::BulkCommand command, Done<store::Answer<jobs::BulkView>> done) override;
  void rules(Done<std::vector<jobs::RuleView>> done) override;
  void put_rule(jobs::Rule rule, Done<store::Answer<jobs::RuleView>> done) override;
  void remove_rule(std::string name, Done<store::Answer<jobs::RuleView>> done) override;
  void rule_devices(std::string name, jobs::RuleDeviceQuery query,
                    Done<store::Answer<jobs::RuleDevicePage>> done) override;

 private:
  struct Worker;
  explicit AutomationThread(std::unique_ptr<Worker> worker);

  std::unique_ptr<Worker> worker_;
};

}  // namespace drover::droverd
