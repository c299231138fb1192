// SPDX-License-Identifier: Apache-2.0
#include "apps/device/key_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "io/log.hpp"
#include "io/socket_address.hpp"

namespace drover::device {

KeyLog::KeyLog(const std::string& file) : fd_(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
  if (fd_ < 0) {
    io::log::warn("key log can't be written", {{"file", file}, {"reason", io::error_text(errno)}});
  } else {
    io::log::warn("keys of all associations are written to a file; for debugging only", {{"file", file}});
  }
}

KeyLog::~KeyLog() {
  if (fd_ >= 0) ::close(fd_);
}

void KeyLog::key_log(const Secret<std::string>& line) {
  const std::string whole = line.reveal() + "\n";
  if (fd_ >= 0 && ::write(fd_, whole.data(), whole.size()) < 0) return;
}

}  // namespace drover::device
