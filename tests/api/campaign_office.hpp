// SPDX-License-Identifier: Apache-2.0
// Images and campaigns of a folder of their own, for an Api.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "campaign/office.hpp"
#include "fake_fleet.hpp"
#include "io/clock.hpp"
#include "io/event_loop.hpp"
#include "storage/test_folder.hpp"
#include "store/store_file.hpp"

namespace drover::api::test {

struct CampaignOffice {
  explicit CampaignOffice(server::Fleet& fleet) {
    campaign::ImageLimits limits;
    limits.image_max = std::uint64_t{6} << 20;
    limits.uploads_max = 2;
    auto file = store::StoreFile::open(folder.file("store.db"));
    EXPECT_TRUE(file);
    auto opened = campaign::Images::open(*file, folder.file("store.images"), limits);
    EXPECT_TRUE(opened);
    images = std::move(*opened);
    campaign::OfficeSettings settings;
    settings.coap_url = "coap://localhost";
    office.emplace(settings, fleet, *images, campaign::CampaignTable(*file), nullptr,
                   [this](std::function<void()> task) { loop.post(std::move(task)); }, io::unix_now);
    EXPECT_TRUE(office->load());
    loop.add_waker(
        [this]() -> std::optional<Instant> {
          const auto at = office->deadline();
          if (!at) return std::nullopt;
          return io::now() + std::chrono::seconds(std::max<UnixSeconds>(0, *at - io::unix_now()));
        },
        [this](Instant) { office->handle_timeout(); });
    thread = std::thread([this] { loop.run(); });
  }
  ~CampaignOffice() {
    loop.stop();
    thread.join();
  }
  CampaignOffice(const CampaignOffice&) = delete;
  CampaignOffice& operator=(const CampaignOffice&) = delete;

  storage::testing::Folder folder;
  io::EventLoop loop;
  std::unique_ptr<campaign::Images> images;
  std::optional<campaign::Office> office;
  std::thread thread;
};

}  // namespace drover::api::test
