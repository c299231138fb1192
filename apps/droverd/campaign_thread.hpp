// SPDX-License-Identifier: Apache-2.0
// Firmware images and campaigns on a thread of their own, since they wait for the disk.
#pragma once

#include <memory>
#include <string>

#include "api/http.hpp"
#include "base/result.hpp"
#include "campaign/desk.hpp"
#include "config.hpp"
#include "jobs/selection.hpp"
#include "server/fleet.hpp"
#include "store/store_file.hpp"
#include "transport/datagram.hpp"

namespace drover::droverd {

/// Opened before the shards, which serve its files; begun with the fleet; stopped before the fleet's threads.
class CampaignThread {
 public:
  /// Reads the images, and listens for devices by HTTP where that is configured.
  static Result<std::unique_ptr<CampaignThread>> open(const FirmwareConfig& config,
                                                      std::shared_ptr<store::StoreFile> file);
  ~CampaignThread();
  CampaignThread(const CampaignThread&) = delete;
  CampaignThread& operator=(const CampaignThread&) = delete;

  /// For ShardThreads::Settings.
  [[nodiscard]] const server::Files& files() const;
  /// Reads the campaigns. The ports are those that devices use, for URLs without one. `fleet` and `selector` (or
  /// nullptr) outlive stop().
  Result<void> load(server::Fleet& fleet, jobs::Selector* selector, std::uint16_t coap_port, std::uint16_t coaps_port);
  /// Behind load().
  [[nodiscard]] campaign::Desk& desk();
  /// Thread-safe: what happened in the fleet.
  void handle(const server::Event& event);
  /// "http://192.0.2.1:8081"; "" without one.
  [[nodiscard]] std::string http() const;
  /// The fleet runs.
  void start();
  /// Ends and joins the threads. Rows are on disk; nothing more is asked.
  void stop();

 private:
  struct Worker;
  CampaignThread();
  std::unique_ptr<Worker> worker_;
};

}  // namespace drover::droverd
