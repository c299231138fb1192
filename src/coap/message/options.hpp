// SPDX-License-Identifier: Apache-2.0
// The options of a message as one small buffer, kept in the order of their numbers (RFC 7252 §3.1).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "coap/message/block.hpp"

namespace drover::coap {

/// Option numbers of RFC 7252 §12.2, RFC 7641 §6 and RFC 7959 §6.
enum class OptionNumber : std::uint16_t {
  IfMatch = 1,
  UriHost = 3,
  ETag = 4,
  IfNoneMatch = 5,
  Observe = 6,
  UriPort = 7,
  LocationPath = 8,
  UriPath = 11,
  ContentFormat = 12,
  MaxAge = 14,
  UriQuery = 15,
  Accept = 17,
  LocationQuery = 20,
  Block2 = 23,
  Block1 = 27,
  Size2 = 28,
  ProxyUri = 35,
  ProxyScheme = 39,
  Size1 = 60,
};

/// RFC 7252 §5.4.1: odd numbers are critical.
constexpr bool is_critical(std::uint16_t number) {
  return (number & 1) != 0;
}

/// A content-format number (RFC 7252 §12.3). LwM2M's are in lwm2m/content/format.hpp.
using ContentFormat = std::uint16_t;
inline constexpr ContentFormat kLinkFormat = 40;  ///< application/link-format, RFC 6690

/// Ordered multi-set of (number, value). Copies are deep; iteration yields views into the buffer, valid until the next
/// change. Values longer than kOptionValueMax can't be added (add() asserts; decode refuses them).
class Options {
 public:
  static constexpr std::size_t kOptionValueMax = 1034;  ///< the longest value any defined option has (Proxy-Uri)

  struct View {
    std::uint16_t number;
    ByteView value;
  };

  class Iterator {
   public:
    using value_type = View;
    Iterator(const std::uint8_t* at, const std::uint8_t* end) : at_(at), end_(end) {}
    View operator*() const;
    Iterator& operator++();
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
  };

  [[nodiscard]] Iterator begin() const { return {buffer_.data(), buffer_.data() + buffer_.size()}; }
  [[nodiscard]] Iterator end() const { return {buffer_.data() + buffer_.size(), buffer_.data() + buffer_.size()}; }
  [[nodiscard]] bool empty() const { return buffer_.empty(); }

  /// Inserts behind all options with a number up to and including this one.
  void add(std::uint16_t number, ByteView value);
  void add(OptionNumber number, ByteView value) { add(static_cast<std::uint16_t>(number), value); }
  void add(OptionNumber number, std::string_view value) { add(number, as_bytes(value)); }
  /// Unsigned integer in the shortest form (RFC 7252 §3.2).
  void add_uint(OptionNumber number, std::uint64_t value);
  /// As add(), for a number that no option here exceeds: constant time, the way a decoder fills a message.
  /// `value` must not point into this object.
  void append(std::uint16_t number, ByteView value);
  /// Makes room for `count` options with `value_bytes` bytes of values in all.
  void reserve(std::size_t count, std::size_t value_bytes);
  void remove(OptionNumber number);
  /// Replaces every occurrence by one.
  void set(OptionNumber number, ByteView value);
  void set_uint(OptionNumber number, std::uint64_t value);

  [[nodiscard]] bool has(OptionNumber number) const { return first(number).has_value(); }
  [[nodiscard]] std::optional<ByteView> first(OptionNumber number) const;
  /// The first occurrence as unsigned integer; nothing when absent or longer than 8 bytes.
  [[nodiscard]] std::optional<std::uint64_t> uint(OptionNumber number) const;
  /// Every occurrence as text, in order. The views point into this object.
  [[nodiscard]] std::vector<std::string_view> texts(OptionNumber number) const;

  [[nodiscard]] std::optional<ContentFormat> content_format() const;
  [[nodiscard]] std::optional<ContentFormat> accept() const;
  [[nodiscard]] std::optional<std::uint32_t> observe() const;
  /// Nothing when absent; SZX 7 (reserved over UDP, RFC 7959 §2.2) and longer than 3 bytes give nothing too. has()
  /// tells the two apart: bad_critical() passes SZX 7, since a request with it is answered 4.00 and not 4.02.
  [[nodiscard]] std::optional<Block> block1() const;
  [[nodiscard]] std::optional<Block> block2() const;

  void set_content_format(ContentFormat format) { set_uint(OptionNumber::ContentFormat, format); }
  void set_accept(ContentFormat format) { set_uint(OptionNumber::Accept, format); }
  void set_observe(std::uint32_t value) { set_uint(OptionNumber::Observe, value & 0xFFFFFF); }
  void set_block1(Block block);
  void set_block2(Block block);

  /// Splits "/a/b" or "a/b" into Uri-Path options; no percent-decoding. "" and "/" add none.
  void add_uri_path(std::string_view path);
  void add_location_path(std::string_view path);
  /// Joined with a leading '/', "/" when there is none.
  [[nodiscard]] std::string uri_path() const;
  [[nodiscard]] std::string location_path() const;

  /// The number of the first critical option this stack doesn't know, that is repeated though it may not be, or whose
  /// length or value is outside the table of RFC 7252 §5.10 (an ill-formed elective option is ignored, §5.4.3).
  /// What the caller makes of it: 4.02, Reset or silence (RFC 7252 §5.4.1).
  [[nodiscard]] std::optional<std::uint16_t> bad_critical() const;
  /// Takes out elective options that are unknown, repeated though they may not be, or ill-formed (RFC 7252 §5.4.1,
  /// §5.4.3, §5.4.5).
  void drop_bad_elective();

  friend bool operator==(const Options&, const Options&) = default;

 private:
  Bytes buffer_;  ///< repeated: number (2 bytes, native), length (2 bytes, native), value
};

}  // namespace drover::coap
