// SPDX-License-Identifier: Apache-2.0
#include "handover_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/reader.hpp"

namespace drover::droverd {
namespace {

constexpr std::string_view kAbout = "drover handover";

tl::unexpected<Error> failed(const std::string& file, const char* what, int code) {
  return tl::unexpected(
      Error{Fault::Environment, 0, file + ": can't " + what + ": " + std::generic_category().message(code)});
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

bool write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

bool read_all(int fd, Bytes& bytes) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return false;
  bytes.resize(static_cast<std::size_t>(status.st_size));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::read(fd, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    have += static_cast<std::size_t>(got);
  }
  return true;
}

/// A name is gone or there for good once its folder is on disk.
bool sync_folder(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  const File opened(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened.fd() >= 0 && ::fsync(opened.fd()) == 0;
}

}  // namespace

std::string handover_file(const std::string& store) {
  return store + ".handover";
}

Result<void> write_handover(const std::string& file, const store::Sealer& sealer,
                            const std::vector<server::Handover>& shards) {
  ByteWriter writer;
  for (const server::Handover& shard : shards) {
    const auto sealed = sealer.seal(pack(shard).reveal(), as_bytes(kAbout));
    if (!sealed) return tl::unexpected(sealed.error());
    writer.uint(sealed->size(), 8);
    writer.bytes(*sealed);
  }
  const std::string fresh = file + ".new";
  ::unlink(fresh.c_str());
  const File out(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (out.fd() < 0) return failed(fresh, "be made", errno);
  if (!write_all(out.fd(), writer.view()) || ::fsync(out.fd()) != 0) return failed(fresh, "be written", errno);
  if (::rename(fresh.c_str(), file.c_str()) != 0) return failed(file, "be replaced", errno);
  if (!sync_folder(file)) return failed(file, "be kept", errno);
  return {};
}

Result<std::vector<server::Handover>> take_handover(const std::string& file, const store::Sealer& sealer) {
  const File in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (in.fd() < 0) {
    if (errno == ENOENT) return std::vector<server::Handover>{};
    return failed(file, "be opened", errno);
  }
  if (::unlink(file.c_str()) != 0 || !sync_folder(file)) return failed(file, "be taken away", errno);
  Bytes bytes;
  if (!read_all(in.fd(), bytes)) return failed(file, "be read", errno);
  std::vector<server::Handover> shards;
  ByteReader reader(bytes);
  while (!reader.empty()) {
    const auto size = reader.uint(8);
    const auto sealed = size ? reader.bytes(*size) : std::nullopt;
    if (!sealed) return tl::unexpected(Error{Fault::Environment, 0, file + ": a damaged handover"});
    const auto opened = sealer.open(*sealed, as_bytes(kAbout));
    if (!opened) return tl::unexpected(Error{Fault::Environment, 0, file + ": " + opened.error().reason});
    auto shard = server::unpack_handover(opened->reveal());
    if (!shard) return tl::unexpected(Error{Fault::Environment, 0, file + ": " + shard.error().reason});
    shards.push_back(std::move(*shard));
  }
  return shards;
}

Result<void> reseal_handover(const std::string& file, const store::Sealer& from, const store::Sealer& to) {
  const auto shards = take_handover(file, from);
  if (!shards) return tl::unexpected(shards.error());
  return shards->empty() ? Result<void>() : write_handover(file, to, *shards);
}

}  // namespace drover::droverd
