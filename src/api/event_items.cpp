// SPDX-License-Identifier: Apache-2.0
#include "api/event_items.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/bootstrap_views.hpp"
#include "api/operation_views.hpp"
#include "api/problem.hpp"
#include "api/values.hpp"
#include "api/views.hpp"
#include "server/event_bytes.hpp"

namespace drover::api {

namespace {

constexpr std::size_t kEntrySize = sizeof(events::Item) + sizeof(server::Event) + 64;  ///< with what allocations add

/// In front of what is written down of the Bootstrap-Server's events: their JSON. The server's own have bytes of theirs.
constexpr char kAsJson = 'J';

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

std::string dump(const Json& json) {
  // JSON text has no line breaks, so one line of a stream holds it.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

const std::vector<std::string>& event_kinds() {
  static const std::vector<std::string> kKinds = [] {
    using server::EventKind;
    std::vector<std::string> kinds;
    for (const EventKind kind : {EventKind::Registered, EventKind::Updated, EventKind::Expired, EventKind::Deregistered,
                                 EventKind::Notification, EventKind::ObservationEnded, EventKind::Refused,
                                 EventKind::Operation, EventKind::Learned}) {
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

bool EventItems::may_show(const server::Event& event) const {
  if (event.kind != server::EventKind::Learned || event.how != "write") return true;
  DeviceDefinitions definitions(registry_);
  if (event.object_version) definitions.add(event.path.object(), *event.object_version);
  const auto* const object = definitions.find(event.path.object());
  if (object == nullptr) return false;
  if (event.path.depth() >= 3) {
    const auto* const resource = object->resource(event.path.resource());
    return resource != nullptr && resource->operations.read;
  }
  return std::ranges::none_of(object->resources, [](const lwm2m::model::ResourceDefinition& resource) {
    return resource.operations.write && !resource.operations.read;
  });
}

std::optional<events::Draft> EventItems::draft(server::Event event, bool packs) const {
  if (!may_show(event)) return std::nullopt;
  events::Draft draft;
  draft.at = event.at;
  draft.kind = server::to_string(event.kind);
  draft.endpoint = event.endpoint;
  draft.size = size_of(event);
  draft.quiet = event.kind == server::EventKind::Learned;
  if (packs) draft.packed = server::pack(event);
  draft.render = [this, event = std::move(event)](std::uint64_t number) { return text_of(event, number); };
  return draft;
}

events::Draft EventItems::draft(const bootstrap::DeskEvent& event) const {
  Json json = {{"kind", bootstrap::kind_of(event)}, {"at", event.at}, {"endpoint", bootstrap::endpoint_of(event)}};
  add_event(json, event);
  const std::string kept = kAsJson + dump(json);
  events::Draft draft;
  draft.at = event.at;
  draft.kind = bootstrap::kind_of(event);
  draft.endpoint = bootstrap::endpoint_of(event);
  draft.size = kEntrySize + kept.size();
  draft.packed.assign(kept.begin(), kept.end());
  draft.render = [this, kept](std::uint64_t number) { return text_of_desk(std::string_view(kept).substr(1), number); };
  return draft;
}

std::string EventItems::text_of(ByteView packed, std::uint64_t number) const {
  if (!packed.empty() && packed.front() == kAsJson) return text_of_desk(as_text(packed.subspan(1)), number);
  const auto event = server::unpack_event(packed);
  return event ? text_of(*event, number) : "{}";
}

std::string EventItems::text_of_desk(std::string_view kept, std::uint64_t number) const {
  Json data = {{"id", hub_.id_of(number)}, {"number", number}};
  const Json rest = Json::parse(kept, nullptr, false);
  if (rest.is_object()) data.update(rest);
  return dump(data);
}

std::string EventItems::text_of(const server::Event& event, std::uint64_t number) const {
  Json data = {{"id", hub_.id_of(number)},
               {"number", number},
               {"kind", server::to_string(event.kind)},
               {"at", event.at},
               {"endpoint", event.endpoint}};
  if (event.device) data["device"] = to_json(*event.device, registry_, event.at);
  using server::EventKind;
  const bool about_path = event.kind == EventKind::Notification || event.kind == EventKind::ObservationEnded ||
                          event.kind == EventKind::Learned;
  if (about_path) data["path"] = event.path.to_string();
  if (!event.how.empty()) data["how"] = event.how;
  if (event.address) data["address"] = event.address->to_string();
  if (event.operation) add_event(data, *event.operation);
  if (!event.reason.empty()) data["reason"] = event.reason;
  if (event.outcome) {
    data["code"] = code_of(*event.outcome);
    data["status"] = status_of(*event.outcome);
    DeviceDefinitions definitions(registry_);
    if (event.object_version) definitions.add(event.path.object(), *event.object_version);
    add_payload(data, event.path, *event.outcome, definitions, "");
    add_times(data, event.path, *event.outcome, definitions);
  }
  return dump(data);
}

}  // namespace drover::api
