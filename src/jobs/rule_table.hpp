// SPDX-License-Identifier: Apache-2.0
// Where rules are kept, and what became of them on each device.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "jobs/rule.hpp"
#include "store/sealer.hpp"
#include "store/store_file.hpp"

namespace drover::jobs {

/// The tables `rule` and `rule_device` of a store. One thread at a time; what a call that succeeds has written is on disk
/// when it returns. Errors are Fault::Environment.
class RuleTable {
 public:
  struct Row {
    std::string name;
    bool configured = false;
    std::string text;  ///< JSON
    UnixSeconds changed_at = 0;
  };
  struct Outcome {
    std::string rule;
    RuleDevice device;
  };
  using Counts = std::map<std::string, std::array<std::uint64_t, kRuleDeviceStates>, std::less<>>;

  /// What rules say is sealed: their steps may hold keys.
  RuleTable(std::shared_ptr<store::StoreFile> file, store::Sealer sealer)
      : file_(std::move(file)), sealer_(std::move(sealer)) {}

  Result<std::vector<Row>> load();
  Result<Counts> counts();
  /// A new one, or in the place of the one of that name.
  Result<void> put(const Row& row);
  Result<void> remove(const std::string& name, bool configured);
  Result<void> write(std::span<const Outcome> outcomes);
  Result<std::optional<RuleDevice>> find(const std::string& rule, const std::string& endpoint);
  Result<RuleDevicePage> page(const std::string& rule, const RuleDeviceQuery& query);
  /// Removes up to `count` of the oldest outcomes that aren't Running; how many of each state.
  Result<std::array<std::uint64_t, kRuleDeviceStates>> trim(const std::string& rule, std::size_t count);
  /// Removes up to `count` outcomes of rules that are gone; how many.
  Result<std::size_t> sweep(std::size_t count);

 private:
  template <class Write>
  Result<void> commit(Write write);

  std::shared_ptr<store::StoreFile> file_;
  store::Sealer sealer_;
};

}  // namespace drover::jobs
