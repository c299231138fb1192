// SPDX-License-Identifier: Apache-2.0
#include "store/plans.hpp"

#include <cassert>
#include <utility>

namespace drover::store {

namespace {

/// What a sealed text belongs to: one can't be put under another's name.
Bytes about(std::string_view name) {
  return to_bytes("drover bootstrap plan " + std::string(name));
}

tl::unexpected<Refusal> refusal(Refusal::Why why, const char* field, std::string reason) {
  return tl::unexpected(Refusal{why, field, std::move(reason)});
}

tl::unexpected<Refusal> disk(const Error& error) {
  return refusal(Refusal::Why::Disk, "", error.reason);
}

}  // namespace

Plans::Plans(std::unique_ptr<PlanTable> table, Sealer sealer, Settings settings)
    : table_(std::move(table)), settings_(std::move(settings)), sealer_(std::move(sealer)) {}

Result<std::unique_ptr<Plans>> Plans::open(std::unique_ptr<PlanTable> table, Sealer sealer, Settings settings) {
  assert(settings.unix_now);
  std::unique_ptr<Plans> plans(new Plans(std::move(table), std::move(sealer), std::move(settings)));
  auto rows = plans->table_->load();
  if (!rows) return tl::unexpected(rows.error());
  for (const PlanRow& row : *rows) {
    auto opened = plans->sealer_.open(row.sealed_text, about(row.name));
    if (!opened) {
      return tl::unexpected(Error{Fault::Environment, 0,
                                  "the store is damaged: the bootstrap plan \"" + row.name +
                                      "\" isn't what was sealed under this name"});
    }
    Secret<std::string> text{std::string(as_text(opened->reveal()))};
    plans->texts_size_ += text.reveal().size();
    plans->plans_.emplace(row.name, Held{std::move(text), row.changed_at});
  }
  return plans;
}

std::vector<PlanEntry> Plans::list() const {
  const std::shared_lock lock(reading_);
  std::vector<PlanEntry> all;
  all.reserve(plans_.size());
  for (const auto& [name, held] : plans_) all.push_back({name, held.text.reveal().size(), held.changed_at});
  return all;
}

std::optional<Plan> Plans::find(std::string_view name) const {
  const std::shared_lock lock(reading_);
  const auto found = plans_.find(name);
  if (found == plans_.end()) return std::nullopt;
  return Plan{found->first, found->second.text, found->second.changed_at};
}

Answer<PlanEntry> Plans::put(const std::string& name, Secret<std::string> text) {
  if (name.empty()) return refusal(Refusal::Why::Invalid, "name", "name must not be empty");
  if (auto wrong = check_text(name, "name", kPlanNameMax)) return tl::unexpected(std::move(*wrong));
  const std::size_t size = text.reveal().size();
  if (size > kPlanTextMax) {
    return refusal(Refusal::Why::Invalid, "text", "a plan must be at most " + std::to_string(kPlanTextMax) + " bytes");
  }
  const std::lock_guard writing(writing_);
  const auto before = plans_.find(name);  // nobody else changes it
  const bool is_new = before == plans_.end();
  if (is_new && plans_.size() >= settings_.plans_max) {
    return refusal(Refusal::Why::Full, "", "there are " + std::to_string(settings_.plans_max) + " plans already");
  }
  const std::size_t others = texts_size_ - (is_new ? 0 : before->second.text.reveal().size());
  if (others + size > settings_.texts_max) {
    return refusal(Refusal::Why::Full, "",
                   "all plans together would be more than " + std::to_string(settings_.texts_max) + " bytes");
  }
  PlanRow row{.name = name, .sealed_text = {}, .changed_at = settings_.unix_now()};
  auto sealed = sealer_.seal(as_bytes(text.reveal()), about(name));
  if (!sealed) return disk(sealed.error());
  row.sealed_text = std::move(*sealed);
  if (auto done = table_->put(row); !done) return disk(done.error());
  const std::unique_lock lock(reading_);
  plans_.insert_or_assign(name, Held{std::move(text), row.changed_at});
  texts_size_ = others + size;
  return PlanEntry{name, size, row.changed_at};
}

Answer<PlanEntry> Plans::remove(const std::string& name) {
  const std::lock_guard writing(writing_);
  const auto found = plans_.find(name);
  if (found == plans_.end()) return refusal(Refusal::Why::NotFound, "", "there is no plan of this name");
  PlanEntry gone{name, found->second.text.reveal().size(), found->second.changed_at};
  if (auto done = table_->remove(name); !done) return disk(done.error());
  const std::unique_lock lock(reading_);
  plans_.erase(found);
  texts_size_ -= gone.size;
  return gone;
}

Result<void> Plans::reseal(const Sealer& next, const std::function<Result<void>(std::vector<PlanRow>)>& commit) {
  const std::lock_guard writing(writing_);
  std::vector<PlanRow> rows;
  rows.reserve(plans_.size());
  for (const auto& [name, held] : plans_) {
    auto sealed = next.seal(as_bytes(held.text.reveal()), about(name));
    if (!sealed) return tl::unexpected(sealed.error());
    rows.push_back({.name = name, .sealed_text = std::move(*sealed), .changed_at = held.changed_at});
  }
  if (auto done = commit(std::move(rows)); !done) return done;
  sealer_ = next;
  return {};
}

}  // namespace drover::store
