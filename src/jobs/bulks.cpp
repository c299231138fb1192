// SPDX-License-Identifier: Apache-2.0
#include "jobs/bulks.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "jobs/outcome_text.hpp"

namespace drover::jobs {

namespace {

using store::Refusal;
using Why = Refusal::Why;
using State = BulkDeviceState;

tl::unexpected<Refusal> refused(Why why, std::string reason) {
  return tl::unexpected(Refusal{why, "", std::move(reason)});
}

State state_of(server::OperationState state) {
  switch (state) {
    case server::OperationState::Queued: return State::Queued;
    case server::OperationState::Sent: return State::Sent;
    case server::OperationState::Done: return State::Done;
    case server::OperationState::Failed: return State::Failed;
    case server::OperationState::Expired: return State::Expired;
    case server::OperationState::Cancelled: return State::Cancelled;
  }
  return State::Failed;
}

bool is_under_way(State state) {
  return state == State::Sent || state == State::Queued;
}

}  // namespace

Bulks::Bulks(BulkTable table, std::function<server::OperationId()> reserve)
    : table_(std::move(table)), reserve_(std::move(reserve)) {}

UnixSeconds Bulks::wall(Instant now) const {
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch() + unix_at_zero_).count();
}

Result<void> Bulks::load(Instant now) {
  auto views = table_.load();
  if (!views) return tl::unexpected(views.error());
  for (BulkView& view : *views) {
    Bulk& bulk = bulks_[view.id];
    bulk.view = std::move(view);
    if (bulk.view.state == BulkState::Selecting) {
      bulk.active.clearing = true;
      continue;
    }
    if (bulk.view.counts[State::Sent] + bulk.view.counts[State::Queued] == 0) continue;
    const auto devices = table_.under_way(bulk.view.id);
    if (!devices) return tl::unexpected(devices.error());
    for (const BulkDevice& device : *devices) {
      bulk.active.flights[device.endpoint] = {device.operation, device.state};
      ++(device.state == State::Queued ? bulk.active.queued : bulk.active.sent);
      actions_.push_back(FollowDevice{bulk.view.id, device.endpoint, device.operation});
      // The kill may have come between the cancellation and its end.
      if (bulk.view.state == BulkState::Cancelled && device.state == State::Queued) {
        actions_.push_back(TakeBack{device.endpoint, device.operation});
      }
    }
  }
  handle_timeout(now);
  return {};
}

// ---- commands -------------------------------------------------------------------------------------------------------

std::optional<Refusal> Bulks::make_room() {
  const auto active = std::ranges::count_if(bulks_, [](const auto& one) { return !is_over(one.second.view.state); });
  if (static_cast<std::size_t>(active) >= kBulksActiveMax) {
    return Refusal{Why::Full, "", "at most " + std::to_string(kBulksActiveMax) + " bulk operations are under way at once"};
  }
  while (bulks_.size() >= kBulksMax) {
    const auto oldest = std::ranges::find_if(bulks_, [](const auto& one) {
      return is_over(one.second.view.state) && one.second.active.flights.empty();
    });
    if (oldest == bulks_.end()) return Refusal{Why::Full, "", "there are too many bulk operations"};
    if (const auto gone = table_.remove(oldest->first); !gone) return Refusal{Why::Disk, "", gone.error().reason};
    bulks_.erase(oldest);
    sweeping_ = true;
  }
  return std::nullopt;
}

store::Answer<BulkView> Bulks::add(Instant now, BulkOrder order) {
  if (auto full = make_room()) return tl::unexpected(std::move(*full));
  BulkView view;
  order.created_at = wall(now);
  view.deadline = order.created_at + order.lifetime;
  view.order = std::move(order);
  const auto id = table_.add(view);
  if (!id) return refused(Why::Disk, id.error().reason);
  view.id = *id;
  actions_.push_back(SelectDevices{view.id, view.order.selection});
  bulks_[view.id].view = view;
  return view;
}

store::Answer<Bulks::Bulk*> Bulks::known(BulkId id) {
  if (Bulk* const bulk = of(id)) return bulk;
  return refused(Why::NotFound, "there is no bulk operation of that id, or not any more");
}

