// SPDX-License-Identifier: Apache-2.0
// What says that the program was built without libmosquitto.
#include "sinks/mqtt.hpp"

#ifndef DROVER_HAS_MQTT

namespace drover::sinks {

bool has_mqtt() {
  return false;
}

Result<std::unique_ptr<Outlet>> make_mqtt(MqttSettings /*settings*/) {
  return tl::unexpected(Error{Fault::Us, 0, "this program was built without MQTT (libmosquitto)"});
}

}  // namespace drover::sinks

#endif
