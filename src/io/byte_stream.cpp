// SPDX-License-Identifier: Apache-2.0
#include "io/byte_stream.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "io/socket_address.hpp"

namespace drover::io {

namespace {

bool is_for_later(int code) {
  return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

}  // namespace

ByteStream::ByteStream(int fd, Kind kind, std::string name, bool connecting)
    : fd_(fd), kind_(kind), name_(std::move(name)), connecting_(connecting) {}

ByteStream::~ByteStream() {
  if (fd_ >= 0) ::close(fd_);
}

ByteStream::ByteStream(ByteStream&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      kind_(other.kind_),
      name_(std::move(other.name_)),
      connecting_(other.connecting_) {}

ByteStream& ByteStream::operator=(ByteStream&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(kind_, other.kind_);
  std::swap(name_, other.name_);
  std::swap(connecting_, other.connecting_);
  return *this;
}

tl::unexpected<Error> ByteStream::failure(const std::string& why) const {
  return tl::unexpected(Error{Fault::Environment, 0, name_ + ": " + why});
}

Result<void> ByteStream::finish_connecting() {
  int code = 0;
  socklen_t size = sizeof code;
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
  if (code != 0) return failure(error_text(code));
  connecting_ = false;
  return {};
}

Result<std::size_t> ByteStream::read(std::span<std::uint8_t> into) {
  const ssize_t size = ::read(fd_, into.data(), into.size());
  if (size > 0) return static_cast<std::size_t>(size);
  if (size < 0 && is_for_later(errno)) return std::size_t{0};
  // A terminal whose other side has gone says EIO.
  if (size == 0 || (kind_ == Kind::Device && errno == EIO)) return failure("closed by the other side");
  return failure(error_text(errno));
}

Result<std::size_t> ByteStream::write(ByteView bytes) {
  const ssize_t size = kind_ == Kind::Socket ? ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL)
                                             : ::write(fd_, bytes.data(), bytes.size());
  if (size >= 0) return static_cast<std::size_t>(size);
  if (is_for_later(errno)) return std::size_t{0};
  return failure(error_text(errno));
}

}  // namespace drover::io
