// SPDX-License-Identifier: Apache-2.0
#include "apps/fetch/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "firmware/image_store.hpp"
#include "io/clock.hpp"
#include "io/socket_address.hpp"

namespace drover::fetch {

using client::FirmwareResult;

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
}

bool OutputFile::fail(FirmwareResult result, std::string reason) {
  failure_ = result;
  reason_ = std::move(reason);
  return false;
}

bool OutputFile::fail_with_errno(const char* what) {
  const int code = errno;
  return fail(firmware::result_of_errno(code), std::string(what) + ": " + io::error_text(code));
}

bool OutputFile::open(const std::string& name, std::uint64_t offset, std::string etag) {
  fd_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  struct stat status {};
  if (fd_ < 0 || ::fstat(fd_, &status) != 0) return fail_with_errno(name.c_str());
  if (!etag.empty()) offset_ = std::min(offset, static_cast<std::uint64_t>(status.st_size));
  etag_ = std::move(etag);
  return true;
}

bool OutputFile::has_room(std::uint64_t size) {
  if (size > size_max_) {
    return fail(FirmwareResult::NoSpace, "it has " + std::to_string(size) + " bytes, " + std::to_string(size_max_) +
                                             " are the most that are taken");
  }
  struct statvfs disk {};
  if (size <= offset_ || ::fstatvfs(fd_, &disk) != 0) return true;
  // Where the numbers say nothing, the writing will.
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (disk.f_blocks == 0 || size - offset_ <= free) return true;
  return fail(FirmwareResult::NoSpace,
              "it needs " + std::to_string(size - offset_) + " bytes more, " + std::to_string(free) + " are free");
}

bool OutputFile::begin(std::uint64_t offset, const std::string& etag, std::optional<std::uint64_t> size) {
  offset_ = offset;
  etag_ = etag;
  size_ = size;
  if (size && !has_room(*size)) return false;
  if (::ftruncate(fd_, static_cast<off_t>(offset)) != 0 || ::lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0) {
    return fail_with_errno("truncate");
  }
  std::printf("etag=%s", etag.c_str());
  if (size) std::printf(" size=%llu", static_cast<unsigned long long>(*size));
  std::printf("\n");
  return report();
}

bool OutputFile::append(ByteView bytes) {
  if (bytes.size() > size_max_ - std::min(offset_, size_max_)) {
    return fail(FirmwareResult::NoSpace, "it has more than " + std::to_string(size_max_) + " bytes");
  }
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_with_errno("write");
    offset_ += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  if (reported_ && io::now() < *reported_ + kReportEvery) return true;
  return report();
}

bool OutputFile::report() {
  if (::fdatasync(fd_) != 0) return fail_with_errno("write");
  reported_ = io::now();
  std::printf("offset=%llu\n", static_cast<unsigned long long>(offset_));
  std::fflush(stdout);
  return true;
}

bool OutputFile::finish() {
  return report() && (!size_ || offset_ == *size_);
}

void OutputFile::pause() {
  if (!failure_ && reported_) report();
}

void OutputFile::forget() {
  offset_ = 0;
  etag_.clear();
}

}  // namespace drover::fetch
