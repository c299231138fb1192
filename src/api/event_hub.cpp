// SPDX-License-Identifier: Apache-2.0
#include "api/event_hub.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/bootstrap_views.hpp"
#include "api/operation_views.hpp"
#include "api/problem.hpp"
#include "api/values.hpp"
#include "api/views.hpp"

namespace drover::api {

namespace {

/// One pull takes events until its text is that long: enough to fill a socket's buffer.
constexpr std::size_t kPullTextMax = 64 << 10;
/// Events looked at under the lock at once.
constexpr std::size_t kBatch = 256;

constexpr std::size_t kEntrySize = sizeof(NumberedEvent) + 64;  ///< with what allocations add

std::size_t size_of(const server::Event& event) {
  std::size_t size = kEntrySize + event.endpoint.capacity();
  if (event.device) {
    size += event.device->endpoint.capacity() + event.device->registration.capacity() + event.device->sms.capacity();
    size += event.device->announcement.objects.capacity() * sizeof(lwm2m::AnnouncedObject);
    for (const auto& object : event.device->announcement.objects) size += object.instances.capacity() * 2 + 16;
  }
  if (event.operation) size += event.operation->endpoint.capacity() + event.operation->operation.capacity();
  if (event.outcome) size += event.outcome->payload.capacity();
  return size;
}

std::size_t size_of(const bootstrap::DeskEvent& event) {
  struct Texts {
    std::size_t operator()(const bootstrap::KeysWanted&) const { return 0; }
    std::size_t operator()(const bootstrap::SessionStarted& one) const { return one.plan.capacity(); }
    std::size_t operator()(const bootstrap::SessionProgress& one) const { return one.entry.text.capacity(); }
    std::size_t operator()(const bootstrap::SessionEnded& one) const {
      std::size_t size = one.reason.capacity() + one.provisioned.capacity() * sizeof(bootstrap::Provisioned);
      for (const auto& account : one.provisioned) size += account.uri.capacity() + account.public_identity.capacity();
      return size;
    }
    std::size_t operator()(const bootstrap::Refused& one) const { return one.reason.capacity(); }
  };
  return kEntrySize + bootstrap::endpoint_of(event).capacity() + std::visit(Texts{}, event.event);
}

std::string frame(std::string_view name, const std::string& id, const Json& data) {
  // JSON text has no line breaks, so one data line holds it.
  std::string text = "id: " + id + "\nevent: ";
  text += name;
  text += "\ndata: " + data.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n\n";
  return text;
}

}  // namespace

/// One client's place in the ring.
class EventStream final : public http::StreamSource {
 public:
  EventStream(std::shared_ptr<EventHub> hub, EventFilter filter, std::uint64_t seen, const char* gap_reason)
      : hub_(std::move(hub)), filter_(std::move(filter)), seen_(seen), gap_reason_(gap_reason) {}

  /// The id that is given is of another run, or of no event yet: all that is kept follows, behind a gap.
  void start_over(const char* reason) {
    restarted_ = reason;
    seen_ = 0;
  }

  std::optional<std::string> pull() override {
    std::string text;
    while (text.size() < kPullTextMax) {
      const auto batch = hub_->after(seen_, kBatch);
      if (restarted_ != nullptr) {
        text += gap(restarted_, batch.lost_through, std::nullopt);
        seen_ = batch.lost_through;
        restarted_ = nullptr;
      } else if (batch.lost_through > seen_) {
        text += gap(gap_reason_, batch.lost_through, batch.lost_through - seen_);
        seen_ = batch.lost_through;
      }
      gap_reason_ = "slow-reader";
      if (batch.events.empty()) break;
      for (const auto& event : batch.events) {
        seen_ = event->number;
        if (filter_.passes(*event)) text += to_frame(*event);
        if (text.size() >= kPullTextMax) break;
      }
    }
    return text;
  }

 private:
  std::string gap(const char* reason, std::uint64_t through, std::optional<std::uint64_t> lost) const {
    const std::string id = hub_->id_of(through);
    return frame("gap", id, {{"id", id}, {"reason", reason}, {"lost", lost ? Json(*lost) : Json(nullptr)}});
  }

  std::string to_frame(const NumberedEvent& event) const {
    const std::string id = hub_->id_of(event.number);
    Json data = {{"id", id}, {"number", event.number}, {"kind", event.kind()}};
    data["at"] = std::visit([](const auto& one) { return one.at; }, event.what);
    data["endpoint"] = event.endpoint();
    if (const auto* of_desk = std::get_if<bootstrap::DeskEvent>(&event.what)) {
      add_event(data, *of_desk);
    } else {
      add(data, std::get<server::Event>(event.what));
    }
    return frame(event.kind(), id, data);
  }

