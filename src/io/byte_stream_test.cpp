// SPDX-License-Identifier: Apache-2.0
// Serial devices over pseudo-terminals, TCP over loopback.
#include "io/byte_stream.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include "io/serial_device.hpp"
#include "io/tcp_stream.hpp"
#include "io/test_line.hpp"

namespace drover::io {
namespace {

bool is_ready(int fd, short event) {
  pollfd wanted{fd, event, 0};
  return ::poll(&wanted, 1, 5000) == 1;
}

std::string read(ByteStream& stream) {
  EXPECT_TRUE(is_ready(stream.fd(), POLLIN));
  std::array<std::uint8_t, 512> buffer;
  const auto size = stream.read(buffer);
  if (!size) return size.error().reason;
  return std::string(as_text(ByteView(buffer).first(*size)));
}

TEST(SerialDevice, IsRawBothWays) {
  TestTerminal terminal;
  auto device = open_serial_device(terminal.path, {});
  ASSERT_TRUE(device) << device.error().reason;
  EXPECT_EQ(device->name(), terminal.path);
  EXPECT_EQ(device->write(as_bytes("AT\r\x1A\x1B\x03\n")).value(), 7u);
  ASSERT_TRUE(is_ready(terminal.fd(), POLLIN));
  EXPECT_EQ(terminal.read(), "AT\r\x1A\x1B\x03\n");
  terminal.write("\r\n> \x03\x04\x11\x13\x7F");
  EXPECT_EQ(read(*device), "\r\n> \x03\x04\x11\x13\x7F") << "no control character means anything";
  std::array<std::uint8_t, 8> buffer;
  EXPECT_EQ(device->read(buffer).value(), 0u) << "nothing at the moment doesn't block";
  termios set{};
  ASSERT_EQ(::tcgetattr(device->fd(), &set), 0);
  EXPECT_EQ(::cfgetospeed(&set), static_cast<speed_t>(B115200));
  terminal.hang_up();
  EXPECT_EQ(read(*device), terminal.path + ": closed by the other side");
}

TEST(SerialDevice, SaysWhyItCannotBeOpened) {
  const auto why = [](const std::string& path, SerialSettings settings = {}) {
    const auto device = open_serial_device(path, settings);
    return device ? "opened" : device.error().reason;
  };
  EXPECT_EQ(why("/nonexistent/tty"), "cannot open serial device /nonexistent/tty: No such file or directory");
  EXPECT_EQ(why("/dev/null"), "cannot open serial device /dev/null: it isn't a terminal device");
  TestTerminal terminal;
  EXPECT_EQ(why(terminal.path, {12'345, false}),
            "cannot open serial device " + terminal.path + ": there is no rate of 12345 baud");
  auto device = open_serial_device(terminal.path, {9'600, true});
  ASSERT_TRUE(device);
  EXPECT_EQ(why(terminal.path), "cannot open serial device " + terminal.path + ": it is in use by another program");
}

TEST(TcpStream, ConnectsWithoutBlocking) {
  TestListener listener;
  auto stream = connect_tcp(listener.address);
  ASSERT_TRUE(stream) << stream.error().reason;
  EXPECT_TRUE(stream->is_connecting());
  ASSERT_TRUE(is_ready(stream->fd(), POLLOUT));
  ASSERT_TRUE(stream->finish_connecting());
  EXPECT_FALSE(stream->is_connecting());
  ASSERT_TRUE(listener.accept());
  listener.write("hello");
  EXPECT_EQ(read(*stream), "hello");
  listener.hang_up();
  EXPECT_EQ(read(*stream), listener.address.to_string() + ": closed by the other side");
  std::size_t tries = 0;
  while (stream->write(as_bytes("x")) && ++tries < 1000) is_ready(stream->fd(), POLLIN);
  EXPECT_LT(tries, 1000u) << "an error and no SIGPIPE";
}

TEST(TcpStream, ARefusedConnectionSaysSo) {
  TestListener listener;
  const auto address = listener.address;
  listener.stop();
  auto stream = connect_tcp(address);
  if (stream) {
    ASSERT_TRUE(is_ready(stream->fd(), POLLOUT));
    const auto finished = stream->finish_connecting();
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().reason, address.to_string() + ": Connection refused");
  } else {
    EXPECT_EQ(stream.error().reason, "cannot connect to " + address.to_string() + ": Connection refused");
  }
}

TEST(TcpStream, HostsAndPorts) {
  const auto parsed = [](std::string_view text) {
    const auto connector = TcpConnector::parse(text, 2775);
    return connector ? connector->host() + " " + std::to_string(connector->port()) : connector.error().reason;
  };
  EXPECT_EQ(parsed("smsc.example:2776"), "smsc.example 2776");
  EXPECT_EQ(parsed("smsc.example"), "smsc.example 2775");
  EXPECT_EQ(parsed("192.0.2.1:1"), "192.0.2.1 1");
  EXPECT_EQ(parsed("[2001:db8::1]:65535"), "2001:db8::1 65535");
  EXPECT_EQ(parsed("[2001:db8::1]"), "2001:db8::1 2775");
  EXPECT_EQ(parsed("2001:db8::1"), "2001:db8::1 2775");
  for (const auto* bad : {"", ":1", "host:", "host:0", "host:65536", "host:1x", "[::1:1", "::1]:1"}) {
    EXPECT_EQ(parsed(bad), "\"" + std::string(bad) + "\" isn't HOST:PORT");
  }
}

TEST(TcpStream, AHostIsLookedUpEachTime) {
  TestListener listener;
  TcpConnector connector("localhost", listener.address.port);
  // "localhost" may be ::1, too, where nobody listens: then the next one is tried.
  bool connected = false;
  for (int i = 0; i < 3 && !connected; ++i) {
    auto stream = connector.connect();
    if (!stream) continue;
    ASSERT_TRUE(is_ready(stream->fd(), POLLOUT));
    connected = stream->finish_connecting().has_value();
  }
  EXPECT_TRUE(connected);
}

}  // namespace
}  // namespace drover::io
