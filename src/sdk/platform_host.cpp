// SPDX-License-Identifier: Apache-2.0
// A client driven by the program's own platform: no thread, no socket, no clock of ours.
#include <array>
#include <cassert>
#include <cstring>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include "drover/platform.hpp"
#include "sdk/host.hpp"
#include "security/dtls/provider.hpp"

namespace drover::sdk {

namespace {

class PlatformRng final : public Rng {
 public:
  explicit PlatformRng(Platform& platform) : platform_(platform) {}
  std::uint64_t next() override {
    std::array<std::uint8_t, 8> bytes{};
    platform_.random(bytes.data(), bytes.size());
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data(), bytes.size());
    return number;
  }

 private:
  Platform& platform_;
};

class PlatformHost final : public Host {
 public:
  PlatformHost(const Settings& settings, Platform& platform) : platform_(platform), rng_(platform), security_({}, rng_) {
    security_.set_wall_clock(platform_.wall_clock() - now().time_since_epoch());
    auto wanted = client_settings(settings);
    wanted.security = &security_;
    client_.emplace(std::move(wanted), rng_);
    client_->device().set_clock(now(), unix_now());
  }

  client::Client& client() override { return *client_; }
  [[nodiscard]] Instant now() const override { return Instant(platform_.monotonic()); }
  [[nodiscard]] UnixSeconds unix_now() const override { return platform_.wall_clock().count(); }
  void on_event(std::function<void(const client::ClientEvent&)> sink) override { sink_ = std::move(sink); }

  void post(std::function<void()> task) override {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    platform_.wake();
  }
  void call(const std::function<void()>& task) override { task(); }

  void flush() override {
    client_->settle(now());
    drain();
  }

  void start() override { throw std::logic_error("start(): a program with a Platform calls begin(), and process() from its own loop"); }
  void begin() override {
    client_->start(now());
    flush();
  }
  void stop() override {
    client_->stop(now());
    flush();
  }
  void process() override {
    std::vector<std::function<void()>> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(tasks_);
    }
    for (const auto& task : tasks) task();
    const Instant at = now();
    security_.set_wall_clock(platform_.wall_clock() - at.time_since_epoch());
    if (const auto deadline = client_->deadline(); deadline && deadline->at <= at) client_->handle_timeout(at);
    drain();
  }
  [[nodiscard]] std::chrono::microseconds wait() const override {
    {
      const std::lock_guard lock(mutex_);
      if (!tasks_.empty()) return {};
    }
    const auto deadline = client_->deadline();
    if (!deadline) return std::chrono::microseconds::max();
    const Instant at = now();
    return deadline->at <= at ? std::chrono::microseconds{} : std::chrono::duration_cast<std::chrono::microseconds>(deadline->at - at);
  }
  [[nodiscard]] int descriptor() const override { return -1; }
  void receive(const std::string& from, const std::uint8_t* bytes, std::size_t size) override {
    const auto peer = transport::PeerAddress::parse(from);
    if (!peer || peer->is_sms()) throw std::invalid_argument("receive(): \"" + from + "\" is no ADDRESS:PORT, IPv6 in [ ]");
    transport::Datagram datagram;
    datagram.from = *peer;
    datagram.bytes = ByteView(bytes, size);
    client_->handle_datagram(now(), datagram);
    drain();
  }

 private:
  void drain() {
    while (const auto event = client_->poll_event()) {
      if (const auto* wanted = std::get_if<client::ResolveWanted>(&*event)) {
        resolve(*wanted);
      } else if (sink_) {
        sink_(*event);
      }
    }
    while (const auto transmit = client_->poll_transmit()) {
      if (transmit->to.is_sms()) continue;
      platform_.send(transmit->to.to_string(), transmit->bytes.data(), transmit->bytes.size());
    }
  }
  void resolve(const client::ResolveWanted& wanted) {
    std::vector<transport::PeerAddress> addresses;
    for (const std::string& text : platform_.resolve(wanted.host, wanted.port)) {
      if (const auto address = transport::PeerAddress::parse(text)) addresses.push_back(*address);
    }
    client_->resolved(now(), wanted.server, std::move(addresses));
  }

  Platform& platform_;
  PlatformRng rng_;
  security::dtls::DtlsProvider security_;
  std::optional<client::Client> client_;
  std::function<void(const client::ClientEvent&)> sink_;
  mutable std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
};

}  // namespace

std::unique_ptr<Host> platform_host(const Settings& settings, Platform& platform) {
  return std::make_unique<PlatformHost>(settings, platform);
}

}  // namespace drover::sdk
