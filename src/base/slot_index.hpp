// SPDX-License-Identifier: Apache-2.0
// A hash index of u32 slot numbers over records that live elsewhere: six bytes a cell, no key of its own.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace drover {

/// Maps a 64-bit hash to the slot of the record that has it; whether a candidate is the wanted one is asked of the
/// caller. Open addressing with the Robin Hood rule (an element that is farther from its home takes the cell of one
/// that is nearer), so a search ends at the first nearer element, and a deletion shifts back instead of leaving a
/// tombstone. The hash must be keyed by a secret when peers choose the keys.
class SlotIndex {
 public:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  /// The slot for which `is_it(slot)` holds among those inserted with `hash`, or kNone.
  template <class IsIt>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, IsIt is_it) const {
    if (size_ == 0) return kNone;
    std::size_t at = home(hash);
    for (std::uint32_t mark = first_mark(hash);; mark += kStep) {
      if ((cells_[at].mark >> 8) < (mark >> 8)) return kNone;
      if (cells_[at].mark == mark && is_it(slot_at(at))) return slot_at(at);
      at = (at + 1) & mask();
    }
  }

  /// Adds a slot that isn't in the index. `hash_of(slot)` gives the hash of any slot in it, for when it grows.
  template <class HashOf>
  void insert(std::uint64_t hash, std::uint32_t slot, HashOf hash_of) {
    assert(slot != kNone);
    if (cells_.empty() || size_ + 1 > cells_.size() / kLoadDenominator * kLoadNumerator) {
      rebuild(cells_.empty() ? kCellsMin : cells_.size() * 2, hash_of);
    }
    place(hash, slot, hash_of);
    ++size_;
  }

  /// Takes out a slot that was inserted with `hash`; the table gives memory back when it has become sparse.
  template <class HashOf>
  void erase(std::uint64_t hash, std::uint32_t slot, HashOf hash_of) {
    std::size_t at = cell_of(hash, slot);
    for (std::size_t next = (at + 1) & mask(); (cells_[next].mark >> 8) > 1; next = (next + 1) & mask()) {
      cells_[at] = cells_[next];
      cells_[at].mark = static_cast<std::uint16_t>(cells_[at].mark - kStep);
      at = next;
    }
    cells_[at].mark = 0;
    --size_;
    if (cells_.size() > kCellsMin && size_ < cells_.size() / kSparse) rebuild(cells_.size() / 2, hash_of);
  }

  /// Puts `to` in the place of `from`; both have this hash.
  void replace(std::uint64_t hash, std::uint32_t from, std::uint32_t to) {
    Cell& cell = cells_[cell_of(hash, from)];
    cell.slot_low = static_cast<std::uint16_t>(to & 0xFFFF);
    cell.slot_high = static_cast<std::uint16_t>(to >> 16);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Bytes held.
  [[nodiscard]] std::size_t memory() const { return cells_.capacity() * sizeof(Cell); }

 private:
  static constexpr std::size_t kCellsMin = 16;
  // Grows at 13/16 = 0.81: a Robin Hood search for an absent key then looks at about three cells.
  static constexpr std::size_t kLoadNumerator = 13;
  static constexpr std::size_t kLoadDenominator = 16;
  static constexpr std::size_t kSparse = 8;  ///< halves below 1/8, so that it neither grows nor shrinks at once again
  static constexpr std::uint32_t kStep = 1U << 8;
  static constexpr std::uint32_t kMarkEnd = 0x10000;

  /// `mark` is (distance from home + 1) << 8 | eight bits of the hash, 0 for an empty cell. The slot is split in two
  /// halves so that a cell is six bytes.
  struct Cell {
    std::uint16_t mark = 0;
    std::uint16_t slot_low = 0;
    std::uint16_t slot_high = 0;
  };
  static_assert(sizeof(Cell) == 6);

  [[nodiscard]] std::size_t mask() const { return cells_.size() - 1; }
  [[nodiscard]] std::size_t home(std::uint64_t hash) const { return static_cast<std::size_t>(hash) & mask(); }
  static std::uint32_t first_mark(std::uint64_t hash) { return kStep | static_cast<std::uint32_t>(hash >> 56); }
  [[nodiscard]] std::uint32_t slot_at(std::size_t at) const {
    return static_cast<std::uint32_t>(cells_[at].slot_high) << 16 | cells_[at].slot_low;
  }

  /// Where a slot is that must be in the index.
  [[nodiscard]] std::size_t cell_of(std::uint64_t hash, std::uint32_t slot) const {
    assert(size_ > 0);
    std::size_t at = home(hash);
    for (std::uint32_t mark = first_mark(hash); cells_[at].mark != mark || slot_at(at) != slot; mark += kStep) {
      assert((cells_[at].mark >> 8) >= (mark >> 8));
      at = (at + 1) & mask();
    }
    return at;
  }

  template <class HashOf>
  void place(std::uint64_t hash, std::uint32_t slot, HashOf& hash_of) {
    std::size_t at = home(hash);
    for (std::uint32_t mark = first_mark(hash);; mark += kStep) {
      if (mark >= kMarkEnd) {
        // 255 cells from home: with a keyed hash only a table that is far too full gets here. The element in hand may
        // be another than the one we began with, as places were swapped.
        rebuild(cells_.size() * 2, hash_of);
        at = home(hash_of(slot));
        mark = first_mark(hash_of(slot));
      }
      Cell& cell = cells_[at];
      if ((cell.mark >> 8) < (mark >> 8)) {
        const Cell taken{static_cast<std::uint16_t>(mark), static_cast<std::uint16_t>(slot & 0xFFFF),
                         static_cast<std::uint16_t>(slot >> 16)};
        const Cell moved = std::exchange(cell, taken);
        if (moved.mark == 0) return;
        slot = static_cast<std::uint32_t>(moved.slot_high) << 16 | moved.slot_low;
        mark = moved.mark;
      }
      at = (at + 1) & mask();
    }
  }

  template <class HashOf>
  void rebuild(std::size_t cells, HashOf& hash_of) {
    assert(cells <= std::size_t{1} << 31);
    const std::vector<Cell> old = std::exchange(cells_, std::vector<Cell>(cells));
    for (const Cell& cell : old) {
      if (cell.mark == 0) continue;
      const std::uint32_t slot = static_cast<std::uint32_t>(cell.slot_high) << 16 | cell.slot_low;
      place(hash_of(slot), slot, hash_of);
    }
  }

  std::vector<Cell> cells_;
  std::size_t size_ = 0;
};

