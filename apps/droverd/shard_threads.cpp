// SPDX-License-Identifier: Apache-2.0
#include "shard_threads.hpp"

#include <thread>
#include <utility>

#include "io/clock.hpp"
#include "io/driver.hpp"
#include "io/event_loop.hpp"
#include "io/log.hpp"
#include "io/udp_socket.hpp"
#include "security/dtls/provider.hpp"
#include "security/handle.hpp"
#include "server/shard.hpp"

namespace drover::droverd {

namespace {

void log_drops(server::Shard& shard) {
  while (const auto drop = shard.poll_drop()) {
    io::log::debug("dropped", {{"address", drop->peer.to_string()}, {"why", drop->why}});
  }
}

/// By the clock, so that a number of before a restart doesn't name another operation afterwards: below 2^53, which JSON
/// readers take exactly, for some thousands of years, and with room for a million operations a second.
server::OperationId first_operation() {
  constexpr unsigned kRoom = 20;
  return {static_cast<std::uint64_t>(io::unix_now()) << kRoom};
}

}  // namespace

struct ShardThreads::Worker {
  Worker(io::UdpSocket opened, server::LocalFleet& owner) : fleet(owner), socket(std::move(opened)) {}

  /// Before begin(): what the shard needs for DTLS.
  Result<void> secure_by(const Settings::Secure& settings, io::UdpSocket opened, server::ShardConfig& config) {
    security::dtls::DtlsProvider provider(settings.dtls, rng);
    provider.set_wall_clock(unix_at_zero());
    auto made = provider.acceptor(settings.own, *settings.credentials);
    if (!made) return tl::unexpected(made.error());
    acceptor = std::move(*made);
    secure_socket.emplace(std::move(opened));
    config.acceptor = acceptor.get();
    config.credentials = settings.credentials;
    config.listener = settings.listener;
    return {};
  }
  void begin(server::ShardConfig config) {
    const std::size_t index = config.index;
    shard.emplace(std::move(config), rng);
    shard->set_wall_clock(unix_at_zero());
    driver.emplace(loop, socket, *shard, [this, index](Instant) {
      fleet.collect(index, *shard);
      log_drops(*shard);
    });
    if (secure_socket) driver->add_secure(*secure_socket);
  }
  /// To the microsecond: the times of what is handed over stay the same.
  static Duration unix_at_zero() {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<Duration>(wall) - io::now().time_since_epoch();
  }

  server::LocalFleet& fleet;
  io::EventLoop loop;
  io::UdpSocket socket;
  std::optional<io::UdpSocket> secure_socket;
  io::SystemRng rng;
  std::unique_ptr<security::Acceptor> acceptor;
  std::optional<server::Shard> shard;
  std::optional<io::Driver<server::Shard>> driver;
  std::thread thread;
};

Result<std::unique_ptr<ShardThreads>> ShardThreads::open(const Settings& settings) {
  auto sockets = io::UdpSocket::open_shared(settings.listen, settings.shards, {});
  if (!sockets) return tl::unexpected(sockets.error());
  std::vector<io::UdpSocket> secure_sockets;
  if (settings.secure) {
    io::UdpSocket::Options options;
    options.kind = transport::Kind::Dtls;
    auto opened = io::UdpSocket::open_shared(settings.secure->listen, settings.shards, options);
    if (!opened) return tl::unexpected(opened.error());
    secure_sockets = std::move(*opened);
    if (settings.shards > 1 && !secure_sockets.front().steer_by_connection_id(security::Handle::kShardAt)) {
      io::log::info("the kernel doesn't steer by Connection IDs; shards pass datagrams on");
    }
  }
  std::unique_ptr<ShardThreads> threads(new ShardThreads);
  auto* const workers = &threads->workers_;
  threads->fleet_ = std::make_unique<server::LocalFleet>(settings.shards,
                                                         [workers](std::size_t index, server::LocalFleet::Task task) {
                                                           Worker& worker = *(*workers)[index];
                                                           worker.loop.post([&worker, task = std::move(task)] {
                                                             const Instant at = io::now();
                                                             task(*worker.shard, at);
                                                             worker.driver->flush(at);
                                                           });
                                                         },
                                                         first_operation());
  for (std::size_t index = 0; index < settings.shards; ++index) {
    server::ShardConfig config;
    config.index = index;
    config.count = settings.shards;
    config.coap = settings.coap;
    config.coap.report_drops = io::log::enabled(io::log::Level::Debug);
    config.policy = settings.policy;
    auto worker = std::make_unique<Worker>(std::move((*sockets)[index]), *threads->fleet_);
    if (settings.secure) {
      auto secured = worker->secure_by(*settings.secure, std::move(secure_sockets[index]), config);
      if (!secured) return tl::unexpected(secured.error());
    }
    config.sms = settings.sms;
    worker->begin(std::move(config));
    if (settings.send_sms) {
      worker->driver->add_short_messages(
          [send = settings.send_sms](Instant, transport::Transmit transmit) { send(std::move(transmit)); });
    }
    threads->workers_.push_back(std::move(worker));
  }
  return threads;
}

ShardThreads::~ShardThreads() {
  stop();
}

transport::PeerAddress ShardThreads::local() const {
  return workers_.front()->socket.local();
}

std::optional<transport::PeerAddress> ShardThreads::secure_local() const {
  const auto& socket = workers_.front()->secure_socket;
  if (!socket) return std::nullopt;
  return socket->local();
}

void ShardThreads::deliver_sms(transport::PeerAddress from, Bytes bytes) {
  Worker& worker = *workers_[server::sms_home(from.msisdn(), workers_.size())];
  worker.loop.post([&worker, from, bytes = std::move(bytes)] { worker.driver->handle(io::now(), {from, bytes}); });
}

void ShardThreads::credentials_changed() {
  for (auto& worker : workers_) {
    worker->loop.post([one = worker.get()] {
      const Instant at = io::now();
      one->shard->handle_timeout(at);
      one->driver->flush(at);
    });
  }
}

std::size_t ShardThreads::take_over(std::vector<server::Handover> shards) {
  std::size_t taken = 0;
  for (server::Handover& handover : shards) {
    if (handover.shard >= workers_.size()) continue;
    taken += workers_[handover.shard]->shard->take_over(io::now(), std::move(handover));
  }
  return taken;
}

std::vector<server::Handover> ShardThreads::hand_over() {
  std::vector<server::Handover> shards;
  for (auto& worker : workers_) {
    const Instant at = io::now();
    worker->shard->set_wall_clock(Worker::unix_at_zero());  // it may have been set since the start
    shards.push_back(worker->shard->hand_over(at));
    worker->driver->flush(at);  // goodbyes to those that can't be moved
  }
  return shards;
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
