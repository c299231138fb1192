// SPDX-License-Identifier: Apache-2.0
// The commands over a Unix socket: one line in, the reply's lines out, the last of them "ok" or "error: REASON".
#pragma once

#include <map>
#include <memory>
#include <string>

#include "apps/device/commands.hpp"
#include "base/result.hpp"
#include "io/event_loop.hpp"

namespace drover::device {

class ControlSocket {
 public:
  static constexpr std::size_t kConnectionsMax = 16;
  /// A reader that lets more than this pile up is cut off.
  static constexpr std::size_t kOutputMax = 1 << 20;

  /// Replaces a socket that a dead process left behind; refuses one that somebody listens on, and any other file.
  static Result<std::unique_ptr<ControlSocket>> open(const std::string& path, io::EventLoop& loop, Commands& commands);
  /// Removes the socket.
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  void event(const std::string& line);

 private:
  struct Connection {
    Commands::Session session;
    std::string input;
    std::string output;
    bool writing = false;  ///< the loop watches for room
  };

  ControlSocket(std::string path, int fd, io::EventLoop& loop, Commands& commands);
  void accept();
  void ready(int fd);
  /// False when the connection is over.
  bool read(int fd, Connection& connection);
  bool write(int fd, Connection& connection);
  void reply(Connection& connection, std::string_view line);
  void close(int fd);

  std::string path_;
  int fd_;
  io::EventLoop& loop_;
  Commands& commands_;
  std::map<int, Connection> connections_;
};

}  // namespace drover::device