Bulks::Bulk* Bulks::of(BulkId id) {
  const auto found = bulks_.find(id);
  return found == bulks_.end() ? nullptr : &found->second;
}

store::Answer<BulkView> Bulks::answer(Instant now, Bulk& bulk) {
  note(now, bulk);
  // Said only once it is so.
  if (!commit(now)) return refused(Why::Disk, trouble_);
  more_to_do_ = true;
  return bulk.view;
}

store::Answer<BulkView> Bulks::pause(Instant now, BulkId id) {
  const auto bulk = known(id);
  if (!bulk) return tl::unexpected(bulk.error());
  BulkView& view = (*bulk)->view;
  if (view.state != BulkState::Running) {
    return refused(Why::Conflict, std::string("it can't be paused, as it is ") + to_string(view.state));
  }
  view.state = BulkState::Paused;
  view.reason.clear();
  return answer(now, **bulk);
}

store::Answer<BulkView> Bulks::resume(Instant now, BulkId id) {
  const auto bulk = known(id);
  if (!bulk) return tl::unexpected(bulk.error());
  BulkView& view = (*bulk)->view;
  if (view.state != BulkState::Paused) {
    return refused(Why::Conflict, std::string("it isn't paused, but ") + to_string(view.state));
  }
  view.state = BulkState::Running;
  view.reason.clear();
  view.over_before = view.counts.over();
  view.failed_before = view.counts.failed();
  return answer(now, **bulk);
}

store::Answer<BulkView> Bulks::cancel(Instant now, BulkId id) {
  const auto bulk = known(id);
  if (!bulk) return tl::unexpected(bulk.error());
  BulkView& view = (*bulk)->view;
  if (is_over(view.state)) return refused(Why::Conflict, std::string("it is over already: ") + to_string(view.state));
  view.state = BulkState::Cancelled;
  view.reason.clear();
  view.retrying = false;
  view.ended_at = wall(now);
  (*bulk)->active.selected.clear();
  (*bulk)->active.window.clear();
  // On a disk that fails it is cancelled, too, once that is written.
  auto done = answer(now, **bulk);
  for (const auto& [endpoint, flight] : (*bulk)->active.flights) {
    if (flight.state == State::Queued) actions_.push_back(TakeBack{endpoint, flight.operation});
  }
  actions_.push_back(BulkEnded{view});
  return done;
}

store::Answer<BulkView> Bulks::retry(Instant now, BulkId id) {
  const auto bulk = known(id);
  if (!bulk) return tl::unexpected(bulk.error());
  BulkView& view = (*bulk)->view;
  if (view.state == BulkState::Selecting) return refused(Why::Conflict, "its devices are being selected still");
  // Cancelled devices of a cancelled one aren't asked again, so what waits has to be given up first.
  if (view.state == BulkState::Cancelled && view.counts[State::Waiting] > 0) {
    return refused(Why::Conflict, "it is being cancelled still");
  }
  if (view.counts.failed() == 0) return refused(Why::Conflict, "no device of it failed");
  if (is_over(view.state)) {
    const auto active = std::ranges::count_if(bulks_, [](const auto& one) { return !is_over(one.second.view.state); });
    if (static_cast<std::size_t>(active) >= kBulksActiveMax) return refused(Why::Full, "too many are under way");
  }
  view.state = BulkState::Running;
  view.reason.clear();
  view.retrying = true;
  view.ended_at.reset();
  view.deadline = wall(now) + view.order.lifetime;
  // Those that failed are no longer over.
  view.over_before = view.counts[State::Done];
  view.failed_before = 0;
  return answer(now, **bulk);
}

store::Answer<BulkView> Bulks::remove(Instant, BulkId id) {
  const auto bulk = known(id);
  if (!bulk) return tl::unexpected(bulk.error());
  const BulkView view = (*bulk)->view;
  if (!is_over(view.state)) return refused(Why::Conflict, "it isn't over: cancel it first");
  const auto gone = table_.remove(id);
  if (!gone) return refused(Why::Disk, gone.error().reason);
  std::erase_if(batch_, [&](const BulkTable::Device& one) { return one.bulk == id; });
  bulks_.erase(id);
  sweeping_ = true;
  more_to_do_ = true;
  return view;
}

