// SPDX-License-Identifier: Apache-2.0
// A client on real sockets, on a thread of its own or driven by the program's loop.
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>

#include "io/clock.hpp"
#include "sdk/host.hpp"
#include "sdk/runtime.hpp"

namespace drover::sdk {

namespace {

transport::PeerAddress bind_address(const std::string& text) {
  if (text.empty()) return {};
  const auto address = transport::PeerAddress::parse(text);
  if (!address) throw std::invalid_argument("bind address \"" + text + "\": write ADDRESS:PORT, IPv6 in [ ]");
  return *address;
}

class LinuxHost final : public Host {
 public:
  explicit LinuxHost(const Settings& settings) : local_(bind_address(settings.bind)), runtime_(client_settings(settings)) {}

  client::Client& client() override { return runtime_.client(); }
  [[nodiscard]] Instant now() const override { return io::now(); }
  [[nodiscard]] UnixSeconds unix_now() const override { return io::unix_now(); }
  void on_event(std::function<void(const client::ClientEvent&)> sink) override { runtime_.on_event(std::move(sink)); }

  void post(std::function<void()> task) override { runtime_.loop().post(std::move(task)); }
  void call(const std::function<void()>& task) override {
    if (!thread_.joinable() || std::this_thread::get_id() == thread_.get_id()) return task();
    std::promise<void> done;
    runtime_.loop().post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  void flush() override { runtime_.flush(); }

  void start() override {
    if (thread_.joinable() || stepping_) return;
    open();
    thread_ = std::thread([this] { runtime_.run(); });
  }
  void begin() override {
    if (thread_.joinable() || stepping_) return;
    open();
    stepping_ = true;
    runtime_.check_addresses(io::now());
  }
  void stop() override {
    if (thread_.joinable()) {
      runtime_.loop().post([this] { runtime_.shut_down(); });
      thread_.join();
    } else if (stepping_) {
      stepping_ = false;
      runtime_.shut_down();
      runtime_.loop().run();  // until the servers know, or three seconds
    }
  }
  void process() override { runtime_.loop().step(); }
  [[nodiscard]] std::chrono::microseconds wait() const override {
    const auto deadline = runtime_.loop().deadline();
    if (!deadline) return std::chrono::microseconds::max();
    const Instant at = io::now();
    return *deadline <= at ? std::chrono::microseconds{} : std::chrono::duration_cast<std::chrono::microseconds>(*deadline - at);
  }
  [[nodiscard]] int descriptor() const override { return runtime_.loop().descriptor(); }
  void receive(const std::string&, const std::uint8_t*, std::size_t) override {
    throw std::logic_error("receive(): the client has a socket of its own; it is for programs with a Platform");
  }

 private:
  void open() {
    if (auto opened = runtime_.open(local_); !opened) throw std::runtime_error(opened.error().reason);
    runtime_.client().start(io::now());
    runtime_.flush();
  }

  transport::PeerAddress local_;
  sdk::Runtime runtime_;
  std::thread thread_;
  bool stepping_ = false;
};

}  // namespace

std::unique_ptr<Host> linux_host(const Settings& settings) {
  return std::make_unique<LinuxHost>(settings);
}

}  // namespace drover::sdk
