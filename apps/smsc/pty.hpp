// SPDX-License-Identifier: Apache-2.0
// A pseudo terminal that looks like a modem's serial device.
#pragma once

#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace drover::smsc {

/// Made with a symbolic link at a path, which it removes at its end. Non-blocking.
class Pty {
 public:
  /// An existing link at `path` is replaced, anything else there isn't.
  static Result<Pty> open(const std::string& path);
  Pty(Pty&& other) noexcept;
  Pty& operator=(Pty&&) = delete;
  ~Pty();

  [[nodiscard]] int fd() const { return master_; }
  /// What the host wrote; empty: nothing more.
  Bytes read();
  /// What the host doesn't take, since nobody reads, is lost, as on a serial line.
  void write(ByteView bytes);

 private:
  Pty(int master, int slave, std::string path) : master_(master), slave_(slave), path_(std::move(path)) {}

  int master_ = -1, slave_ = -1;
  std::string path_;
};

}  // namespace drover::smsc
