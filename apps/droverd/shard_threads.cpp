// SPDX-License-Identifier: Apache-2.0
#include "shard_threads.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include "io/clock.hpp"
#include "io/log.hpp"
#include "security/handle.hpp"
#include "shard_worker.hpp"

namespace drover::droverd {

namespace {

/// By the clock in microseconds, so that a number of before a restart doesn't name another operation afterwards, however
/// soon it comes: below 2^53, which JSON readers take exactly, for two centuries.
server::OperationId first_operation() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count())};
}

}  // namespace

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
  threads->keeper_ = settings.keeper;
  auto* const workers = &threads->workers_;
  threads->fleet_ = std::make_unique<server::LocalFleet>(settings.shards,
                                                         [workers](std::size_t index, server::LocalFleet::Task task) {
                                                           ShardWorker& worker = *(*workers)[index];
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
    config.kept = settings.kept;
    auto worker = std::make_unique<ShardWorker>(std::move((*sockets)[index]), *threads->fleet_, *settings.keeper,
                                                *settings.items);
    if (settings.secure) {
      auto secured = worker->secure_by(*settings.secure, std::move(secure_sockets[index]), config);
      if (!secured) return tl::unexpected(secured.error());
    }
    config.sms = settings.sms;
    config.files = settings.files;
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
  ShardWorker& worker = *workers_[server::sms_home(from.msisdn(), workers_.size())];
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

std::size_t ShardThreads::take_over(Recovered recovered) {
  std::size_t taken = 0;
  journal::Batch changes;
  // First what goes: numbers are given again.
  for (const server::RecordKey key : recovered.obsolete) changes.values.push_back({key.packed, {}});
  for (std::size_t index = 0; index < workers_.size(); ++index) {
    taken += workers_[index]->take_over(std::move(recovered.shards[index]), changes.values);
  }
  fleet_->take_over(std::move(recovered.finished), recovered.largest_operation);
  if (!changes.values.empty()) keeper_->submit(std::move(changes));
  return taken;
}

void ShardThreads::say_goodbye() {
  for (auto& worker : workers_) worker->say_goodbye();
}

void ShardThreads::set_refusing(bool refusing) {
  for (auto& worker : workers_) worker->set_refusing(refusing);
}

void ShardThreads::set_policy(const server::Policy& policy) {
  for (auto& worker : workers_) worker->set_policy(policy);
}

void ShardThreads::renew(const security::ServerCredentials& own) {
  const auto shared = std::make_shared<const security::ServerCredentials>(own);
  for (auto& worker : workers_) worker->renew(shared);
}

void ShardThreads::start() {
  for (auto& worker : workers_) worker->start();
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
