// SPDX-License-Identifier: Apache-2.0
// Firmware images: their content in files, what is known of them in a store.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "server/files.hpp"

namespace drover::store {
class StoreFile;
}

namespace drover::campaign {

struct Image {
  std::string name;
  std::string version;  ///< of the firmware, as /3/0/3 shows it; "" when nobody said
  Bytes sha256;
  std::uint64_t size = 0;
  std::string path;  ///< "fw/..." by which devices fetch it; nobody can guess it
  UnixSeconds uploaded_at = 0;
  std::string uploaded_by;
};

struct ImageLimits {
  std::uint64_t image_max = std::uint64_t{64} << 20;  ///< bytes of one
  std::uint64_t total_max = std::uint64_t{1} << 30;   ///< bytes of all, those that are being uploaded included
  std::size_t images_max = 1000;
  std::size_t uploads_max = 4;  ///< at once
};
/// Letters, digits, '.', '_', '-' and '+', not '.' first.
bool is_image_name(std::string_view name);
inline constexpr std::size_t kImageNameMax = 100;

/// Why something can't be.
struct Refusal {
  enum class Why : std::uint8_t { Invalid, NotFound, Conflict, Full, Busy, Unavailable };
  Why why{};
  std::string reason;
};
template <class T>
using Answer = tl::expected<T, Refusal>;

class Images;

/// An image that is arriving. Its file goes when it isn't finished.
class Upload {
 public:
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;
  /// Into the page cache: as fast as memory. Full past a limit, Unavailable for what the disk says; then it is over.
  Answer<void> append(ByteView bytes);
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  friend class Images;
  struct Digest;
  explicit Upload(Images& images);
  Images& images_;
  std::string file_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::unique_ptr<Digest> digest_;
};

/// Thread-safe. A file has its name, that is its sha256, only once its bytes are on disk.
class Images final : public server::Files {
 public:
  /// Makes the folder where it is missing (0700). Files that belong to no image are removed, images whose files are
  /// missing or of another size are an error, as is a content whose sha256 is another: Fault::Environment. Reads all
  /// files.
  static Result<std::unique_ptr<Images>> open(std::shared_ptr<store::StoreFile> store, std::string folder,
                                              ImageLimits limits);
  ~Images() override;

  /// Begins an upload; Busy when there are too many.
  Answer<std::shared_ptr<Upload>> begin();
  /// Blocks until it is on disk. Conflict for a name with another content or version; the same again gives what is there.
  Answer<Image> finish(Upload& upload, Image image);
  /// Blocks. Conflict while it is in use.
  Answer<Image> remove(const std::string& name);

  [[nodiscard]] std::vector<Image> all() const;  ///< by name
  [[nodiscard]] std::optional<Image> find(const std::string& name) const;
  [[nodiscard]] std::shared_ptr<const server::File> content(const std::string& name) const;
  /// By Image::path.
  [[nodiscard]] std::shared_ptr<const server::File> find_file(std::string_view path) const override;
  [[nodiscard]] const ImageLimits& limits() const { return limits_; }

  /// Campaigns that need it; one that is held isn't removed. False when there is no such image.
  bool hold(const std::string& name);
  void release(const std::string& name);

 private:
  friend class Upload;
  Images(std::shared_ptr<store::StoreFile> store, std::string folder, ImageLimits limits);
  struct Entry {
    Image image;
    std::shared_ptr<const server::File> file;
    std::size_t holders = 0;
  };
  Result<void> load();
  Result<void> sweep() const;
  Answer<Image> put(const std::string& temporary, Image image);
  [[nodiscard]] std::string file_of(const Bytes& sha256) const;
  [[nodiscard]] bool is_needed(const Bytes& sha256) const;

  std::shared_ptr<store::StoreFile> store_;
  const std::string folder_;
  const ImageLimits limits_;
  std::mutex disk_mutex_;     ///< one writer at a time; before mutex_, under which nobody waits for a disk
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string, std::less<>> by_path_;  ///< path to name
  std::uint64_t total_ = 0;  ///< of uploads and images, each content once for each image
  std::size_t uploads_ = 0;
  std::uint64_t next_upload_ = 1;
};

}  // namespace drover::campaign
