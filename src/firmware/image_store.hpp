// SPDX-License-Identifier: Apache-2.0
// The firmware image on disk.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "client/objects/firmware_object.hpp"

namespace drover::firmware {

/// A folder with at most one whole image, and one that is arriving. A whole image has its name only once its bytes are
/// safe: fsync(2), then rename(2). Blocks as writing a file does.
class ImageStore final : public client::FirmwareSink {
 public:
  /// `size_max` in bytes.
  ImageStore(std::string folder, std::uint64_t size_max) : folder_(std::move(folder)), size_max_(size_max) {}
  ~ImageStore() override;
  ImageStore(const ImageStore&) = delete;
  ImageStore& operator=(const ImageStore&) = delete;

  /// Makes the folder where it is missing, so that only the user may look into it.
  Result<void> make_folder() const;

  // A pushed image.
  Stored begin() override;
  Stored append(ByteView bytes) override;
  Stored finish() override;
  /// Also of fetched ones.
  void discard() override;

  /// Where the fetching program writes; another file than a push's, so that a late child can't spoil one.
  [[nodiscard]] std::string fetched_file() const { return folder_ + "/fetched.part"; }
  /// The fetched file is whole.
  Stored finish_fetched();
  /// Bytes of the fetched file; 0 without one.
  [[nodiscard]] std::uint64_t fetched_size() const;

  /// The whole image.
  [[nodiscard]] std::string image_file() const { return folder_ + "/image"; }
  [[nodiscard]] bool has_image() const;
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::uint64_t size_max() const { return size_max_; }

 private:
  [[nodiscard]] std::string pushed_file() const { return folder_ + "/pushed.part"; }
  Stored adopt(const std::string& file) const;
  void close_push();

  std::string folder_;
  std::uint64_t size_max_;
  std::uint64_t size_ = 0;
  int fd_ = -1;
};

/// What the Update Result says for an errno: OutOfMemory for ENOMEM, NoSpace for whatever else keeps a file from being
/// written. There is no value for a broken disk, and to a server it is one without room.
client::FirmwareResult result_of_errno(int code);

/// Puts a text into a file so that there is the old or the new one at any moment, whatever happens.
Result<void> write_atomically(const std::string& file, std::string_view text);

}  // namespace drover::firmware
