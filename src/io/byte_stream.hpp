// SPDX-License-Identifier: Apache-2.0
// A descriptor that carries octets both ways; serial_device.hpp and tcp_stream.hpp open one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace drover::io {

/// Non-blocking; closes its descriptor. One thread at a time. Errors name what it is and say why.
class ByteStream {
 public:
  enum class Kind : std::uint8_t { Device, Socket };

  /// Takes `fd`, which doesn't block. `name` is for people. `connecting`: finish_connecting() comes first.
  ByteStream(int fd, Kind kind, std::string name, bool connecting = false);
  ~ByteStream();
  ByteStream(ByteStream&& other) noexcept;
  ByteStream& operator=(ByteStream&& other) noexcept;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_connecting() const { return connecting_; }
  /// When the descriptor became writable: whether the other side took the connection.
  Result<void> finish_connecting();

  /// How many octets came; 0 when there are none at the moment. The other side's end is an error.
  Result<std::size_t> read(std::span<std::uint8_t> into);
  /// How many octets were taken, from the front; 0 when none are at the moment. No SIGPIPE.
  Result<std::size_t> write(ByteView bytes);

 private:
  [[nodiscard]] tl::unexpected<Error> failure(const std::string& why) const;

  int fd_ = -1;
  Kind kind_ = Kind::Device;
  std::string name_;
  bool connecting_ = false;
};

}  // namespace drover::io
