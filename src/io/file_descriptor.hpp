// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "base/bytes.hpp"

namespace drover::io {

/// A descriptor of the system's, closed at the end; below 0: none.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// All of it, over interruptions. False, and errno, when the file doesn't take it.
bool write_all(int fd, ByteView bytes);
/// So that names in the folder are there after a power cut, too. False, and errno, when that can't be.
bool sync_folder(const std::string& folder);

}  // namespace drover::io
