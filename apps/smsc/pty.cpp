// SPDX-License-Identifier: Apache-2.0
#include "pty.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace drover::smsc {
namespace {

tl::unexpected<Error> failed(const std::string& what) {
  return tl::unexpected(Error{Fault::Environment, 0, what + ": " + std::strerror(errno)});
}

/// In place of an older link, in one step.
bool link_to(const std::string& target, const std::string& path) {
  struct stat there {};
  if (lstat(path.c_str(), &there) == 0 && !S_ISLNK(there.st_mode)) {
    errno = EEXIST;
    return false;
  }
  const std::string fresh = path + ".new";
  unlink(fresh.c_str());
  return symlink(target.c_str(), fresh.c_str()) == 0 && rename(fresh.c_str(), path.c_str()) == 0;
}

}  // namespace

Result<Pty> Pty::open(const std::string& path) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (master < 0) return failed("a pseudo terminal");
  char name[64];
  const bool usable = grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof name) == 0;
  // Held open, so that the master doesn't see a hang-up whenever no host has it.
  const int slave = usable ? ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
  if (slave < 0) {
    const auto error = failed("a pseudo terminal");
    ::close(master);
    return error;
  }
  Pty pty(master, slave, {});
  termios settings{};
  tcgetattr(slave, &settings);
  cfmakeraw(&settings);
  tcsetattr(slave, TCSANOW, &settings);
  if (!link_to(name, path)) return failed(path);
  pty.path_ = path;
  return pty;
}

Pty::Pty(Pty&& other) noexcept
    : master_(std::exchange(other.master_, -1)),
      slave_(std::exchange(other.slave_, -1)),
      path_(std::exchange(other.path_, {})) {}

Pty::~Pty() {
  if (!path_.empty()) unlink(path_.c_str());
  if (slave_ >= 0) ::close(slave_);
  if (master_ >= 0) ::close(master_);
}

Bytes Pty::read() {
  Bytes bytes(4096);
  const auto count = ::read(master_, bytes.data(), bytes.size());
  bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  // A host that took it for itself alone (gammu) would keep it so after its end, since it stays open here.
  ioctl(slave_, TIOCNXCL);
  return bytes;
}

void Pty::write(ByteView bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(master_, bytes.data(), bytes.size());
    if (count <= 0) return;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace drover::smsc
