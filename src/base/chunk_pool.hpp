// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace drover {

/// Numbered slots in chunks of `kChunk`: growing moves nothing, a chunk that has become empty is given back. A slot is
/// a T that the user resets; it isn't destroyed between two uses. `T::newer` (u32) links free slots.
template <class T, std::uint32_t kChunk>
class ChunkPool {
 public:
  [[nodiscard]] T& operator[](std::uint32_t slot) { return chunks_[slot / kChunk].slots[slot % kChunk]; }
  [[nodiscard]] const T& operator[](std::uint32_t slot) const { return chunks_[slot / kChunk].slots[slot % kChunk]; }

  std::uint32_t allocate() {
    if (with_space_ == kNone) add_chunk();
    Chunk& chunk = chunks_[with_space_];
    const std::uint32_t slot = chunk.free;
    chunk.free = (*this)[slot].newer;
    if (++chunk.used == kChunk) leave(with_space_);
    return slot;
  }

  void release(std::uint32_t slot) {
    const std::uint32_t number = slot / kChunk;
    Chunk& chunk = chunks_[number];
    assert(chunk.used > 0);
    if (chunk.used == kChunk) join(number);
    --chunk.used;
    (*this)[slot].newer = chunk.free;
    chunk.free = slot;
    // The last chunk with space stays, so that a table of one element doesn't allocate a chunk for each.
    if (chunk.used > 0 || (chunk.previous == kNone && chunk.next == kNone)) return;
    leave(number);
    chunk.slots.reset();
    chunk.next = absent_;
    absent_ = number;
  }

  /// Bytes held.
  [[nodiscard]] std::size_t memory() const {
    return present_chunks() * kChunk * sizeof(T) + chunks_.capacity() * sizeof(Chunk);
  }

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  struct Chunk {
    std::unique_ptr<T[]> slots;
    std::uint32_t free = kNone;
    std::uint32_t used = 0;
    std::uint32_t previous = kNone;  ///< neighbours among the chunks with space
    std::uint32_t next = kNone;      ///< or the next absent chunk
  };

  [[nodiscard]] std::size_t present_chunks() const {
    std::size_t count = 0;
    for (const Chunk& chunk : chunks_) count += chunk.slots ? 1U : 0U;
    return count;
  }

  void add_chunk() {
    std::uint32_t number = absent_;
    if (number == kNone) {
      number = static_cast<std::uint32_t>(chunks_.size());
      chunks_.emplace_back();
    } else {
      absent_ = chunks_[number].next;
    }
    Chunk& chunk = chunks_[number];
    chunk.slots = std::make_unique<T[]>(kChunk);
    chunk.free = kNone;
    for (std::uint32_t i = kChunk; i > 0; --i) {
      chunk.slots[i - 1].newer = chunk.free;
      chunk.free = number * kChunk + i - 1;
    }
    join(number);
  }

  void join(std::uint32_t number) {
    chunks_[number].previous = kNone;
    chunks_[number].next = with_space_;
    if (with_space_ != kNone) chunks_[with_space_].previous = number;
    with_space_ = number;
  }

  void leave(std::uint32_t number) {
    const Chunk& chunk = chunks_[number];
    (chunk.previous == kNone ? with_space_ : chunks_[chunk.previous].next) = chunk.next;
    if (chunk.next != kNone) chunks_[chunk.next].previous = chunk.previous;
  }

  std::vector<Chunk> chunks_;
  std::uint32_t with_space_ = kNone;  ///< the first chunk with a free slot
  std::uint32_t absent_ = kNone;      ///< the first number whose chunk was given back
};

}  // namespace drover
