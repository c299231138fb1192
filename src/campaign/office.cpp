// SPDX-License-Identifier: Apache-2.0
#include "campaign/office.hpp"

#include <algorithm>
#include <utility>

#include "io/log.hpp"

namespace drover::campaign {

using Why = Refusal::Why;

namespace {

constexpr std::size_t kUriMax = 255;  // Core E.6, /5/0/1

tl::unexpected<Refusal> refused(Why why, std::string reason) {
  return tl::unexpected(Refusal{why, std::move(reason)});
}

bool within(std::int64_t number, std::int64_t least, std::int64_t most) {
  return number >= least && number <= most;
}

/// What is wrong with it; "" when nothing is.
std::string check(const Order& order) {
  if (order.name.empty() || order.name.size() > kNameMax || !is_utf8(order.name)) {
    return "name must have 1 to " + std::to_string(kNameMax) + " bytes";
  }
  if (!within(static_cast<std::int64_t>(order.parallel), 1, kParallelMax)) {
    return "parallel must be 1 to " + std::to_string(kParallelMax);
  }
  if (order.stop_percent > 100) return "stop_percent must be 0 to 100";
  if (order.stop_after == 0) return "stop_after must be at least 1";
  if (order.retries > kRetriesMax) return "retries must be 0 to " + std::to_string(kRetriesMax);
  const TimeLimits& limits = order.limits;
  for (const std::int64_t limit : {limits.reach, limits.transfer, limits.download, limits.update}) {
    if (!within(limit, 1, kTimeLimitMax)) return "limits must be 1 to " + std::to_string(kTimeLimitMax) + " seconds";
  }
  const auto& window = order.window;
  const bool minutes = !window || (within(window->from, 0, kMinutesOfDay - 1) && within(window->to, 0, kMinutesOfDay - 1));
  if (!minutes || (window && window->from == window->to)) return "window must be two different times of the day";
  return "";
}

bool counts(const server::Event& event) {
  using server::EventKind;
  switch (event.kind) {
    case EventKind::Registered:
    case EventKind::Updated:
    case EventKind::Expired:
    case EventKind::Deregistered: return true;
    case EventKind::Notification: return event.path.depth() > 0 && event.path.object() == kUpdateInstance.object();
    case EventKind::ObservationEnded:
    case EventKind::Refused:
    case EventKind::Operation:
    case EventKind::Learned: return false;
  }
  return false;
}

bool fits(const Device& device, const DevicesQuery& query) {
  if (!query.state) return true;
  if (const auto* stage = std::get_if<Stage>(&*query.state)) return device.stage == *stage;
  return device.ending == std::get<Ending>(*query.state);
}

}  // namespace

Office::Office(OfficeSettings settings, server::Fleet& fleet, Images& images, CampaignTable table,
               jobs::Selector* selector, Post post, Clock now)
    : settings_(std::move(settings)),
      fleet_(fleet),
      images_(images),
      table_(std::move(table)),
      selector_(selector),
      post_(std::move(post)),
      now_(std::move(now)) {}

// ---- begin and end --------------------------------------------------------------------------------------------------

void Office::add(std::unique_ptr<Campaign> campaign) {
  const Head& head = campaign->head();
  devices_ += campaign->devices().size();
  Entry entry;
  entry.holds = !is_over(head.state) && images_.hold(head.order.image);
  const CampaignId id = head.id;
  entry.campaign = std::move(campaign);
  entries_.insert_or_assign(id, std::move(entry));
  count_active();
}

Result<void> Office::load() {
  auto content = table_.load();
  if (!content) return tl::unexpected(content.error());
  last_ = content->last;
  for (auto& kept : content->campaigns) {
    add(std::make_unique<Campaign>(std::move(kept.head), std::move(kept.devices),
                                   [this] { return fleet_.reserve_operation(); }));
  }
  return {};
}

void Office::start() {
  for (auto& [id, entry] : entries_) {
    entry.campaign->take_up(now_());
    busy_.insert(id);
  }
  settle();
}

void Office::count_active() {
  active_ = static_cast<std::size_t>(std::ranges::count_if(
      entries_, [](const auto& entry) { return !is_over(entry.second.campaign->head().state); }));
}

// ---- what happens ---------------------------------------------------------------------------------------------------

void Office::handle(const server::Event& event) {
  if (active_ == 0 || !counts(event)) return;
  server::Event news;
  news.kind = event.kind;
  news.endpoint = event.endpoint;
  news.path = event.path;
  post_([this, news = std::move(news)] {
    for (auto& [id, entry] : entries_) {
      if (is_over(entry.campaign->head().state) || !entry.campaign->has(news.endpoint)) continue;
      entry.campaign->handle_event(now_(), news);
      busy_.insert(id);
    }
    settle_soon();
  });
}

void Office::on_status(CampaignId id, std::uint32_t device, const server::OperationStatus& status) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  found->second.campaign->handle_status(now_(), device, status);
  busy_.insert(id);
  settle_soon();
}

