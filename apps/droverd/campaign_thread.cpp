// SPDX-License-Identifier: Apache-2.0
#include "campaign_thread.hpp"

#include <optional>
#include <thread>
#include <utility>

#include "api/file_response.hpp"
#include "base/uri.hpp"
#include "campaign/office.hpp"
#include "io/clock.hpp"
#include "io/event_loop.hpp"

namespace drover::droverd {

namespace {

/// With `port` where it has none.
std::string with_port(const std::string& url, std::uint16_t port) {
  const auto parsed = parse_uri(url);
  if (url.empty() || !parsed || parsed->port || port == 0) return url;
  return url + ":" + std::to_string(port);
}

/// Unix seconds that never go back, as the wall clock may.
struct SteadyUnix {
  Instant at = io::now();
  UnixSeconds unix = io::unix_now();
  [[nodiscard]] UnixSeconds now() const {
    return unix + std::chrono::duration_cast<std::chrono::seconds>(io::now() - at).count();
  }
  [[nodiscard]] Instant instant(UnixSeconds when) const { return at + std::chrono::seconds(when - unix); }
};

}  // namespace

struct CampaignThread::Worker {
  FirmwareConfig config;
  std::shared_ptr<store::StoreFile> file;
  std::unique_ptr<campaign::Images> images;
  std::optional<api::http::Server> http;
  io::EventLoop loop;
  SteadyUnix clock;
  std::optional<campaign::Office> office;
  std::thread thread;
};

CampaignThread::CampaignThread() : worker_(std::make_unique<Worker>()) {}

CampaignThread::~CampaignThread() {
  stop();
}

Result<std::unique_ptr<CampaignThread>> CampaignThread::open(const FirmwareConfig& config,
                                                             std::shared_ptr<store::StoreFile> file) {
  std::unique_ptr<CampaignThread> made(new CampaignThread);
  Worker& worker = *made->worker_;
  worker.config = config;
  worker.file = std::move(file);
  campaign::ImageLimits limits;
  limits.image_max = config.image_max;
  limits.total_max = config.total_max;
  limits.images_max = config.images_max;
  auto images = campaign::Images::open(worker.file, worker.file->name() + ".images", limits);
  if (!images) return tl::unexpected(images.error());
  worker.images = std::move(*images);
  if (!config.http.empty()) {
    auto server = api::open_file_server({config.http}, *worker.images);
    if (!server) return tl::unexpected(server.error());
    worker.http.emplace(std::move(*server));
  }
  return made;
}

const server::Files& CampaignThread::files() const {
  return *worker_->images;
}

Result<void> CampaignThread::load(server::Fleet& fleet, jobs::Selector* selector, std::uint16_t coap_port,
                                  std::uint16_t coaps_port) {
  Worker& worker = *worker_;
  const FirmwareConfig& config = worker.config;
  std::uint16_t http_port = 0;
  if (worker.http) {
    const auto local = parse_host_port(worker.http->addresses().front());
    if (local) http_port = local->port;
  }
  campaign::OfficeSettings settings;
  settings.campaigns_max = config.campaigns_max;
  settings.devices_max = config.devices_max;
  settings.push_bytes_max = config.push_bytes_max;
  settings.coap_url = with_port(config.coap_url, coap_port);
  settings.coaps_url = with_port(config.coaps_url, coaps_port);
  settings.http_url = with_port(config.http_url, http_port);
  worker.office.emplace(
      std::move(settings), fleet, *worker.images, campaign::CampaignTable(worker.file), selector,
      [loop = &worker.loop](std::function<void()> task) { loop->post(std::move(task)); },
      [clock = &worker.clock] { return clock->now(); });
  worker.loop.add_waker(
      [&worker]() -> std::optional<Instant> {
        const auto at = worker.office->deadline();
        return at ? std::optional(worker.clock.instant(*at)) : std::nullopt;
      },
      [&worker](Instant) { worker.office->handle_timeout(); });
  return worker.office->load();
}

campaign::Desk& CampaignThread::desk() {
  return *worker_->office;
}

void CampaignThread::handle(const server::Event& event) {
  worker_->office->handle(event);
}

std::string CampaignThread::http() const {
  return worker_->http ? worker_->http->urls().front() : "";
}

void CampaignThread::start() {
  if (worker_->http) worker_->http->start();
  worker_->thread = std::thread([worker = worker_.get()] {
    worker->office->start();
    worker->loop.run();
  });
}

void CampaignThread::stop() {
  if (worker_->http) worker_->http->stop();
  if (!worker_->thread.joinable()) return;
  worker_->loop.stop();
  worker_->thread.join();
}

}  // namespace drover::droverd
