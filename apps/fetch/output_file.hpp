// SPDX-License-Identifier: Apache-2.0
// The file that is fetched into, and what the parent is told of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "client/objects/firmware_update.hpp"

namespace drover::fetch {

/// Prints "etag=ETAG size=BYTES" when a representation begins and "offset=BYTES" when so much is safe on disk, at most
/// once in kReportEvery. After an error, failure() says what the result is.
class OutputFile {
 public:
  static constexpr Duration kReportEvery = std::chrono::seconds(1);

  explicit OutputFile(std::uint64_t size_max) : size_max_(size_max) {}
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Keeps the first `offset` bytes of what there is, fewer when there are fewer, and nothing without an `etag`.
  bool open(const std::string& name, std::uint64_t offset, std::string etag);

  /// The bytes from `offset` on follow, of the representation `etag` ("" without one) with `size` bytes in all, where
  /// the server says so. What is behind `offset` is cut off.
  bool begin(std::uint64_t offset, const std::string& etag, std::optional<std::uint64_t> size);
  bool append(ByteView bytes);
  /// The server has no more. False when less came than was announced, without a failure(), or when the disk failed.
  bool finish();
  /// What is there is of no use for another attempt.
  void forget();
  /// The link is lost: tells the parent how much is safe.
  void pause();

  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] const std::string& etag() const { return etag_; }
  [[nodiscard]] std::optional<client::FirmwareResult> failure() const { return failure_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  bool fail(client::FirmwareResult result, std::string reason);
  bool fail_with_errno(const char* what);
  bool has_room(std::uint64_t size);
  bool report();

  std::uint64_t size_max_;
  int fd_ = -1;
  std::uint64_t offset_ = 0;
  std::string etag_;
  std::optional<std::uint64_t> size_;
  std::optional<Instant> reported_;
  std::optional<client::FirmwareResult> failure_;
  std::string reason_;
};

}  // namespace drover::fetch
