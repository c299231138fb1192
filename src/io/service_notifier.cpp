// SPDX-License-Identifier: Apache-2.0
#include "io/service_notifier.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace drover::io {

ServiceNotifier::ServiceNotifier() {
  const char* const variable = std::getenv("NOTIFY_SOCKET");
  const std::string path = variable == nullptr ? "" : variable;
  unsetenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@')) return;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace
  FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (!socket || connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return;
  socket_ = std::move(socket);
}

void ServiceNotifier::ready(std::string_view status) const {
  send("READY=1\nSTATUS=" + std::string(status) + "\n");
}

void ServiceNotifier::reloading() const {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  // Type=notify-reload (systemd 253) tells by the time whether this is its own reload.
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000) + "\n");
}

void ServiceNotifier::stopping() const {
  send("STOPPING=1\n");
}

void ServiceNotifier::send(const std::string& text) const {
  if (socket_) (void)::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace drover::io