void Office::handle_timeout() {
  const UnixSeconds now = now_();
  for (auto& [id, entry] : entries_) {
    const auto at = entry.campaign->deadline();
    if (!at || *at > now) continue;
    entry.campaign->handle_timeout(now);
    busy_.insert(id);
  }
  settle();
}

std::optional<UnixSeconds> Office::deadline() const {
  std::optional<UnixSeconds> at = save_at_;
  for (const auto& [id, entry] : entries_) {
    const auto one = entry.campaign->deadline();
    if (one && (!at || *one < *at)) at = one;
  }
  return at;
}

/// Behind what else is in the mailbox, so that many small things make one transaction.
void Office::settle_soon() {
  if (std::exchange(settling_, true)) return;
  post_([this] { settle(); });
}

/// False while the disk fails.
bool Office::settle() {
  settling_ = false;
  if (!save()) return false;
  const std::set<CampaignId> busy = std::exchange(busy_, {});
  for (const CampaignId id : busy) {
    const auto found = entries_.find(id);
    if (found != entries_.end()) carry_out(found->second);
  }
  count_active();
  return true;
}

bool Office::save() {
  std::vector<CampaignTable::Change> changes;
  for (const CampaignId id : busy_) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) continue;
    Entry& entry = found->second;
    for (const std::uint32_t number : entry.campaign->take_changed()) entry.unsaved.insert(number);
    entry.head_unsaved |= entry.campaign->take_head_changed();
    if (!entry.head_unsaved && entry.unsaved.empty()) continue;
    changes.push_back({&entry.campaign->head(), entry.head_unsaved, &entry.campaign->devices(),
                       {entry.unsaved.begin(), entry.unsaved.end()}});
  }
  save_at_.reset();
  if (!changes.empty()) {
    if (const auto saved = table_.save(changes); !saved) {
      if (trouble_.empty()) io::log::error("campaigns stand still", {{"why", saved.error().reason}});
      trouble_ = saved.error().reason;
      save_at_ = now_() + kDiskWait;
      return false;
    }
    for (const CampaignTable::Change& change : changes) {
      Entry& entry = entries_.at(change.head->id);
      entry.unsaved.clear();
      entry.head_unsaved = false;
    }
  }
  if (!trouble_.empty()) io::log::info("campaigns go on", {});
  trouble_.clear();
  return true;
}

void Office::carry_out(Entry& entry) {
  Campaign& campaign = *entry.campaign;
  const CampaignId id = campaign.head().id;
  const auto told = [this, id](std::uint32_t device) {
    return [this, id, device](const server::OperationStatus& status) {
      post_([this, id, device, status] { on_status(id, device, status); });
      return !server::is_over(status.state);
    };
  };
  while (auto back = campaign.poll_take_back()) fleet_.cancel_operation(back->endpoint, back->id, [](auto&&) {});
  while (auto follow = campaign.poll_follow()) {
    fleet_.follow(follow->endpoint, follow->id, told(follow->device),
                  [this, id, device = follow->device, operation = follow->id] {
                    post_([this, id, device, operation] {
                      const auto found = entries_.find(id);
                      if (found == entries_.end()) return;
                      found->second.campaign->handle_missing(now_(), device, operation);
                      busy_.insert(id);
                      settle_soon();
                    });
                  });
  }
  while (auto ask = campaign.poll_ask()) {
    if (ask->package) {
      const auto content = images_.content(campaign.head().order.image);
      auto& write = std::get<lwm2m::Write>(ask->operation);
      if (content) write.payload.assign(content->bytes().begin(), content->bytes().end());
    }
    fleet_.operate(std::move(ask->endpoint), std::move(ask->operation), std::move(ask->settings), told(ask->device));
  }
  const bool over = is_over(campaign.head().state);
  if (over && std::exchange(entry.holds, false)) {
    images_.release(campaign.head().order.image);
    io::log::info("campaign over", {{"campaign", id.value},
                                    {"state", to_string(campaign.head().state)},
                                    {"succeeded", campaign.tally().of(Ending::Succeeded)},
                                    {"failed", campaign.tally().failed()}});
  }
}

