// SPDX-License-Identifier: Apache-2.0
// Files that devices may fetch from the server they are registered with.
#pragma once

#include <memory>
#include <string_view>

#include "base/bytes.hpp"

namespace drover::server {

/// Content that doesn't change while somebody holds it.
class File {
 public:
  virtual ~File() = default;
  [[nodiscard]] virtual ByteView bytes() const = 0;
  /// 1 to 8 bytes (RFC 7252 §5.10.6); the same for the same content, over restarts, too.
  [[nodiscard]] virtual ByteView etag() const = 0;
};

/// Thread-safe, and must not block.
class Files {
 public:
  virtual ~Files() = default;
  /// `path` without the first slash: "fw/abc". nullptr when there is none.
  [[nodiscard]] virtual std::shared_ptr<const File> find_file(std::string_view path) const = 0;
};

}  // namespace drover::server
