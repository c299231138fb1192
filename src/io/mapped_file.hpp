// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/bytes.hpp"

namespace drover::io {

/// A file's bytes, as long as somebody uses them, also when its name is gone. Nobody may change the file meanwhile.
class MappedFile {
 public:
  /// nullptr for what isn't a file, or can't be read.
  static std::shared_ptr<const MappedFile> open(const std::string& name);

  MappedFile(void* at, std::size_t size) : at_(at), size_(size) {}
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  [[nodiscard]] ByteView bytes() const { return {static_cast<const std::uint8_t*>(at_), size_}; }

 private:
  void* at_;
  std::size_t size_;
};

}  // namespace drover::io
