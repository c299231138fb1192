// SPDX-License-Identifier: Apache-2.0
// Elements of tag, length and value, by the basic encoding rules of ASN.1 (ITU-T X.690 §8.1; ISO/IEC 7816-4 §5.2.2), as
// cards write them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace drover::smartcard::ber {

inline constexpr std::size_t kTagMax = 3;            ///< octets of a tag
inline constexpr std::size_t kLengthMax = 0xFFFFFF;  ///< what 83 and three octets can say

/// The tag's octets as one number: 0x62, 0x9F26.
using Tag = std::uint32_t;

/// What a Reader found. Borrows the octets that the reader borrows.
struct Element {
  Tag tag = 0;
  ByteView value = {};
  std::size_t at = 0;        ///< octet where the tag begins
  std::size_t value_at = 0;  ///< octet where the value begins
};

/// Reads elements one behind the other. The octets outlive it.
class Reader {
 public:
  /// `at` is where the octets begin in their file, for errors.
  explicit Reader(ByteView octets, std::size_t at = 0) : octets_(octets), at_(at) {}
  /// Of what is inside of an element.
  explicit Reader(const Element& element) : Reader(element.value, element.value_at) {}

  /// The next element; nothing at the end, which is where padding begins, too: FF or 00 in place of a tag. Lengths are
  /// definite. An error says at which octet what is cut off or can't be; after it there is nothing more.
  Result<std::optional<Element>> next();
  /// Where the next element would begin, or the padding does.
  [[nodiscard]] std::size_t at() const { return at_; }

 private:
  tl::unexpected<Error> fail(const char* reason);

  ByteView octets_;
  std::size_t at_;
};

/// The first element with that tag among those directly in `octets`; nothing when there is none. An error: what is in
/// front of it, or it, can't be read.
Result<std::optional<Element>> find(ByteView octets, Tag tag, std::size_t at = 0);
inline Result<std::optional<Element>> find(const Element& in, Tag tag) { return find(in.value, tag, in.value_at); }

/// An unsigned number, most significant octet first, as INTEGER (X.690 §8.3) and FCP have it. Nothing when it is empty,
/// negative where `is_signed`, or past 32 bits.
std::optional<std::uint32_t> number(ByteView value, bool is_signed);

/// An element whose value are the parts one behind the other, its length as short as can be. They are at most
/// kLengthMax octets.
Bytes element(Tag tag, std::initializer_list<ByteView> parts);
/// A number as the value of an INTEGER, as short as can be.
Bytes integer(std::uint32_t value);

}  // namespace drover::smartcard::ber
