// SPDX-License-Identifier: Apache-2.0
#include "io/service_notifier.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

namespace drover::io {
namespace {

/// A service manager's end of the socket. A name with '@' is in the abstract namespace.
class Manager {
 public:
  explicit Manager(const std::string& name) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Manager() { unsetenv("NOTIFY_SOCKET"); }

  /// The next message, or "".
  std::string heard() {
    std::array<char, 512> bytes{};
    const ssize_t got = recv(socket_.get(), bytes.data(), bytes.size(), 0);
    return {bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  }

 private:
  FileDescriptor socket_;
};

TEST(ServiceNotifier, TellsWhatTheDaemonDoes) {
  const std::string path = (std::filesystem::temp_directory_path() / ("drover-notify-" + std::to_string(getpid()))).string();
  Manager manager(path);
  const ServiceNotifier notifier;
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr) << "a child would speak for the daemon";
  notifier.ready("serving");
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=serving\n");
  notifier.reloading();
  EXPECT_TRUE(manager.heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  notifier.stopping();
  EXPECT_EQ(manager.heard(), "STOPPING=1\n");
  std::filesystem::remove(path);
}

TEST(ServiceNotifier, KnowsTheAbstractNamespace) {
  Manager manager("@drover-notify-" + std::to_string(getpid()));
  ServiceNotifier().ready("serving");
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=serving\n");
}

TEST(ServiceNotifier, SaysNothingWithoutAManager) {
  for (const std::string name : {"", "relative", "/nowhere/to/be/found", "@"}) {
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
    ServiceNotifier().ready("serving");
  }
  setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
  ServiceNotifier().stopping();
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
}

}  // namespace
}  // namespace drover::io
