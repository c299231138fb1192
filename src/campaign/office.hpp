// SPDX-License-Identifier: Apache-2.0
// All campaigns of a server: between the API, the fleet and the disk.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "campaign/campaign.hpp"
#include "campaign/desk.hpp"
#include "campaign/table.hpp"

namespace drover::campaign {

struct OfficeSettings {
  std::size_t campaigns_max = 1000;       ///< kept, those that are over included
  std::size_t devices_max = 100'000;      ///< of one campaign
  std::size_t devices_total_max = 1'000'000;
  std::uint64_t push_bytes_max = std::uint64_t{256} << 20;  ///< image size times parallel devices
  /// How devices reach this server: "coap://fleet.example:5683", without a path. "": not by that scheme.
  std::string coap_url;
  std::string coaps_url;
  std::string http_url;
};

/// All but the calls of Desk and handle() is called on one thread, the one on which `post` runs its tasks. The order is
/// always the same: something happens, rows that changed are put on disk in one transaction, then devices are asked.
/// While the disk fails nothing is asked.
class Office final : public Desk {
 public:
  using Post = std::function<void(std::function<void()>)>;
  using Clock = std::function<UnixSeconds()>;
  static constexpr std::int64_t kDiskWait = 10;  ///< seconds, before it is tried again

  /// Thread-safe: `post`. `fleet` ends before the office, `images` and `selector` (nullptr: only lists of endpoints)
  /// behind it. `now` gives Unix seconds that never go back, and is called on the office's thread.
  Office(OfficeSettings settings, server::Fleet& fleet, Images& images, CampaignTable table, jobs::Selector* selector,
         Post post, Clock now);

  /// Before anything else: what the disk has.
  Result<void> load();
  /// The fleet runs: go on.
  void start();
  /// Thread-safe and cheap for what is no campaign's business.
  void handle(const server::Event& event);
  void handle_timeout();
  [[nodiscard]] std::optional<UnixSeconds> deadline() const;
  /// Why nothing is asked; "" when all is well.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  // Desk
  void create(NewCampaign campaign, Done<CampaignView> done) override;
  void list(CampaignId before, std::size_t limit, std::function<void(CampaignPage)> done) override;
  void find(CampaignId id, Done<CampaignView> done) override;
  void devices(CampaignId id, DevicesQuery query, Done<DevicesPage> done) override;
  void act(CampaignId id, Action action, Done<CampaignView> done) override;
  void remove(CampaignId id, Done<CampaignView> done) override;
  [[nodiscard]] Images& images() override { return images_; }
  void finish(std::shared_ptr<Upload> upload, Image image, Done<Image> done) override;
  void remove_image(std::string name, Done<Image> done) override;

 private:
  struct Entry {
    std::unique_ptr<Campaign> campaign;
    bool holds = false;                 ///< its image
    std::set<std::uint32_t> unsaved{};  ///< devices
    bool head_unsaved = false;
  };
  Answer<CampaignView> begin(const NewCampaign& wanted, std::vector<std::string> endpoints);
  [[nodiscard]] Answer<Target> target_for(const Order& order) const;
  void add(std::unique_ptr<Campaign> campaign);
  [[nodiscard]] Answer<CampaignView> view(CampaignId id) const;
  void settle_soon();
  bool settle();
  bool save();
  void carry_out(Entry& entry);
  void on_status(CampaignId id, std::uint32_t device, const server::OperationStatus& status);
  void count_active();

  OfficeSettings settings_;
  server::Fleet& fleet_;
  Images& images_;
  CampaignTable table_;
  jobs::Selector* selector_;
  Post post_;
  Clock now_;
  std::map<CampaignId, Entry> entries_;
  std::set<CampaignId> busy_;  ///< something happened to them
  CampaignId last_{};
  std::size_t devices_ = 0;
  bool settling_ = false;
  std::string trouble_;
  std::optional<UnixSeconds> save_at_;
  std::atomic<std::size_t> active_ = 0;  ///< campaigns that aren't over
};

}  // namespace drover::campaign
