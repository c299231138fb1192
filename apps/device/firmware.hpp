// SPDX-License-Identifier: Apache-2.0
// The table `[firmware]`: where images go, and the commands that check and install them.
#pragma once

#include <cstdint>
#include <string>

#include "apps/device/section.hpp"
#include "base/time.hpp"
#include "coap/parameters.hpp"
#include "firmware/updater.hpp"

namespace drover::device {

struct FirmwareConfig {
  bool enabled = false;             ///< the table is there: the device has the instance /5/0
  std::string folder = "firmware";  ///< of the image and of what must survive a restart
  std::string base;                 ///< folder of the configuration file: commands run there; "" for the current one
  std::uint64_t size_max = std::uint64_t{256} << 20;  ///< bytes
  std::string fetch;                                  ///< path of drover-fetch; "" for the one beside this program
  std::string check;
  std::string install;
  std::string rollback;
  std::string confirm;
  Duration timeout = std::chrono::minutes(10);       ///< of a command
  Duration fetch_timeout = std::chrono::minutes(5);  ///< without progress
};

/// `base` is the folder of the configuration file.
void read_firmware(Section section, const std::string& base, FirmwareConfig& config);

firmware::UpdaterSettings updater_settings(const FirmwareConfig& config, const coap::Parameters& coap);

}  // namespace drover::device
