// SPDX-License-Identifier: Apache-2.0
#include "sim/bootstrap_node.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/take_front.hpp"
#include "bootstrap/plan_json.hpp"

namespace drover::sim {

using bootstrap::KeysWanted;
using bootstrap::SessionEnded;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::uint32_t kDelayMillisecondsMax = 3000;
/// One in so many waits longer for the disk than the server for its keys.
constexpr std::uint32_t kOneLateIn = 40;
constexpr Duration kLate = bootstrap::Settings{}.keys_max + seconds(5);

}  // namespace

BootstrapServerNode::BootstrapServerNode(const Setup& setup) : setup_(setup), rng_(setup.seed) {
  make_server();
}

void BootstrapServerNode::make_server() {
  server_.reset();
  security::dtls::DtlsProvider provider(setup_.dtls, rng_);
  auto acceptor = provider.acceptor({}, setup_.credentials->source(store::Purpose::Bootstrap));
  assert(acceptor);
  acceptor_ = std::move(*acceptor);
  bootstrap::Config config;
  config.settings.allow_nosec = setup_.nosec;
  if (!setup_.nosec) {
    config.acceptor = acceptor_.get();
    config.credentials = &setup_.credentials->source(store::Purpose::Bootstrap);
  }
  server_ = std::make_unique<bootstrap::BootstrapServer>(std::move(config), rng_);
  server_->set_wall_clock(wall_offset_);
  for (const auto& [name, plan] : plans_) {
    [[maybe_unused]] const auto put = server_->plans().put(plan);
    assert(put);
  }
  keeper_ = std::make_unique<provision::KeyKeeper>(*setup_.credentials, provision::KeyKeeper::Settings{});
}

void BootstrapServerNode::put_plan(const std::string& name, const std::string& json) {
  auto plan = bootstrap::parse_plan(json, *setup_.definitions);
  assert(plan);
  [[maybe_unused]] const auto put = server_->plans().put(*plan);
  assert(put);
  plans_[name] = std::move(*plan);
}

void BootstrapServerNode::remove_plan(const std::string& name) {
  plans_.erase(name);
  server_->plans().remove(name);
}

void BootstrapServerNode::restart(Instant now, Duration jump) {
  while (!jobs_.empty() && rng_.below(2) == 0) work(now, *take_front(jobs_), false);
  jobs_.clear();
  wall_offset_ += jump;
  make_server();
}

void BootstrapServerNode::post(Instant now, std::variant<KeysWanted, SessionEnded> what) {
  Instant due = now + milliseconds(rng_.below(kDelayMillisecondsMax));
  if (rng_.below(kOneLateIn) == 0) due = now + kLate;
  if (!jobs_.empty()) due = std::max(due, jobs_.back().due);
  jobs_.push_back({due, std::move(what)});
}

void BootstrapServerNode::work(Instant now, const Job& job, bool tell) {
  if (const auto* ended = std::get_if<SessionEnded>(&job.what)) {
    [[maybe_unused]] const auto done = keeper_->ended(*ended);
    assert(done);
    return;
  }
  const auto& wanted = std::get<KeysWanted>(job.what);
  auto keys = keeper_->provide(wanted);
  if (keys && on_keys) on_keys(now, wanted, *keys);
  if (tell) server_->provide(now, wanted.session, std::move(keys));
}

void BootstrapServerNode::handle_datagram(Instant now, const Datagram& datagram) {
  const auto kind = setup_.nosec ? transport::Kind::Udp : transport::Kind::Dtls;
  server_->handle_datagram(now, {datagram.from.as(kind), datagram.bytes});
}

void BootstrapServerNode::handle_timeout(Instant now) {
  while (!jobs_.empty() && jobs_.front().due <= now) work(now, *take_front(jobs_), true);
  server_->handle_timeout(now);
}

std::optional<Transmit> BootstrapServerNode::poll_transmit() {
  auto transmit = server_->poll_transmit();
  if (!transmit) return std::nullopt;
  return Transmit{transmit->to.as(transport::Kind::Udp), std::move(transmit->bytes)};
}

std::optional<Instant> BootstrapServerNode::deadline() const {
  std::optional<Instant> earliest;
  if (const auto deadline = server_->deadline()) earliest = deadline->at;
  if (!jobs_.empty() && (!earliest || jobs_.front().due < *earliest)) earliest = jobs_.front().due;
  return earliest;
}

void BootstrapServerNode::after(Instant now) {
  while (const auto event = server_->poll_event()) {
    if (const auto* wanted = std::get_if<KeysWanted>(&*event)) post(now, *wanted);
    if (const auto* ended = std::get_if<SessionEnded>(&*event)) post(now, *ended);
    if (on_event) on_event(now, *event);
  }
}

}  // namespace drover::sim
