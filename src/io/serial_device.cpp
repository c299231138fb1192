// SPDX-License-Identifier: Apache-2.0
#include "io/serial_device.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "io/socket_address.hpp"

namespace drover::io {

namespace {

constexpr std::array<std::pair<unsigned, speed_t>, 18> kRates{{{300, B300},
                                                               {600, B600},
                                                               {1'200, B1200},
                                                               {2'400, B2400},
                                                               {4'800, B4800},
                                                               {9'600, B9600},
                                                               {19'200, B19200},
                                                               {38'400, B38400},
                                                               {57'600, B57600},
                                                               {115'200, B115200},
                                                               {230'400, B230400},
                                                               {460'800, B460800},
                                                               {921'600, B921600},
                                                               {1'000'000, B1000000},
                                                               {1'500'000, B1500000},
                                                               {2'000'000, B2000000},
                                                               {3'000'000, B3000000},
                                                               {4'000'000, B4000000}}};

}  // namespace

Result<ByteStream> open_serial_device(const std::string& path, const SerialSettings& settings) {
  const auto failure = [&](const std::string& why) {
    return tl::unexpected(Error{Fault::Environment, 0, "cannot open serial device " + path + ": " + why});
  };
  const auto* rate =
      std::find_if(kRates.begin(), kRates.end(), [&](const auto& one) { return one.first == settings.baud; });
  if (rate == kRates.end()) return failure("there is no rate of " + std::to_string(settings.baud) + " baud");
  const int fd = ::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return failure(error_text(errno));
  ByteStream device(fd, ByteStream::Kind::Device, path);

  termios terminal{};
  if (::tcgetattr(fd, &terminal) != 0) {
    return failure(errno == ENOTTY ? "it isn't a terminal device" : error_text(errno));
  }
  // Goes with the descriptor. Where a device can't be locked, nobody else can either.
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return failure("it is in use by another program");
  ::cfmakeraw(&terminal);
  terminal.c_cflag |= CLOCAL | CREAD;
  terminal.c_cflag &= ~static_cast<tcflag_t>(CSTOPB);
  if (settings.flow_control) {
    terminal.c_cflag |= CRTSCTS;
  } else {
    terminal.c_cflag &= ~static_cast<tcflag_t>(CRTSCTS);
  }
  // An end of file is one, then, and not "nothing at the moment".
  terminal.c_cc[VMIN] = 1;
  terminal.c_cc[VTIME] = 0;
  ::cfsetispeed(&terminal, rate->second);
  ::cfsetospeed(&terminal, rate->second);
  if (::tcsetattr(fd, TCSANOW, &terminal) != 0) return failure(error_text(errno));
  // A pseudo-terminal has no such lines.
  const int lines = TIOCM_DTR | TIOCM_RTS;
  (void)::ioctl(fd, TIOCMBIS, &lines);
  (void)::tcflush(fd, TCIOFLUSH);
  return device;
}

}  // namespace drover::io
