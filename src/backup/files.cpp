// SPDX-License-Identifier: Apache-2.0
// Backups on disk.
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <system_error>
#include <utility>

#include "backup/manifest.hpp"
#include "base/bytes.hpp"
#include "io/file_descriptor.hpp"

namespace drover::backup {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = 1 << 20;

tl::unexpected<Error> wrong(const std::string& file, const std::string& what) {
  return tl::unexpected(Error{Fault::Environment, 0, file + ": " + what});
}

tl::unexpected<Error> failed(const std::string& file, const char* what) {
  return wrong(file, std::string(what) + ": " + std::generic_category().message(errno));
}

/// Piece by piece, to its end.
Result<void> read_file(const std::string& name, const std::function<bool(ByteView)>& take) {
  const io::FileDescriptor file(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failed(name, "can't be opened");
  Bytes piece(kPiece);
  while (true) {
    const ssize_t count = ::read(file.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(name, "can't be read");
    if (count == 0) return {};
    if (!take(ByteView(piece).first(static_cast<std::size_t>(count)))) return failed(name, "can't be copied");
  }
}

Result<void> copy(const std::string& from, const std::string& to) {
  const io::FileDescriptor file(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file) return failed(to, "can't be made");
  if (auto done = read_file(from, [&](ByteView piece) { return io::write_all(file.get(), piece); }); !done) return done;
  if (::fsync(file.get()) != 0) return failed(to, "can't be written");
  return {};
}

/// Where a server has it.
std::string place_of(const std::string& name, const std::string& store) {
  if (name == "store") return store;
  if (name.starts_with("image-")) return store + ".images/" + name.substr(std::strlen("image-"));
  return store + "." + name;
}

}  // namespace

Result<File> describe(const std::string& folder, const std::string& name) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!digest || EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) != 1) return wrong(name, "no digest");
  File file{name, 0, ""};
  const auto done = read_file(folder + "/" + name, [&](ByteView piece) {
    file.size += piece.size();
    return EVP_DigestUpdate(digest.get(), piece.data(), piece.size()) == 1;
  });
  if (!done) return tl::unexpected(done.error());
  std::array<std::uint8_t, 32> sum{};
  unsigned size = 0;
  EVP_DigestFinal_ex(digest.get(), sum.data(), &size);
  file.sha256 = to_hex(sum);
  return file;
}

Result<void> seal(const std::string& folder, const Manifest& manifest) {
  const std::string name = folder + "/" + kManifestName;
  {
    const io::FileDescriptor file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
    const std::string text = to_json(manifest);
    if (!file || !io::write_all(file.get(), as_bytes(text)) || ::fsync(file.get()) != 0) return failed(name, "can't be written");
  }
  if (!io::sync_folder(folder)) return failed(folder, "can't be written");
  return {};
}

Result<Manifest> read(const std::string& folder) {
  const std::string name = folder + "/" + kManifestName;
  std::string text;
  const auto done = read_file(name, [&](ByteView piece) {
    text += as_text(piece);
    errno = EFBIG;
    return text.size() <= kManifestMax;
  });
  if (!done) return tl::unexpected(done.error());
  auto manifest = parse_manifest(text);
  if (!manifest) return wrong(name, manifest.error().reason);
  return manifest;
}

Result<void> verify(const std::string& folder, const Manifest& manifest) {
  for (const File& file : manifest.files) {
    const auto found = describe(folder, file.name);
    if (!found) return tl::unexpected(found.error());
    if (*found != file) return wrong(folder + "/" + file.name, "isn't what the backup's list says: it was changed or damaged");
  }
  return {};
}

Result<void> restore(const std::string& folder, const Manifest& manifest, const std::string& store) {
  std::error_code error;
  std::vector<std::string> names{"store", "fleet", "values"};
  for (const File& file : manifest.files) {
    if (file.name.starts_with("image-")) names.push_back(file.name);
  }
  for (const std::string& name : names) {
    // A log of SQLite's beside a file that isn't its own would be worked into it.
    for (const char* const beside : {"", "-wal", "-shm", "-journal"}) {
      const std::string there = place_of(name, store) + beside;
      if (fs::exists(there, error)) return wrong(there, "is there already; move it away before restoring");
    }
  }
  if (auto whole = verify(folder, manifest); !whole) return whole;
  const std::string images = store + ".images";
  if (::mkdir(images.c_str(), S_IRWXU) != 0 && errno != EEXIST) return failed(images, "can't be made");
  // The store itself last.
  std::vector<File> files = manifest.files;
  std::stable_partition(files.begin(), files.end(), [](const File& file) { return file.name != "store"; });
  for (const File& file : files) {
    if (auto done = copy(folder + "/" + file.name, place_of(file.name, store)); !done) return done;
  }
  if (!io::sync_folder(images) || !io::sync_folder(fs::absolute(store).parent_path().string())) return failed(store, "can't be written");
  return {};
}

}  // namespace drover::backup
