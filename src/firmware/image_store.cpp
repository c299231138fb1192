// SPDX-License-Identifier: Apache-2.0
#include "firmware/image_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "io/file_descriptor.hpp"
#include "io/socket_address.hpp"

namespace drover::firmware {

using client::FirmwareResult;

namespace {

constexpr mode_t kFileMode = S_IRUSR | S_IWUSR;

int open_file(const std::string& name, int flags) {
  int fd = -1;
  do {
    fd = ::open(name.c_str(), flags | O_CLOEXEC, kFileMode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

bool sync_file(const std::string& name) {
  const int fd = open_file(name, O_WRONLY);
  if (fd < 0) return false;
  const bool done = ::fsync(fd) == 0;
  const int code = errno;
  ::close(fd);
  errno = code;
  return done;
}

tl::unexpected<Error> failure(const std::string& what) {
  return tl::unexpected(Error{Fault::Environment, 0, what + ": " + io::error_text(errno)});
}

}  // namespace

FirmwareResult result_of_errno(int code) {
  return code == ENOMEM ? FirmwareResult::OutOfMemory : FirmwareResult::NoSpace;
}

Result<void> write_atomically(const std::string& file, std::string_view text) {
  const std::string fresh = file + ".new";
  const int fd = open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC);
  if (fd < 0) return failure(fresh);
  const bool written = io::write_all(fd, as_bytes(text)) && ::fsync(fd) == 0;
  const int code = errno;
  ::close(fd);
  errno = code;
  const std::string folder = std::filesystem::path(file).parent_path().string();
  if (!written || ::rename(fresh.c_str(), file.c_str()) != 0 || !io::sync_folder(folder)) {
    auto failed = failure(file);
    ::unlink(fresh.c_str());
    return failed;
  }
  return {};
}

ImageStore::~ImageStore() {
  close_push();
}

void ImageStore::close_push() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<void> ImageStore::make_folder() const {
  std::error_code code;
  const bool made = std::filesystem::create_directories(folder_, code);
  if (code) return tl::unexpected(Error{Fault::Environment, 0, folder_ + ": " + code.message()});
  if (made) ::chmod(folder_.c_str(), S_IRWXU);
  return {};
}

ImageStore::Stored ImageStore::begin() {
  discard();
  size_ = 0;
  if (!make_folder()) return tl::unexpected(FirmwareResult::NoSpace);
  fd_ = open_file(pushed_file(), O_WRONLY | O_CREAT | O_TRUNC);
  if (fd_ < 0) return tl::unexpected(result_of_errno(errno));
  return {};
}

ImageStore::Stored ImageStore::append(ByteView bytes) {
  if (fd_ < 0 || bytes.size() > size_max_ - size_) return tl::unexpected(FirmwareResult::NoSpace);
  if (!io::write_all(fd_, bytes)) return tl::unexpected(result_of_errno(errno));
  size_ += bytes.size();
  return {};
}

ImageStore::Stored ImageStore::finish() {
  close_push();
  return adopt(pushed_file());
}

ImageStore::Stored ImageStore::finish_fetched() {
  return adopt(fetched_file());
}

ImageStore::Stored ImageStore::adopt(const std::string& file) const {
  // Delayed allocation: a full disk may show here first.
  if (!sync_file(file) || ::rename(file.c_str(), image_file().c_str()) != 0 ||
      !io::sync_folder(folder_)) {
    return tl::unexpected(result_of_errno(errno));
  }
  return {};
}

void ImageStore::discard() {
  close_push();
  for (const std::string& file : {pushed_file(), fetched_file(), image_file()}) ::unlink(file.c_str());
}

std::uint64_t ImageStore::fetched_size() const {
  struct stat status {};
  if (::stat(fetched_file().c_str(), &status) != 0 || status.st_size < 0) return 0;
  return static_cast<std::uint64_t>(status.st_size);
}

bool ImageStore::has_image() const {
  struct stat status {};
  return ::stat(image_file().c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace drover::firmware
