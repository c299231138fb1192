// SPDX-License-Identifier: Apache-2.0
#include "smartcard/ber.hpp"

#include <cassert>
#include <string>

#include "base/reader.hpp"

namespace drover::smartcard::ber {
namespace {

constexpr std::uint8_t kMoreTag = 0x1F;        ///< in a tag's first octet: others follow (X.690 §8.1.2.4)
constexpr std::uint8_t kContinues = 0x80;      ///< in a following octet: it isn't the last
constexpr std::uint8_t kLongLength = 0x80;     ///< the lower bits say how many octets the length has
constexpr std::size_t kLengthOctetsMax = 3;

bool is_padding(std::uint8_t octet) { return octet == 0x00 || octet == 0xFF; }

}  // namespace

tl::unexpected<Error> Reader::fail(const char* reason) {
  octets_ = {};
  return peer_error(0, "octet " + std::to_string(at_) + ": " + reason);
}

Result<std::optional<Element>> Reader::next() {
  ByteReader reader(octets_);
  const auto first = reader.u8();
  if (!first || is_padding(*first)) {
    octets_ = {};
    return std::nullopt;
  }
  Element element{.tag = *first, .at = at_};
  if ((*first & kMoreTag) == kMoreTag) {
    std::uint8_t octet = kContinues;
    for (std::size_t i = 1; (octet & kContinues) != 0; ++i) {
      if (i == kTagMax) return fail("a tag of too many octets");
      if (reader.empty()) return fail("a tag that is cut off");
      octet = *reader.u8();
      element.tag = element.tag << 8 | octet;
    }
  }
  const auto length_octet = reader.u8();
  if (!length_octet) return fail("a length is missing");
  std::size_t length = *length_octet;
  if ((length & kLongLength) != 0) {
    const std::size_t width = length & 0x7F;
    if (width == 0) return fail("a length that isn't definite");
    if (width > kLengthOctetsMax) return fail("a length of too many octets");
    const auto long_length = reader.uint(width);
    if (!long_length) return fail("a length that is cut off");
    length = static_cast<std::size_t>(*long_length);
  }
  const std::size_t header = octets_.size() - reader.remaining();
  const auto value = reader.bytes(length);
  if (!value) return fail("a value that is cut off");
  element.value = *value;
  element.value_at = at_ + header;
  octets_ = reader.rest();
  at_ += header + length;
  return element;
}

Result<std::optional<Element>> find(ByteView octets, Tag tag, std::size_t at) {
  Reader reader(octets, at);
  while (true) {
    auto element = reader.next();
    if (!element || !*element || (*element)->tag == tag) return element;
  }
}

std::optional<std::uint32_t> number(ByteView value, bool is_signed) {
  if (value.empty() || (is_signed && (value.front() & 0x80) != 0)) return std::nullopt;
  std::uint64_t sum = 0;
  for (const std::uint8_t octet : value) {
    sum = sum << 8 | octet;
    if (sum > UINT32_MAX) return std::nullopt;
  }
  return static_cast<std::uint32_t>(sum);
}

Bytes element(Tag tag, std::initializer_list<ByteView> parts) {
  std::size_t length = 0;
  for (const ByteView part : parts) length += part.size();
  assert(length <= kLengthMax);
  ByteWriter writer;
  writer.reserve(kTagMax + 1 + kLengthOctetsMax + length);
  writer.uint(tag, tag > 0xFFFF ? 3 : tag > 0xFF ? 2 : 1);
  if (length < kLongLength) {
    writer.u8(static_cast<std::uint8_t>(length));
  } else {
    const std::size_t width = length > 0xFFFF ? 3 : length > 0xFF ? 2 : 1;
    writer.u8(static_cast<std::uint8_t>(kLongLength | width));
    writer.uint(length, width);
  }
  for (const ByteView part : parts) writer.bytes(part);
  return writer.take();
}

Bytes integer(std::uint32_t value) {
  ByteWriter writer;
  std::size_t width = 1;
  while (static_cast<std::uint64_t>(value) >> (8 * width - 1) != 0) ++width;
  writer.uint(value, width);
  return writer.take();
}

}  // namespace drover::smartcard::ber
