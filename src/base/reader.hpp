// SPDX-License-Identifier: Apache-2.0
// The one bounds-checked reader through which every parser of peer input reads, and its writing twin.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace drover {

/// Reads big-endian fields from borrowed bytes. A read past the end gives nothing and moves nothing.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
  [[nodiscard]] ByteView rest() const { return rest_; }

  std::optional<std::uint8_t> u8() {
    if (rest_.empty()) return std::nullopt;
    const std::uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }

  /// Unsigned integer of `width` bytes (0 to 8), network byte order.
  std::optional<std::uint64_t> uint(std::size_t width) {
    if (width > sizeof(std::uint64_t) || rest_.size() < width) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value = (value << 8) | rest_[i];
    rest_ = rest_.subspan(width);
    return value;
  }

  std::optional<std::uint16_t> u16() {
    const auto value = uint(2);
    if (!value) return std::nullopt;
    return static_cast<std::uint16_t>(*value);
  }

  std::optional<ByteView> bytes(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    const ByteView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

 private:
  ByteView rest_;
};

/// Appends big-endian fields to bytes it owns.
class ByteWriter {
 public:
  void u8(std::uint8_t value) { out_.push_back(value); }
  void u16(std::uint16_t value) { uint(value, 2); }
  void uint(std::uint64_t value, std::size_t width) {
    for (std::size_t i = width; i > 0; --i) out_.push_back(static_cast<std::uint8_t>(value >> ((i - 1) * 8)));
  }
  void bytes(ByteView view) { out_.insert(out_.end(), view.begin(), view.end()); }
  void reserve(std::size_t size) { out_.reserve(size); }

  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] ByteView view() const { return out_; }
  /// The bytes written so far; the writer is empty afterwards.
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

}  // namespace drover
