// SPDX-License-Identifier: Apache-2.0
// Work on many devices, as people and programs ask for it. The REST API sees only this.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "jobs/bulk.hpp"
#include "jobs/fleet_selector.hpp"
#include "jobs/forms.hpp"
#include "jobs/rule.hpp"
#include "jobs/tags.hpp"
#include "store/credential.hpp"

namespace drover::jobs {

enum class BulkCommand : std::uint8_t { Pause, Resume, Cancel, Retry, Remove };

/// Thread-safe. `done` is called once, on a thread of the desk's, and must not block; when it says that something was
/// changed, the disk has it where there is a store.
class Desk {
 public:
  template <class T>
  using Done = std::function<void(T)>;

  virtual ~Desk() = default;
  /// For reading, from memory and at once.
  [[nodiscard]] virtual const Tags& tags() const = 0;
  [[nodiscard]] virtual const Forms& forms() const = 0;

  virtual void change_tags(std::string endpoint, TagSet tags, Tags::Change how, Done<store::Answer<TagSet>> done) = 0;
  /// As FleetSelector::page().
  virtual void devices(Selection selection, std::string after, std::size_t limit, Done<FleetSelector::Page> done) = 0;

  // As class Bulks has them.
  virtual void add_bulk(BulkOrder order, Done<store::Answer<BulkView>> done) = 0;
  virtual void bulks(Done<std::vector<BulkView>> done) = 0;
  virtual void bulk(BulkId id, Done<std::optional<BulkView>> done) = 0;
  virtual void bulk_devices(BulkId id, BulkDeviceQuery query, Done<store::Answer<BulkDevicePage>> done) = 0;
  virtual void change_bulk(BulkId id, BulkCommand command, Done<store::Answer<BulkView>> done) = 0;

  // As class Rules has them.
  virtual void rules(Done<std::vector<RuleView>> done) = 0;
  virtual void put_rule(Rule rule, Done<store::Answer<RuleView>> done) = 0;
  virtual void remove_rule(std::string name, Done<store::Answer<RuleView>> done) = 0;
  virtual void rule_devices(std::string name, RuleDeviceQuery query, Done<store::Answer<RuleDevicePage>> done) = 0;
};

}  // namespace drover::jobs