std::vector<BulkView> Bulks::list() const {
  std::vector<BulkView> all;
  all.reserve(bulks_.size());
  for (auto one = bulks_.rbegin(); one != bulks_.rend(); ++one) all.push_back(one->second.view);
  return all;
}

std::optional<BulkView> Bulks::find(BulkId id) const {
  const auto found = bulks_.find(id);
  return found == bulks_.end() ? std::nullopt : std::optional(found->second.view);
}

store::Answer<BulkDevicePage> Bulks::devices(Instant now, BulkId id, const BulkDeviceQuery& query) {
  if (const auto bulk = known(id); !bulk) return tl::unexpected(bulk.error());
  // The commit takes the time at which it would have been looked at whom to ask next.
  if (commit_at_) more_to_do_ = true;
  commit(now);
  auto page = table_.page(id, query);
  if (!page) return refused(Why::Disk, page.error().reason);
  return std::move(*page);
}

// ---- what happens ---------------------------------------------------------------------------------------------------

void Bulks::note(Instant now, Bulk& bulk) {
  bulk.changed = true;
  if (!commit_at_) commit_at_ = now + kCommitWait;
}

void Bulks::change(Instant now, Bulk& bulk, BulkDevice device, State from) {
  --bulk.view.counts[from];
  ++bulk.view.counts[device.state];
  device.changed_at = wall(now);
  batch_.push_back({bulk.view.id, std::move(device)});
  note(now, bulk);
}

void Bulks::land(Instant now, Bulk& bulk, BulkDevice device) {
  Active& active = bulk.active;
  const auto flight = active.flights.find(device.endpoint);
  if (flight == active.flights.end() || flight->second.operation != device.operation) return;
  const State from = flight->second.state;
  if (from == device.state) return;
  --(from == State::Queued ? active.queued : active.sent);
  if (is_under_way(device.state)) {
    flight->second.state = device.state;
    ++(device.state == State::Queued ? active.queued : active.sent);
    // Cancelled while it was on its way into the queue.
    if (device.state == State::Queued && bulk.view.state == BulkState::Cancelled) {
      actions_.push_back(TakeBack{device.endpoint, device.operation});
    }
  } else {
    active.flights.erase(flight);
  }
  change(now, bulk, std::move(device), from);
  look_at_failures(now, bulk);
}

void Bulks::look_at_failures(Instant now, Bulk& bulk) {
  BulkView& view = bulk.view;
  if (view.order.stop_at == 0 || view.state != BulkState::Running || view.retrying) return;
  const std::uint64_t over = view.counts.over() - view.over_before;
  const std::uint64_t failed = view.counts.failed() - view.failed_before;
  if (over < kFailureSample || failed * 100 < over * view.order.stop_at) return;
  view.state = BulkState::Paused;
  view.reason = std::to_string(failed) + " of " + std::to_string(over) + " devices failed, and it stops at " +
                std::to_string(view.order.stop_at) + " percent";
  note(now, bulk);
}

void Bulks::handle_selected(Instant now, BulkId id, Result<std::vector<std::string>> endpoints) {
  Bulk* const bulk = of(id);
  if (bulk == nullptr || bulk->view.state != BulkState::Selecting) return;
  if (!endpoints) {
    bulk->view.state = BulkState::Cancelled;
    bulk->view.reason = endpoints.error().reason;
    bulk->view.ended_at = wall(now);
    note(now, *bulk);
    actions_.push_back(BulkEnded{bulk->view});
    return;
  }
  bulk->active.selected = std::move(*endpoints);
  bulk->active.inserted = 0;
  bulk->active.has_selection = true;
  more_to_do_ = true;
}

void Bulks::handle_progress(Instant now, BulkId id, const server::OperationStatus& status, const std::string& value) {
  Bulk* const bulk = of(id);
  if (bulk == nullptr) return;
  BulkDevice device{.endpoint = status.endpoint, .state = state_of(status.state), .operation = status.id};
  if (status.result) {
    const ResultText text = result_text(*status.result, value, kBulkDetailMax);
    if (!text.success && device.state == State::Done) device.state = State::Failed;
    device.code = text.code;
    device.detail = text.detail;
  }
  land(now, *bulk, std::move(device));
}

