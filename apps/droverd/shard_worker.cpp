// SPDX-License-Identifier: Apache-2.0
#include "shard_worker.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "io/log.hpp"
#include "security/dtls/provider.hpp"

namespace drover::droverd {

namespace {

void log_drops(server::Shard& shard) {
  while (const auto drop = shard.poll_drop()) {
    io::log::debug("dropped", {{"address", drop->peer.to_string()}, {"why", drop->why}});
  }
}

/// To the microsecond: the times of what is kept stay the same.
Duration unix_at_zero() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<Duration>(wall) - io::now().time_since_epoch();
}

}  // namespace

/// What waits for the disk.
struct ShardWorker::Held {
  server::LocalFleet::Outbox outbox;
  std::vector<transport::Transmit> transmits;
};

Result<void> ShardWorker::secure_by(const ShardThreads::Settings::Secure& settings, io::UdpSocket opened,
                                    server::ShardConfig& config) {
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

void ShardWorker::begin(server::ShardConfig config) {
  keeps_ = config.kept;
  shard.emplace(std::move(config), rng);
  shard->set_wall_clock(unix_at_zero());
  driver.emplace(loop, socket, *shard, [this](Instant) { gather(); });
  driver->hold_back([this](Instant at, std::vector<transport::Transmit> all) { leave(at, std::move(all)); });
  if (secure_socket) driver->add_secure(*secure_socket);
}

std::size_t ShardWorker::take_over(server::KeptShard kept, std::vector<journal::Batch::Value>& changes) {
  const std::size_t taken = shard->take_over(io::now(), std::move(kept));
  take_records(changes);
  return taken;
}

void ShardWorker::start() {
  // What was taken over may have something to send.
  loop.post([this] { driver->flush(io::now()); });
  thread = std::thread([this] { loop.run(); });
}

void ShardWorker::set_refusing(bool refusing) {
  loop.post([this, refusing] { shard->set_refusing(refusing); });
}

void ShardWorker::set_policy(const server::Policy& policy) {
  loop.post([this, policy] { shard->set_policy(policy); });
}

void ShardWorker::renew(std::shared_ptr<const security::ServerCredentials> own) {
  if (!acceptor) return;
  loop.post([this, own = std::move(own)] {
    const auto done = acceptor->renew(*own);
    if (!done) io::log::error("the server's own credentials stay as they were", {{"why", done.error().reason}});
  });
}

void ShardWorker::gather() {
  server::LocalFleet::gather(*shard, outbox_);
  log_drops(*shard);
}

void ShardWorker::take_records(std::vector<journal::Batch::Value>& to) {
  while (auto record = shard->poll_record()) to.push_back({record->key.packed, std::move(record->value)});
}

void ShardWorker::leave(Instant at, std::vector<transport::Transmit> transmits) {
  journal::Batch batch;
  if (keeps_) {
    take_records(batch.values);
    std::vector<server::Record> results;
    fleet_.add_records(outbox_, results);
    for (server::Record& record : results) batch.values.push_back({record.key.packed, std::move(record.value)});
  }
  bool holds = !batch.values.empty();
  for (const server::Event& event : outbox_.events) {
    auto draft = items_.draft(event, keeps_);
    if (!draft) continue;
    holds = holds || !draft->quiet;
    batch.events.push_back(std::move(*draft));
  }
  server::LocalFleet::Outbox outbox = std::exchange(outbox_, {});
  if (!keeps_ || (!holds && pending_ == 0)) {
    if (!batch.events.empty()) keeper_.submit(std::move(batch));
    if (!outbox.empty()) fleet_.deliver(std::move(outbox));
    if (!transmits.empty()) driver->depart(at, std::move(transmits));
    return;
  }
  if (!holds) {
    const auto waits = std::stable_partition(transmits.begin(), transmits.end(),
                                             [this](const auto& transmit) { return !waits_for(transmit.to); });
    std::vector<transport::Transmit> now(std::make_move_iterator(transmits.begin()), std::make_move_iterator(waits));
    transmits.erase(transmits.begin(), waits);
    if (!now.empty()) driver->depart(at, std::move(now));
    if (outbox.empty() && batch.events.empty() && transmits.empty()) return;
  }
  ++pending_;
  fleet_.hold_back(outbox);
  for (const transport::Transmit& transmit : transmits) ++held_peers_[transmit.to];
  const auto held = std::make_shared<Held>(Held{std::move(outbox), std::move(transmits)});
  batch.kept = [this, held] { loop.post([this, held] { release(*held); }); };
  keeper_.submit(std::move(batch));
  if (keeper_.is_behind()) driver->pause(true);
}

void ShardWorker::release(Held& held) {
  --pending_;
  for (const transport::Transmit& transmit : held.transmits) {
    const auto found = held_peers_.find(transmit.to);
    if (--found->second == 0) held_peers_.erase(found);
  }
  if (!held.outbox.empty()) fleet_.deliver(std::move(held.outbox));
  if (!held.transmits.empty()) driver->depart(io::now(), std::move(held.transmits));
  if (!keeper_.is_behind()) driver->pause(false);
}

void ShardWorker::say_goodbye() {
  shard->say_goodbye(io::now());
  std::vector<transport::Transmit> last;
  while (auto transmit = shard->poll_transmit()) last.push_back(std::move(*transmit));
  driver->depart(io::now(), std::move(last));
}

}  // namespace drover::droverd
