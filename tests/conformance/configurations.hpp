// SPDX-License-Identifier: Apache-2.0
// What the enabler test specification puts into a device before its cases (its Appendix C), by its names. The accounts
// are without security where it has a pre-shared key; nothing else differs. A superset is allowed.
#pragma once

#include "tests/conformance/site.hpp"

namespace drover::conformance {

inline constexpr const char* kEndpoint = "urn:imei:490154203237518";

/// The Device of Core §6.4.3.1, which every configuration has at least a part of.
inline constexpr const char* kManufacturer = "Open Mobile Alliance";
inline constexpr const char* kModel = "Lightweight M2M Client";
inline constexpr const char* kSerial = "345000123";
inline constexpr const char* kFirmware = "1.0";

Configuration c1();   ///< an account without periods, Device with what identifies it
Configuration c3();   ///< C.1 with periods and Disable in the Server object
Configuration c4();   ///< C.3 with two power sources and the battery
Configuration c5();   ///< with Connectivity Monitoring
Configuration c6();   ///< C.4 with all of Device
Configuration c7();   ///< with Location
Configuration c9();   ///< with Connectivity Statistics
Configuration c12();  ///< with Portfolio
Configuration c14();  ///< two servers, access control, and the account of a Bootstrap-Server

/// C.1 with the sensor of object 3303 at /3303/0 showing 20.0: what the requirements of reporting are shown on.
Configuration with_thermometer(std::vector<client::ServerId> servers = {1});

/// C.6 with the values of Core §6.4.3.1 and no others, so that its bytes are those of the specification.
Configuration specification_device();

/// `configuration`, with more in the device.
Configuration with(Configuration configuration, std::function<void(Site&)> more);

}  // namespace drover::conformance