// ---- Desk -----------------------------------------------------------------------------------------------------------

Answer<CampaignView> Office::view(CampaignId id) const {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return refused(Why::NotFound, "there is no campaign of that id");
  const Campaign& campaign = *found->second.campaign;
  return CampaignView{campaign.head(), campaign.tally(), campaign.devices().size()};
}

void Office::create(NewCampaign wanted, Done<CampaignView> done) {
  if (std::string why = check(wanted.order); !why.empty()) return done(refused(Why::Invalid, std::move(why)));
  if (wanted.selection.is_empty()) return done(refused(Why::Invalid, "the selection must say which devices"));
  jobs::Selection others = wanted.selection;
  others.endpoints.clear();
  if (others.is_empty()) {
    auto endpoints = wanted.selection.endpoints;
    return post_([this, wanted = std::move(wanted), endpoints = std::move(endpoints), done = std::move(done)]() mutable {
      done(begin(wanted, std::move(endpoints)));
    });
  }
  if (selector_ == nullptr) return done(refused(Why::Unavailable, "this server can't select devices; give endpoints"));
  jobs::Selection selection = wanted.selection;
  selector_->select(std::move(selection), [this, wanted = std::move(wanted),
                                           done = std::move(done)](Result<std::vector<std::string>> endpoints) {
    post_([this, wanted, done, endpoints = std::move(endpoints)] {
      if (!endpoints) return done(refused(Why::Full, endpoints.error().reason));
      done(begin(wanted, *endpoints));
    });
  });
}

Answer<Target> Office::target_for(const Order& order) const {
  const auto image = images_.find(order.image);
  if (!image) return refused(Why::Invalid, "there is no image \"" + order.image + "\"");
  Target target{image->version, ""};
  if (order.method == Method::Push) {
    if (image->size > settings_.push_bytes_max / order.parallel) {
      return refused(Why::Invalid, "the image times parallel is more than " + std::to_string(settings_.push_bytes_max) +
                                       " bytes, which is as much as may be pushed at once: less parallel, or a pull");
    }
    return target;
  }
  const std::string& base = order.method == Method::Coap    ? settings_.coap_url
                            : order.method == Method::Coaps ? settings_.coaps_url
                                                            : settings_.http_url;
  if (base.empty()) {
    const std::string name = to_string(order.method);
    return refused(Why::Invalid, "devices can't fetch by " + name + ": images." + name + "_url isn't configured");
  }
  target.uri = base + "/" + image->path;
  if (target.uri.size() > kUriMax) return refused(Why::Invalid, "the Package URI would have more than 255 bytes");
  return target;
}

Answer<CampaignView> Office::begin(const NewCampaign& wanted, std::vector<std::string> endpoints) {
  std::ranges::sort(endpoints);
  endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
  if (endpoints.empty()) return refused(Why::Invalid, "no device fits the selection");
  if (entries_.size() >= settings_.campaigns_max) return refused(Why::Full, "there are too many campaigns; remove one");
  if (endpoints.size() > settings_.devices_max) {
    return refused(Why::Full, "a campaign has at most " + std::to_string(settings_.devices_max) + " devices");
  }
  if (devices_ + endpoints.size() > settings_.devices_total_max) {
    return refused(Why::Full, "all campaigns have at most " + std::to_string(settings_.devices_total_max) + " devices; remove one");
  }
  auto target = target_for(wanted.order);
  if (!target) return tl::unexpected(target.error());
  Head head;
  head.id.value = last_.value + 1;
  head.order = wanted.order;
  head.target = std::move(*target);
  head.asked_by = wanted.asked_by;
  head.created_at = now_();
  const CampaignId id = head.id;
  const std::size_t count = endpoints.size();
  add(std::make_unique<Campaign>(std::move(head), std::move(endpoints), [this] { return fleet_.reserve_operation(); }));
  Entry& entry = entries_.at(id);
  // Before it does anything: a campaign that isn't kept doesn't begin.
  entry.head_unsaved = entry.campaign->take_head_changed();
  std::vector<std::uint32_t> all = entry.campaign->take_changed();
  const CampaignTable::Change change{&entry.campaign->head(), true, &entry.campaign->devices(), std::move(all)};
  const auto kept = entry.holds ? table_.save({&change, 1}) : Result<void>();
  if (!kept || !entry.holds) {
    const bool held = entry.holds;
    if (held) images_.release(wanted.order.image);
    entries_.erase(id);
    devices_ -= count;
    count_active();
    if (!held) return refused(Why::Invalid, "there is no image \"" + wanted.order.image + "\"");
    return refused(Why::Unavailable, kept.error().reason);
  }
  entry.head_unsaved = false;
  last_ = id;
  entry.campaign->take_up(now_());
  busy_.insert(id);
  settle_soon();
  io::log::info("campaign created", {{"campaign", id.value}, {"devices", count}, {"by", wanted.asked_by}});
  return view(id);
}