  void add(Json& data, const server::Event& event) const {
    if (event.device) data["device"] = to_json(*event.device, hub_->registry_, event.at);
    const bool about_path =
        event.kind == server::EventKind::Notification || event.kind == server::EventKind::ObservationEnded;
    if (about_path) data["path"] = event.path.to_string();
    if (event.address) data["address"] = event.address->to_string();
    if (event.operation) add_event(data, *event.operation);
    if (!event.reason.empty()) data["reason"] = event.reason;
    if (event.outcome) {
      data["code"] = code_of(*event.outcome);
      data["status"] = status_of(*event.outcome);
      DeviceDefinitions definitions(hub_->registry_);
      if (event.object_version) definitions.add(event.path.object(), *event.object_version);
      add_payload(data, event.path, *event.outcome, definitions, "");
      add_times(data, event.path, *event.outcome, definitions);
    }
  }

  std::shared_ptr<EventHub> hub_;
  EventFilter filter_;
  std::uint64_t seen_;
  const char* gap_reason_;
  const char* restarted_ = nullptr;
};

std::string_view NumberedEvent::kind() const {
  if (const auto* of_desk = std::get_if<bootstrap::DeskEvent>(&what)) return bootstrap::kind_of(*of_desk);
  return server::to_string(std::get<server::Event>(what).kind);
}

const std::string& NumberedEvent::endpoint() const {
  if (const auto* of_desk = std::get_if<bootstrap::DeskEvent>(&what)) return bootstrap::endpoint_of(*of_desk);
  return std::get<server::Event>(what).endpoint;
}

bool EventFilter::passes(const NumberedEvent& event) const {
  if (!endpoint.empty() && event.endpoint() != endpoint) return false;
  return kinds.empty() || std::find(kinds.begin(), kinds.end(), event.kind()) != kinds.end();
}

const std::vector<std::string>& event_kinds() {
  static const std::vector<std::string> kKinds = [] {
    using server::EventKind;
    std::vector<std::string> kinds;
    for (const EventKind kind : {EventKind::Registered, EventKind::Updated, EventKind::Expired, EventKind::Deregistered,
                                 EventKind::Notification, EventKind::ObservationEnded, EventKind::Refused,
                                 EventKind::Operation}) {
      kinds.emplace_back(server::to_string(kind));
    }
    for (const bootstrap::Event& event : std::initializer_list<bootstrap::Event>{
             bootstrap::SessionStarted{}, bootstrap::SessionProgress{}, bootstrap::SessionEnded{}, bootstrap::Refused{}}) {
      kinds.emplace_back(bootstrap::kind_of(bootstrap::DeskEvent{0, event}));
    }
    return kinds;
  }();
  return kKinds;
}

EventHub::EventHub(const Limits& limits, const lwm2m::model::Registry& registry, UnixSeconds run)
    : limits_(limits), registry_(registry), run_(run) {}

void EventHub::push(const server::Event& event) {
  keep({0, 0, event});
}

void EventHub::push(const bootstrap::DeskEvent& event) {
  // What the host is asked for is between it and the Bootstrap-Server.
  if (std::holds_alternative<bootstrap::KeysWanted>(event.event)) return;
  keep({0, 0, event});
}

void EventHub::keep(NumberedEvent event) {
  const auto kept = std::make_shared<NumberedEvent>(std::move(event));
  kept->size = std::visit([](const auto& one) { return size_of(one); }, kept->what);
  const std::lock_guard lock(mutex_);
  kept->number = ++newest_;
  bytes_ += kept->size;
  ring_.push_back(kept);
  while (!ring_.empty() && (ring_.size() > limits_.events_max || bytes_ > limits_.bytes_max)) {
    lost_through_ = ring_.front()->number;
    bytes_ -= ring_.front()->size;
    ring_.pop_front();
  }
}

EventHub::Batch EventHub::after(std::uint64_t number, std::size_t count) const {
  const std::lock_guard lock(mutex_);
  Batch batch;
  batch.lost_through = lost_through_;
  auto at = std::upper_bound(ring_.begin(), ring_.end(), number,
                             [](std::uint64_t wanted, const auto& event) { return wanted < event->number; });
  for (; at != ring_.end() && batch.events.size() < count; ++at) batch.events.push_back(*at);
  return batch;
}

std::unique_ptr<http::StreamSource> EventHub::open(EventFilter filter, std::optional<std::string_view> last_event_id) {
  std::uint64_t newest = 0;
  {
    const std::lock_guard lock(mutex_);
    newest = newest_;
  }
  if (!last_event_id || last_event_id->empty()) {
    return std::make_unique<EventStream>(shared_from_this(), std::move(filter), newest, "slow-reader");
  }
  const std::string prefix = std::to_string(run_) + "-";
  std::uint64_t number = 0;
  bool known = last_event_id->starts_with(prefix);
  if (known) {
    const std::string_view digits = last_event_id->substr(prefix.size());
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    known = error == std::errc{} && stop == digits.data() + digits.size() && number <= newest;
  }
  auto stream = std::make_unique<EventStream>(shared_from_this(), std::move(filter), number, "not-retained");
  if (!known) stream->start_over("restarted");
  return stream;
}

std::string EventHub::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_ == 0 ? std::string() : id_of(newest_);
}

std::size_t EventHub::retained() const {
  const std::lock_guard lock(mutex_);
  return ring_.size();
}

std::string EventHub::id_of(std::uint64_t number) const {
  return std::to_string(run_) + "-" + std::to_string(number);
}

}  // namespace drover::api
