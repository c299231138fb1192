// SPDX-License-Identifier: Apache-2.0
#include "plan_shelf.hpp"

#include <utility>

#include "apps/plans/plan_file.hpp"
#include "bootstrap/plan_json.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"

namespace drover::droverd {

using bootstrap::DeskAnswer;
using bootstrap::DeskRefusal;
using bootstrap::PlanView;
using Why = DeskRefusal::Why;

namespace {

tl::unexpected<DeskRefusal> refused(Why why, std::string reason) {
  return tl::unexpected(DeskRefusal{why, std::move(reason)});
}

DeskRefusal to_desk(const store::Refusal& refusal) {
  switch (refusal.why) {
    case store::Refusal::Why::Full: return {Why::Full, refusal.reason};
    case store::Refusal::Why::Disk: return {Why::Disk, refusal.reason};
    case store::Refusal::Why::NotFound: return {Why::NotFound, refusal.reason};
    case store::Refusal::Why::Conflict: return {Why::Conflict, refusal.reason};
    case store::Refusal::Why::Invalid: break;
  }
  return {Why::Invalid, refusal.reason};
}

}  // namespace

Result<std::vector<bootstrap::SharedPlan>> read_plans(const std::vector<std::string>& files,
                                                      const lwm2m::model::Registry& registry) {
  const auto wrong = [](const std::string& reason) { return tl::unexpected(Error{Fault::Us, 0, reason}); };
  bootstrap::PlanBook book;
  std::vector<bootstrap::SharedPlan> read;
  for (const std::string& file : files) {
    const auto text = plans::read_plan_file(file);
    if (!text) return tl::unexpected(text.error());
    const auto plan = bootstrap::parse_plan(text->reveal(), registry);
    if (!plan) return wrong(file + ": " + plan.error().reason);
    if (book.find((*plan)->name)) return wrong(file + ": there is another plan of the name " + (*plan)->name);
    if (auto put = book.put(*plan); !put) return wrong(file + ": " + put.error().reason);
    read.push_back(*plan);
  }
  return read;
}

Result<void> PlanShelf::load(const std::vector<std::string>& files) {
  const auto read = read_plans(files, registry_);
  if (!read) return tl::unexpected(read.error());
  bootstrap::PlanBook book;
  std::map<std::string, Origin> origins;
  for (const bootstrap::SharedPlan& plan : *read) {
    if (auto put = book.put(plan); !put) return put;
    origins[plan->name] = {true, io::unix_now()};
    for (const std::string& warning : plan->warnings) {
      io::log::warn("bootstrap plan", {{"plan", plan->name}, {"warning", warning}});
    }
  }
  for (const store::PlanEntry& entry : store_.list()) {
    if (origins.contains(entry.name)) continue;
    const auto kept = store_.find(entry.name);
    if (!kept) continue;
    const auto plan = bootstrap::parse_plan(kept->text.reveal(), registry_);
    const auto put = plan ? book.put(*plan) : tl::unexpected(plan.error());
    if (!put) {
      io::log::error("a bootstrap plan isn't used", {{"plan", entry.name}, {"why", put.error().reason}});
      continue;
    }
    origins[entry.name] = {false, entry.changed_at};
  }
  book_ = std::move(book);
  origins_ = std::move(origins);
  return {};
}

PlanView PlanShelf::view(const bootstrap::SharedPlan& plan) const {
  const auto origin = origins_.find(plan->name);
  return {plan, origin == origins_.end() ? 0 : origin->second.changed_at};
}

std::vector<PlanView> PlanShelf::all() const {
  std::vector<PlanView> views;
  for (const bootstrap::SharedPlan& plan : book_.all()) views.push_back(view(plan));
  return views;
}

std::optional<PlanView> PlanShelf::find(const std::string& name) const {
  const auto plan = book_.find(name);
  return plan ? std::optional(view(plan)) : std::nullopt;
}

std::optional<PlanView> PlanShelf::choose(const std::string& endpoint) const {
  const auto plan = book_.choose(endpoint);
  return plan ? std::optional(view(plan)) : std::nullopt;
}

DeskAnswer<PlanView> PlanShelf::put(const std::string& name, const Secret<std::string>& json) {
  const auto parsed = bootstrap::parse_plan(json.reveal(), registry_);
  if (!parsed) return refused(Why::Invalid, parsed.error().reason);
  const bootstrap::SharedPlan& plan = *parsed;
  if (plan->name != name) return refused(Why::Invalid, "name: the plan's own name is another one, " + plan->name);
  const auto origin = origins_.find(name);
  if (origin != origins_.end() && origin->second.file) {
    return refused(Why::Conflict, "the plan " + name + " comes from a file of the server's configuration");
  }
  const bootstrap::SharedPlan before = book_.find(name);
  if (const auto put = book_.put(plan); !put) return refused(Why::Conflict, put.error().reason);
  const auto kept = store_.put(name, json);
  if (!kept) {
    if (before) {
      const bool again = book_.put(before).has_value();
      (void)again;  // it stood there a moment ago
    } else {
      book_.remove(name);
    }
    return tl::unexpected(to_desk(kept.error()));
  }
  origins_[name] = {false, kept->changed_at};
  return view(plan);
}

DeskAnswer<PlanView> PlanShelf::remove(const std::string& name) {
  const bootstrap::SharedPlan plan = book_.find(name);
  if (!plan) return refused(Why::NotFound, "there is no plan " + name);
  const PlanView removed = view(plan);
  if (origins_[name].file) {
    return refused(Why::Conflict, "the plan " + name + " comes from a file of the server's configuration");
  }
  if (auto gone = store_.remove(name); !gone) return tl::unexpected(to_desk(gone.error()));
  book_.remove(name);
  origins_.erase(name);
  return removed;
}

}  // namespace drover::droverd
