// SPDX-License-Identifier: Apache-2.0
// Firmware campaigns as the API sees them.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "campaign/images.hpp"
#include "campaign/types.hpp"
#include "jobs/selection.hpp"

namespace drover::campaign {

struct NewCampaign {
  Order order;
  jobs::Selection selection;
  std::string asked_by;
};

struct CampaignView {
  Head head;
  Tally tally;
  std::size_t devices = 0;
};

struct CampaignPage {
  std::vector<CampaignView> campaigns;  ///< newest first
  std::size_t total = 0;
  CampaignId next{};  ///< `before` of the next page; 0 on the last
};

/// Devices of a campaign, ascending by endpoint.
struct DevicesQuery {
  std::optional<std::variant<Stage, Ending>> state = {};
  std::string after = {};
  std::size_t limit = 100;
};
struct DevicesPage {
  std::vector<Device> devices;
  std::size_t total = 0;  ///< in that state
  std::string next;       ///< "" on the last
};

enum class Action : std::uint8_t { Pause, Resume, Cancel, CancelAndReset, Retry };

/// Thread-safe. `done` is called once, on a thread of the desk's or the calling one, and must not block. What was answered
/// well is on disk.
class Desk {
 public:
  template <class T>
  using Done = std::function<void(Answer<T>)>;

  virtual ~Desk() = default;
  virtual void create(NewCampaign campaign, Done<CampaignView> done) = 0;
  virtual void list(CampaignId before, std::size_t limit, std::function<void(CampaignPage)> done) = 0;
  virtual void find(CampaignId id, Done<CampaignView> done) = 0;
  virtual void devices(CampaignId id, DevicesQuery query, Done<DevicesPage> done) = 0;
  virtual void act(CampaignId id, Action action, Done<CampaignView> done) = 0;
  /// One that is over.
  virtual void remove(CampaignId id, Done<CampaignView> done) = 0;

  /// Thread-safe; what blocks of it is done where it may.
  [[nodiscard]] virtual Images& images() = 0;
  virtual void finish(std::shared_ptr<Upload> upload, Image image, Done<Image> done) = 0;
  virtual void remove_image(std::string name, Done<Image> done) = 0;
};

}  // namespace drover::campaign