/// Sixteen indexes chosen by the hash: growing one moves a sixteenth of the elements, so no datagram waits for all of
/// them.
class ShardedSlotIndex {
 public:
  static constexpr std::uint32_t kNone = SlotIndex::kNone;

  template <class IsIt>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, IsIt is_it) const {
    return shards_[shard(hash)].find(hash, is_it);
  }
  template <class HashOf>
  void insert(std::uint64_t hash, std::uint32_t slot, HashOf hash_of) {
    shards_[shard(hash)].insert(hash, slot, hash_of);
  }
  template <class HashOf>
  void erase(std::uint64_t hash, std::uint32_t slot, HashOf hash_of) {
    shards_[shard(hash)].erase(hash, slot, hash_of);
  }
  void replace(std::uint64_t hash, std::uint32_t from, std::uint32_t to) {
    shards_[shard(hash)].replace(hash, from, to);
  }
  [[nodiscard]] std::size_t memory() const {
    std::size_t sum = 0;
    for (const SlotIndex& index : shards_) sum += index.memory();
    return sum;
  }

 private:
  static constexpr std::size_t kShards = 16;
  static std::size_t shard(std::uint64_t hash) { return (hash >> 48) % kShards; }
  std::array<SlotIndex, kShards> shards_;
};

}  // namespace drover
