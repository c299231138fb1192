// SPDX-License-Identifier: Apache-2.0
#include "api/views.hpp"

#include <nlohmann/json.hpp>

namespace drover::api {

namespace {

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

std::string to_string(const lwm2m::model::Operations& operations) {
  std::string text;
  if (operations.read) text += 'R';
  if (operations.write) text += 'W';
  if (operations.execute) text += 'E';
  return text;
}

}  // namespace

Json to_json(const server::DeviceView& device, const lwm2m::model::Registry& registry, UnixSeconds now) {
  Json objects = Json::array();
  for (const auto& object : device.announcement.objects) {
    const auto* definition = registry.find(object.id, object.version.value_or(lwm2m::Version{1, 0}));
    objects.push_back({{"id", object.id},
                       {"version", object.version ? Json(object.version->to_string()) : Json(nullptr)},
                       {"name", definition == nullptr ? Json(nullptr) : Json(definition->name)},
                       {"instances", object.instances}});
  }
  // Through the second in which it may fall asleep: who is shown as asleep is sent nothing.
  return {{"endpoint", device.endpoint},
          {"scheme", device.scheme},
          {"registration", device.registration},
          {"address", device.address.to_string()},
          {"identity", device.identity},
          {"version", device.version},
          {"binding", device.binding},
          {"queue_mode", device.queue},
          {"awake", !device.queue || device.awake_until.value_or(0) >= now},
          {"awake_until", device.awake_until ? Json(*device.awake_until) : Json(nullptr)},
          {"queued", device.queued},
          {"sms", or_null(device.sms)},
          {"lifetime", device.lifetime},
          {"registered_at", device.registered_at},
          {"updated_at", device.updated_at},
          {"expires_at", device.expires_at},
          {"root", device.announcement.root},
          {"formats", device.announcement.formats},
          {"objects", std::move(objects)}};
}

Json to_json(const server::ObservationView& observation) {
  return {{"endpoint", observation.endpoint},
          {"path", observation.path.to_string()},
          {"accept", observation.accept ? Json(*observation.accept) : Json(nullptr)},
          {"since", observation.since},
          {"notifications", observation.notifications}};
}

Json to_json(const coap::Counters& counters) {
  return {{"datagrams_in", counters.datagrams_in},
          {"datagrams_out", counters.datagrams_out},
          {"malformed", counters.malformed},
          {"bad_option", counters.bad_option},
          {"duplicates", counters.duplicates},
          {"unmatched", counters.unmatched},
          {"stale_notifications", counters.stale_notifications},
          {"retransmissions", counters.retransmissions},
          {"timeouts", counters.timeouts},
          {"refused", counters.refused}};
}

Json to_json(const lwm2m::model::ObjectDefinition& object, bool with_resources) {
  Json json = {{"id", object.id},
               {"version", object.version.to_string()},
               {"lwm2m_version", object.lwm2m_version.to_string()},
               {"name", object.name},
               {"urn", object.urn},
               {"multiple", object.multiple},
               {"mandatory", object.mandatory}};
  if (!with_resources) return json;
  Json resources = Json::array();
  for (const auto& resource : object.resources) {
    resources.push_back({{"id", resource.id},
                         {"name", resource.name},
                         {"operations", to_string(resource.operations)},
                         {"multiple", resource.multiple},
                         {"mandatory", resource.mandatory},
                         {"type", lwm2m::to_string(resource.type)},
                         {"range", resource.range},
                         {"units", resource.units},
                         {"description", resource.description}});
  }
  json["description"] = object.description;
  json["resources"] = std::move(resources);
  return json;
}

}  // namespace drover::api
