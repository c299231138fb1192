// SPDX-License-Identifier: Apache-2.0
#include "shard_threads.hpp"

#include <thread>
#include <utility>

#include "io/clock.hpp"
#include "io/driver.hpp"
#include "io/event_loop.hpp"
#include "io/log.hpp"
#include "io/udp_socket.hpp"
#include "server/shard.hpp"

namespace drover::droverd {

namespace {

void log_drops(server::Shard& shard) {
  while (const auto drop = shard.poll_drop()) {
    io::log::debug("dropped", {{"address", drop->peer.to_string()}, {"why", drop->why}});
  }
}

}  // namespace

struct ShardThreads::Worker {
  Worker(io::UdpSocket opened, server::ShardConfig config, server::LocalFleet& fleet)
      : socket(std::move(opened)),
        shard(config, rng),
        driver(loop, socket, shard, [this, &fleet, index = config.index](Instant) {
          fleet.collect(index, shard);
          log_drops(shard);
        }) {
    shard.set_wall_clock(std::chrono::seconds(io::unix_now()) - io::now().time_since_epoch());
  }

  io::EventLoop loop;
  io::UdpSocket socket;
  io::SystemRng rng;
  server::Shard shard;
  io::Driver<server::Shard> driver;
  std::thread thread;
};

Result<std::unique_ptr<ShardThreads>> ShardThreads::open(const Settings& settings) {
  auto sockets = io::UdpSocket::open_shared(settings.listen, settings.shards, {});
  if (!sockets) return tl::unexpected(sockets.error());
  std::unique_ptr<ShardThreads> threads(new ShardThreads);
  auto* const workers = &threads->workers_;
  threads->fleet_ = std::make_unique<server::LocalFleet>(settings.shards,
                                                         [workers](std::size_t index, server::LocalFleet::Task task) {
                                                           Worker& worker = *(*workers)[index];
                                                           worker.loop.post([&worker, task = std::move(task)] {
                                                             const Instant at = io::now();
                                                             task(worker.shard, at);
                                                             worker.driver.flush(at);
                                                           });
                                                         });
  for (std::size_t index = 0; index < settings.shards; ++index) {
    server::ShardConfig config;
    config.index = index;
    config.count = settings.shards;
    config.coap = settings.coap;
    config.coap.report_drops = io::log::enabled(io::log::Level::Debug);
    config.policy = settings.policy;
    threads->workers_.push_back(
        std::make_unique<Worker>(std::move((*sockets)[index]), std::move(config), *threads->fleet_));
  }
  return threads;
}

ShardThreads::~ShardThreads() {
  stop();
}

transport::PeerAddress ShardThreads::local() const {
  return workers_.front()->socket.local();
}

void ShardThreads::start() {
  for (auto& worker : workers_) {
    worker->thread = std::thread([loop = &worker->loop] { loop->run(); });
  }
}

void ShardThreads::stop() {
  for (auto& worker : workers_) {
    if (worker->thread.joinable()) worker->loop.stop();
  }
  for (auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

}  // namespace drover::droverd
