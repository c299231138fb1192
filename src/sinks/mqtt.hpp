// SPDX-License-Identifier: Apache-2.0
// Events to an MQTT broker (MQTT 3.1.1).
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "sinks/outlet.hpp"

namespace drover::sinks {

struct MqttSettings {
  std::string url = {};        ///< mqtt://HOST[:1883] or mqtts://HOST[:8883]
  std::string client_id = {};  ///< of this sink alone: a broker ends the connection of another with the same
  std::string topic = {};      ///< template, see sinks/topic.hpp
  std::string status_topic = {};  ///< "online", retained, and "offline" as the last will; "": none
  std::string username = {};
  Secret<std::string> password = {};
  std::string ca_file = {};                     ///< PEM; "": the system's
  Duration timeout = std::chrono::seconds(10);  ///< until the broker has let us in
  std::size_t in_flight = 20;                   ///< DeliverySettings::in_flight
};

/// Whether this program can: it was built with libmosquitto.
bool has_mqtt();

/// Publishes each event by itself: QoS 1, not retained; delivered with its PUBACK. One connection keeps the order; when
/// it is lost, all that had no PUBACK is sent again over the next one. The session is kept by the broker (clean session
/// is off), and its keep-alive finds a dead connection.
Result<std::unique_ptr<Outlet>> make_mqtt(MqttSettings settings);

}  // namespace drover::sinks
