// SPDX-License-Identifier: Apache-2.0
#include "sms/user_data.hpp"

#include <algorithm>
#include <cassert>

#include "base/reader.hpp"

namespace drover::sms {
namespace {

enum Element : std::uint8_t {
  kConcatenation8 = 0x00,
  kPorts8 = 0x04,
  kPorts16 = 0x05,
  kConcatenation16 = 0x08,
  kCommandPacket = 0x70,
  kResponsePacket = 0x71,
};

/// Octets of an element with IEI and length.
constexpr std::size_t kConcatenationSize = 5;
constexpr std::size_t kPortsSize = 6;
constexpr std::size_t kPacketTypeSize = 2;

tl::unexpected<Error> malformed(const char* reason) {
  return peer_error(0, reason);
}

Result<void> read_concatenation(ByteReader body, bool is_wide, UserDataHeader& header) {
  const auto reference = body.uint(is_wide ? 2 : 1);
  const auto count = body.u8();
  const auto number = body.u8();
  if (!reference || !count || !number || !body.empty()) return malformed("a concatenation of a wrong size");
  if (*number == 0 || *number > *count) return {};
  header.concatenation = Concatenation{is_wide, static_cast<std::uint16_t>(*reference), *count, *number};
  return {};
}

Result<void> read_ports(ByteReader body, std::size_t width, UserDataHeader& header) {
  const auto destination = body.uint(width);
  const auto source = body.uint(width);
  if (!destination || !source || !body.empty()) return malformed("application ports of a wrong size");
  header.ports = Ports{static_cast<std::uint16_t>(*destination), static_cast<std::uint16_t>(*source)};
  return {};
}

Result<void> read_packet_type(ByteView body, PacketType type, UserDataHeader& header) {
  if (!body.empty()) return malformed("a secured packet's element with a content");
  if (header.packet != PacketType::None && header.packet != type)
    return malformed("a command packet that is a response packet");
  header.packet = type;
  return {};
}

Result<void> read_element(std::uint8_t element, ByteView body, UserDataHeader& header) {
  switch (element) {
    case kConcatenation8: return read_concatenation(ByteReader(body), false, header);
    case kConcatenation16: return read_concatenation(ByteReader(body), true, header);
    case kPorts8: return read_ports(ByteReader(body), 1, header);
    case kPorts16: return read_ports(ByteReader(body), 2, header);
    case kCommandPacket: return read_packet_type(body, PacketType::Command, header);
    case kResponsePacket: return read_packet_type(body, PacketType::Response, header);
    default: return {};
  }
}

/// Of the header with these elements, its length octet included.
std::size_t header_size(bool is_part, bool ports, bool packet_type) {
  const std::size_t elements =
      (is_part ? kConcatenationSize : 0) + (ports ? kPortsSize : 0) + (packet_type ? kPacketTypeSize : 0);
  return elements == 0 ? 0 : 1 + elements;
}

Bytes with_header(const UserDataHeader& header, ByteView text) {
  Bytes octets = header.octets();
  octets.insert(octets.end(), text.begin(), text.end());
  return octets;
}

}  // namespace

Bytes UserDataHeader::octets() const {
  ByteWriter writer;
  writer.u8(0);
  if (concatenation) {
    writer.u8(concatenation->is_wide ? kConcatenation16 : kConcatenation8);
    writer.u8(concatenation->is_wide ? 4 : 3);
    writer.uint(concatenation->reference, concatenation->is_wide ? 2 : 1);
    writer.u8(concatenation->count);
    writer.u8(concatenation->number);
  }
  if (ports) {
    writer.u8(kPorts16);
    writer.u8(4);
    writer.u16(ports->destination);
    writer.u16(ports->source);
  }
  if (packet != PacketType::None) {
    writer.u8(packet == PacketType::Command ? kCommandPacket : kResponsePacket);
    writer.u8(0);
  }
  Bytes octets = writer.take();
  if (octets.size() == 1) return {};
  octets.front() = static_cast<std::uint8_t>(octets.size() - 1);
  return octets;
}

Result<UserData> parse_user_data(ByteView octets, bool has_header) {
  UserData data;
  data.text = octets;
  if (!has_header) return data;
  ByteReader reader(octets);
  const auto size = reader.u8();
  if (!size) return malformed("a short message without the header that it announces");
  const auto elements = reader.bytes(*size);
  if (!elements) return malformed("a header that is longer than its short message");
  data.text = reader.rest();
  ByteReader rest(*elements);
  while (!rest.empty()) {
    const auto element = rest.u8();
    const auto length = rest.u8();
    if (!length) return malformed("an information element without length");
    const auto body = rest.bytes(*length);
    if (!body) return malformed("an information element that is longer than the header");
    if (auto fine = read_element(*element, *body, data.header); !fine) return tl::unexpected(std::move(fine.error()));
  }
  return data;
}

bool is_8bit(std::uint8_t dcs) {
  constexpr std::uint8_t kAlphabet = 0x0C;
  switch (dcs >> 4) {
    case 0x0:
    case 0x1:
    case 0x4:
    case 0x5: return (dcs & kAlphabet) == 0x04;  // general coding, uncompressed
    case 0xF: return (dcs & 0x04) != 0;          // coding with a message class
    default: return false;
  }
}

std::size_t room(std::size_t parts, bool ports, PacketType packet) {
  const bool is_packet = packet != PacketType::None;
  if (parts == 0) return 0;
  if (parts == 1) return kUserDataMax - header_size(false, ports, is_packet);
  const std::size_t first = kUserDataMax - header_size(true, ports, is_packet);
  return first + (std::min(parts, kPartsMax) - 1) * (kUserDataMax - header_size(true, ports, false));
}

std::vector<Bytes> split(ByteView message, const std::optional<Ports>& ports, PacketType packet,
                         std::uint8_t reference) {
  std::size_t count = 1;
  while (count < kPartsMax && room(count, ports.has_value(), packet) < message.size()) ++count;
  assert(message.size() <= room(count, ports.has_value(), packet));
  if (count == 1) return {with_header({std::nullopt, ports, packet}, message)};
  std::vector<Bytes> parts;
  parts.reserve(count);
  for (std::size_t number = 1; number <= count; ++number) {
    const Concatenation part{false, reference, static_cast<std::uint8_t>(count), static_cast<std::uint8_t>(number)};
    const UserDataHeader header{part, ports, number == 1 ? packet : PacketType::None};
    const std::size_t size = std::min(message.size(), kUserDataMax - header.octets().size());
    parts.push_back(with_header(header, message.first(size)));
    message = message.subspan(size);
  }
  return parts;
}

}  // namespace drover::sms
