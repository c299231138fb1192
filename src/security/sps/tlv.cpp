// SPDX-License-Identifier: Apache-2.0
#include <cassert>

#include "base/reader.hpp"
#include "security/sps/packet.hpp"

namespace drover::security::sps {
namespace {

/// First octet of a length: below it the length itself, else how many octets of it follow.
constexpr std::uint8_t kLongForm = 0x80;
constexpr std::size_t kLengthOctetsMax = 2;

std::size_t length_octets(std::size_t size) {
  if (size < kLongForm) return 0;
  return size <= 0xFF ? 1 : kLengthOctetsMax;
}

}  // namespace

std::size_t wrap_overhead(std::size_t message_size) {
  return 2 + length_octets(message_size);
}

Bytes wrap(std::uint8_t tag, ByteView message) {
  assert(message.size() <= 0xFFFF);
  const std::size_t octets = length_octets(message.size());
  ByteWriter writer;
  writer.reserve(wrap_overhead(message.size()) + message.size());
  writer.u8(tag);
  if (octets > 0) writer.u8(static_cast<std::uint8_t>(kLongForm | octets));
  writer.uint(message.size(), octets > 0 ? octets : 1);
  writer.bytes(message);
  return writer.take();
}

Result<ByteView> unwrap(std::uint8_t tag, ByteView data) {
  ByteReader reader(data);
  const auto found = reader.u8();
  if (!found) return peer_error(0, "a secured packet without a message");
  if (*found != tag) return peer_error(0, "a secured packet with another tag than CoAP's");
  auto length = reader.uint(1);
  if (length && *length >= kLongForm) {
    const std::size_t octets = *length & 0x7F;
    if (octets == 0 || octets > kLengthOctetsMax) return peer_error(0, "a length in a form that no message needs");
    length = reader.uint(octets);
  }
  if (!length || *length != reader.remaining()) return peer_error(0, "a message of another length than it says");
  return reader.rest();
}

}  // namespace drover::security::sps