void Bulks::handle_refused(Instant now, BulkId id, const std::string& endpoint, server::OperationId operation,
                           const std::string& reason) {
  Bulk* const bulk = of(id);
  if (bulk == nullptr) return;
  BulkDevice device{.endpoint = endpoint, .state = State::Failed, .operation = operation};
  device.detail = short_text(reason, kBulkDetailMax);
  land(now, *bulk, std::move(device));
}

void Bulks::handle_missing(Instant now, BulkId id, const std::string& endpoint, server::OperationId operation) {
  Bulk* const bulk = of(id);
  if (bulk == nullptr) return;
  Active& active = bulk->active;
  const auto flight = active.flights.find(endpoint);
  if (flight == active.flights.end() || flight->second.operation != operation) return;
  land(now, *bulk, {.endpoint = endpoint, .state = State::Waiting, .operation = operation});
  more_to_do_ = true;
}

// ---- what is done ---------------------------------------------------------------------------------------------------

void Bulks::fail(Instant now, const Error& error) {
  trouble_ = error.reason;
  retry_disk_at_ = now + kDiskRetry;
}

bool Bulks::works(Instant now, const Result<void>& done) {
  if (done) return true;
  fail(now, done.error());
  return false;
}

bool Bulks::commit(Instant now) {
  std::vector<const BulkView*> changed;
  for (auto& [id, bulk] : bulks_) {
    if (bulk.changed) changed.push_back(&bulk.view);
  }
  if (!changed.empty() || !batch_.empty()) {
    if (!works(now, table_.write(changed, batch_))) return false;
  }
  for (auto& [id, bulk] : bulks_) bulk.changed = false;
  batch_.clear();
  commit_at_.reset();
  retry_disk_at_.reset();
  trouble_.clear();
  for (AskDevice& ask : to_ask_) actions_.push_back(std::move(ask));
  to_ask_.clear();
  return true;
}

void Bulks::launch(Instant now, Bulk& bulk, std::string endpoint) {
  const BulkView& view = bulk.view;
  const server::OperationId operation = reserve_();
  AskDevice ask{.bulk = view.id, .endpoint = endpoint, .form = view.order.operation, .settings = {}};
  ask.settings.expires_after = std::chrono::seconds(std::max<std::int64_t>(view.deadline - wall(now), 1));
  ask.settings.priority = view.order.priority;
  ask.settings.durable = true;
  ask.settings.asked_by =
      short_text("bulk " + std::to_string(view.id.value) + ", " + view.order.asked_by, server::kAskedByMax);
  ask.settings.id = operation;
  to_ask_.push_back(std::move(ask));
  bulk.active.flights[endpoint] = {operation, State::Sent};
  ++bulk.active.sent;
  change(now, bulk, {.endpoint = std::move(endpoint), .state = State::Sent, .operation = operation}, State::Waiting);
}

bool Bulks::load_window(Instant now, Bulk& bulk) {
  Active& active = bulk.active;
  // The table must show what was changed meanwhile.
  if (!batch_.empty() && !commit(now)) return false;
  auto waiting = table_.waiting(bulk.view.id, active.cursor, kWindow);
  if (!waiting) {
    fail(now, waiting.error());
    return false;
  }
  if (waiting->empty() && !active.cursor.empty()) {
    active.cursor.clear();  // those behind have all been asked; others were put back
    return true;
  }
  if (!waiting->empty()) active.cursor = waiting->back();
  active.window.assign(std::make_move_iterator(waiting->begin()), std::make_move_iterator(waiting->end()));
  return !active.window.empty();
}

bool Bulks::fill(Instant now, Bulk& bulk) {
  Active& active = bulk.active;
  const auto has_room = [&] {
    return active.sent < bulk.view.order.parallel && active.queued + active.sent < kBulkQueuedMax + bulk.view.order.parallel;
  };
  if (!has_room() || bulk.view.counts[State::Waiting] == 0) return false;
  if (active.window.empty()) return load_window(now, bulk);
  for (std::size_t count = 0; count < kWindow && has_room() && !active.window.empty(); ++count) {
    launch(now, bulk, std::move(active.window.front()));
    active.window.pop_front();
  }
  return true;
}

