// SPDX-License-Identifier: Apache-2.0
// Tells the service manager how a daemon is doing (sd_notify(3): datagrams to the socket that NOTIFY_SOCKET names).
#pragma once

#include <string>
#include <string_view>

#include "io/file_descriptor.hpp"

namespace drover::io {

/// Without NOTIFY_SOCKET, as when somebody starts the daemon by hand, it says nothing. Nothing that goes wrong here is an
/// error for the daemon: a manager that isn't there can't wait for it. Thread-safe behind the constructor.
class ServiceNotifier {
 public:
  /// Takes NOTIFY_SOCKET out of the environment, so that no child speaks for the daemon: before other threads run.
  ServiceNotifier();

  /// It serves. `status` is one line for people.
  void ready(std::string_view status) const;
  /// It reads its configuration again; ready() says that it is through.
  void reloading() const;
  void stopping() const;

 private:
  void send(const std::string& text) const;

  FileDescriptor socket_;
};

}  // namespace drover::io
