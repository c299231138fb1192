// SPDX-License-Identifier: Apache-2.0
#include "apps/device/control_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "io/socket_address.hpp"

namespace drover::device {
namespace {

tl::unexpected<Error> wrong(const std::string& path, const std::string& why) {
  return tl::unexpected(Error{Fault::Environment, 0, "control socket " + path + ": " + why});
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return wrong(path, "a path has 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Makes room for a new socket.
Result<void> clear(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) return wrong(path, "exists and isn't a socket; choose another path");
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool alive = probe >= 0 && ::connect(probe, generic(address), sizeof address) == 0;
  if (probe >= 0) ::close(probe);
  if (alive) return wrong(path, "another process listens there; choose another path");
  ::unlink(path.c_str());
  return {};
}

}  // namespace

Result<std::unique_ptr<ControlSocket>> ControlSocket::open(const std::string& path, io::EventLoop& loop,
                                                           Commands& commands) {
  const auto address = address_of(path);
  if (!address) return tl::unexpected(address.error());
  if (auto cleared = clear(path, *address); !cleared) return tl::unexpected(cleared.error());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return wrong(path, io::error_text(errno));
  if (::bind(fd, generic(*address), sizeof *address) != 0 || ::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 ||
      ::listen(fd, static_cast<int>(kConnectionsMax)) != 0) {
    const std::string reason = io::error_text(errno);
    ::close(fd);
    return wrong(path, reason);
  }
  return std::unique_ptr<ControlSocket>(new ControlSocket(path, fd, loop, commands));
}

ControlSocket::ControlSocket(std::string path, int fd, io::EventLoop& loop, Commands& commands)
    : path_(std::move(path)), fd_(fd), loop_(loop), commands_(commands) {
  loop_.watch(fd_, io::EventLoop::Interest::Read, [this] { accept(); });
}

ControlSocket::~ControlSocket() {
  while (!connections_.empty()) close(connections_.begin()->first);
  loop_.unwatch(fd_);
  ::close(fd_);
  ::unlink(path_.c_str());
}

void ControlSocket::accept() {
  const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  if (connections_.size() >= kConnectionsMax) {
    ::close(fd);
    return;
  }
  connections_.emplace(fd, Connection{});
  loop_.watch(fd, io::EventLoop::Interest::Read, [this, fd] { ready(fd); });
}

void ControlSocket::ready(int fd) {
  Connection& connection = connections_.at(fd);
  if (!read(fd, connection) || !write(fd, connection)) close(fd);
}

bool ControlSocket::read(int fd, Connection& connection) {
  std::array<char, 4096> buffer{};
  const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  connection.input.append(buffer.data(), static_cast<std::size_t>(count));
  for (std::size_t end = connection.input.find('\n'); end != std::string::npos; end = connection.input.find('\n')) {
    const std::string line = connection.input.substr(0, end);
    connection.input.erase(0, end + 1);
    reply(connection, line);
    if (connection.output.size() > kOutputMax) return false;
  }
  return connection.input.size() <= Commands::kLineMax;
}

void ControlSocket::reply(Connection& connection, std::string_view line) {
  const auto result = commands_.run(line, connection.session);
  if (!result) {
    connection.output += "error: " + result.error().reason + "\n";
    return;
  }
  for (const std::string& output : *result) connection.output += output + "\n";
  connection.output += "ok\n";
}

bool ControlSocket::write(int fd, Connection& connection) {
  while (!connection.output.empty()) {
    const ssize_t count = ::send(fd, connection.output.data(), connection.output.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) return false;
    if (count < 0) break;
    connection.output.erase(0, static_cast<std::size_t>(count));
  }
  const bool wants_room = !connection.output.empty();
  if (wants_room != connection.writing) {
    connection.writing = wants_room;
    loop_.change(fd, wants_room ? io::EventLoop::Interest::ReadWrite : io::EventLoop::Interest::Read);
  }
  return true;
}

void ControlSocket::close(int fd) {
  loop_.unwatch(fd);
  ::close(fd);
  connections_.erase(fd);
}

void ControlSocket::event(const std::string& line) {
  std::vector<int> over;
  for (auto& [fd, connection] : connections_) {
    if (!connection.session.events) continue;
    connection.output += "event: " + line + "\n";
    if (connection.output.size() > kOutputMax || !write(fd, connection)) over.push_back(fd);
  }
  // An event can be raised from within ready(): the connection that said the command must outlive it.
  for (const int fd : over) {
    loop_.post([this, fd] {
      if (connections_.contains(fd)) close(fd);
    });
  }
}

}  // namespace drover::device
