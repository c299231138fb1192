// SPDX-License-Identifier: Apache-2.0
// What drives the SDK's client: a loop on Linux, or the program's own platform.
#pragma once

#include <functional>
#include <memory>

#include "base/time.hpp"
#include "client/client.hpp"
#include "drover/client.hpp"

namespace drover::sdk {

class Host {
 public:
  virtual ~Host() = default;

  virtual client::Client& client() = 0;
  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual UnixSeconds unix_now() const = 0;
  /// For each event but ResolveWanted, which the host deals with.
  virtual void on_event(std::function<void(const client::ClientEvent&)> sink) = 0;

  /// Thread-safe: runs it where the client is driven, in order. What is posted while nobody drives it waits.
  virtual void post(std::function<void()> task) = 0;
  /// Runs it there and waits; at once where the caller drives the client, or nobody does.
  virtual void call(const std::function<void()>& task) = 0;
  /// Behind each change.
  virtual void flush() = 0;

  /// Drives it on a thread of its own. Throws std::runtime_error where that can't be had.
  virtual void start() = 0;
  /// Begins without one: then process() drives it.
  virtual void begin() = 0;
  /// De-registers, for at most three seconds where there is a thread; else as long as process() is called.
  virtual void stop() = 0;
  virtual void process() = 0;
  [[nodiscard]] virtual std::chrono::microseconds wait() const = 0;
  [[nodiscard]] virtual int descriptor() const = 0;
  virtual void receive(const std::string& from, const std::uint8_t* bytes, std::size_t size) = 0;
};

client::ClientSettings client_settings(const Settings& settings);
/// Throws std::invalid_argument for an address to bind that is none.
std::unique_ptr<Host> linux_host(const Settings& settings);
std::unique_ptr<Host> platform_host(const Settings& settings, Platform& platform);

}  // namespace drover::sdk