void Office::list(CampaignId before, std::size_t limit, std::function<void(CampaignPage)> done) {
  post_([this, before, limit, done = std::move(done)] {
    CampaignPage page;
    page.total = entries_.size();
    auto at = before == CampaignId{} ? entries_.end() : entries_.lower_bound(before);
    while (at != entries_.begin() && page.campaigns.size() < limit) page.campaigns.push_back(*view((--at)->first));
    if (at != entries_.begin()) page.next = page.campaigns.empty() ? CampaignId{} : page.campaigns.back().head.id;
    done(std::move(page));
  });
}

void Office::find(CampaignId id, Done<CampaignView> done) {
  post_([this, id, done = std::move(done)] { done(view(id)); });
}

void Office::devices(CampaignId id, DevicesQuery query, Done<DevicesPage> done) {
  post_([this, id, query = std::move(query), done = std::move(done)] {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return done(refused(Why::NotFound, "there is no campaign of that id"));
    DevicesPage page;
    for (const Device& device : found->second.campaign->devices()) {
      if (!fits(device, query)) continue;
      ++page.total;
      if (!query.after.empty() && device.endpoint <= query.after) continue;
      if (page.devices.size() < query.limit) {
        page.devices.push_back(device);
      } else if (page.next.empty()) {
        page.next = page.devices.back().endpoint;
      }
    }
    done(std::move(page));
  });
}

void Office::act(CampaignId id, Action action, Done<CampaignView> done) {
  post_([this, id, action, done = std::move(done)] {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return done(refused(Why::NotFound, "there is no campaign of that id"));
    Entry& entry = found->second;
    Campaign& campaign = *entry.campaign;
    if (action == Action::Retry && !entry.holds) {
      entry.holds = images_.hold(campaign.head().order.image);
      if (!entry.holds) return done(refused(Why::Conflict, "the image isn't there any more"));
    }
    Result<void> acted;
    switch (action) {
      case Action::Pause: acted = campaign.pause(now_()); break;
      case Action::Resume: acted = campaign.resume(now_()); break;
      case Action::Cancel: acted = campaign.cancel(now_(), false); break;
      case Action::CancelAndReset: acted = campaign.cancel(now_(), true); break;
      case Action::Retry: acted = campaign.retry(now_()).map([](std::size_t) {}); break;
    }
    busy_.insert(id);
    const bool saved = settle();
    if (!acted) return done(refused(Why::Conflict, acted.error().reason));
    if (!saved) return done(refused(Why::Unavailable, trouble_));
    done(view(id));
  });
}

void Office::remove(CampaignId id, Done<CampaignView> done) {
  post_([this, id, done = std::move(done)] {
    const auto shown = view(id);
    if (!shown) return done(shown);
    if (!is_over(shown->head.state)) return done(refused(Why::Conflict, "the campaign isn't over; cancel it first"));
    if (const auto gone = table_.remove(id); !gone) return done(refused(Why::Unavailable, gone.error().reason));
    devices_ -= shown->devices;
    entries_.erase(id);
    busy_.erase(id);
    done(shown);
  });
}

void Office::finish(std::shared_ptr<Upload> upload, Image image, Done<Image> done) {
  post_([this, upload = std::move(upload), image = std::move(image), done = std::move(done)]() mutable {
    image.uploaded_at = now_();
    done(images_.finish(*upload, std::move(image)));
  });
}

void Office::remove_image(std::string name, Done<Image> done) {
  post_([this, name = std::move(name), done = std::move(done)] { done(images_.remove(name)); });
}

}  // namespace drover::campaign
