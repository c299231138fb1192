// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace drover::server {

/// An array that grows by whole chunks and never moves an element: no copy of everything when it grows, no room kept
/// for twice as many.
template <class T, std::size_t kChunk = 1024>
class ChunkedArray {
 public:
  [[nodiscard]] T& operator[](std::size_t index) { return chunks_[index / kChunk][index % kChunk]; }
  [[nodiscard]] const T& operator[](std::size_t index) const { return chunks_[index / kChunk][index % kChunk]; }

  /// Appends a default-constructed element and gives its index.
  std::size_t grow() {
    if (size_ % kChunk == 0) chunks_.push_back(std::make_unique<T[]>(kChunk));
    return size_++;
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::vector<std::unique_ptr<T[]>> chunks_;
  std::size_t size_ = 0;
};

}  // namespace drover::server
