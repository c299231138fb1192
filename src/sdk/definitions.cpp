// SPDX-License-Identifier: Apache-2.0
#include "sdk/definitions.hpp"

#include "drover/objects/connectivity_monitoring.hpp"
#include "drover/objects/connectivity_statistics.hpp"
#include "drover/objects/device.hpp"
#include "drover/objects/firmware_update.hpp"
#include "drover/objects/location.hpp"
#include "drover/objects/lwm2m_access_control.hpp"
#include "drover/objects/lwm2m_security.hpp"
#include "drover/objects/lwm2m_server.hpp"

namespace drover::sdk {

lwm2m::model::ObjectDefinition to_core(const object_definition& definition) {
  lwm2m::model::ObjectDefinition result;
  result.id = definition.id;
  result.name = definition.name;
  if (const auto version = lwm2m::Version::parse(definition.version)) result.version = *version;
  result.multiple = definition.multiple;
  result.mandatory = definition.mandatory;
  for (std::size_t at = 0; at < definition.size; ++at) {
    const resource_definition& each = definition.resources[at];
    lwm2m::model::ResourceDefinition resource;
    resource.id = each.id;
    resource.name = each.name;
    resource.operations = {each.read, each.write, each.execute};
    resource.multiple = each.multiple;
    resource.mandatory = each.mandatory;
    resource.type = static_cast<lwm2m::DataType>(each.type);
    resource.range = each.range;
    resource.units = each.units;
    result.resources.push_back(std::move(resource));
  }
  return result;
}

void add_built_in_definitions(lwm2m::model::Registry& registry) {
  for (const object_definition* each : {&definition<0>::object, &definition<1>::object, &definition<2>::object, &definition<3>::object,
                                        &definition<4>::object, &definition<5>::object, &definition<6>::object, &definition<7>::object}) {
    (void)registry.add(to_core(*each));
  }
}

}  // namespace drover::sdk