bool Bulks::drain(Instant now, Bulk& bulk, State from, State to, const char* detail) {
  if (bulk.view.counts[from] == 0) return false;
  if (!commit(now)) return false;
  bulk.active.window.clear();
  bulk.active.cursor.clear();
  const auto moved = table_.move(bulk.view, from, to, detail, wall(now), kChunk);
  if (!moved) {
    fail(now, moved.error());
    return false;
  }
  return *moved > 0;
}

bool Bulks::advance_selection(Instant now, Bulk& bulk) {
  Active& active = bulk.active;
  if (active.clearing) {
    const auto cleared = table_.clear(bulk.view.id, kChunk);
    if (!cleared) {
      fail(now, cleared.error());
      return false;
    }
    if (*cleared > 0) return true;
    active.clearing = false;
    actions_.push_back(SelectDevices{bulk.view.id, bulk.view.order.selection});
    return true;
  }
  if (!active.has_selection) return false;
  const std::size_t count = std::min(kChunk, active.selected.size() - active.inserted);
  if (count > 0) {
    const std::span<const std::string> chunk(active.selected.data() + active.inserted, count);
    if (!works(now, table_.insert(bulk.view.id, chunk, wall(now)))) return false;
    active.inserted += count;
    return true;
  }
  bulk.view.counts = {};
  bulk.view.counts[State::Waiting] = active.selected.size();
  bulk.view.state = BulkState::Running;
  active.has_selection = false;
  active.selected = {};
  note(now, bulk);
  return commit(now);
}

void Bulks::end_if_done(Instant now, Bulk& bulk) {
  BulkView& view = bulk.view;
  const bool done = (view.state == BulkState::Running || view.state == BulkState::Paused) && !view.retrying &&
                    view.counts[State::Waiting] == 0 && bulk.active.flights.empty();
  if (!done) return;
  view.state = BulkState::Done;
  view.reason.clear();
  view.ended_at = wall(now);
  note(now, bulk);
  actions_.push_back(BulkEnded{view});
}

bool Bulks::advance(Instant now, Bulk& bulk) {
  BulkView& view = bulk.view;
  if (view.state == BulkState::Selecting) return advance_selection(now, bulk);
  if (view.state == BulkState::Cancelled) {
    return drain(now, bulk, State::Waiting, State::Cancelled, "the bulk operation was cancelled");
  }
  if (view.retrying) {
    if (drain(now, bulk, State::Failed, State::Waiting, "") || drain(now, bulk, State::Expired, State::Waiting, "")) {
      return true;
    }
    if (retry_disk_at_) return false;
    view.retrying = false;
    note(now, bulk);
    return true;
  }
  if (!is_over(view.state) && view.deadline <= wall(now) && view.counts[State::Waiting] > 0) {
    return drain(now, bulk, State::Waiting, State::Expired, "the bulk operation's time was over");
  }
  if (view.state == BulkState::Running && fill(now, bulk)) return true;
  end_if_done(now, bulk);
  return false;
}

void Bulks::handle_timeout(Instant now) {
  if (retry_disk_at_ && *retry_disk_at_ > now) return;
  if (retry_disk_at_ && !commit(now)) return;
  more_to_do_ = false;
  for (auto& [id, bulk] : bulks_) {
    if (advance(now, bulk)) more_to_do_ = true;
    if (retry_disk_at_) return;
  }
  if (sweeping_) {
    const auto swept = table_.sweep(kChunk);
    if (!swept) return fail(now, swept.error());
    sweeping_ = *swept > 0;
    if (sweeping_) more_to_do_ = true;
  }
  if (!to_ask_.empty() || (commit_at_ && *commit_at_ <= now)) commit(now);
}

std::optional<BulkAction> Bulks::poll_action() {
  if (actions_.empty()) return std::nullopt;
  BulkAction action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

std::optional<Instant> Bulks::deadline() const {
  if (retry_disk_at_) return retry_disk_at_;
  if (more_to_do_) return Instant{};
  std::optional<Instant> at = commit_at_;
  for (const auto& [id, bulk] : bulks_) {
    const BulkView& view = bulk.view;
    if (is_over(view.state) || view.counts[State::Waiting] == 0) continue;
    const Instant due = Instant(std::chrono::seconds(view.deadline)) - unix_at_zero_;
    if (!at || due < *at) at = due;
  }
  return at;
}

}  // namespace drover::jobs
