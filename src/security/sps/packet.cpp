// SPDX-License-Identifier: Apache-2.0
#include "security/sps/packet.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

#include "base/reader.hpp"

namespace drover::security::sps {
namespace {

constexpr std::size_t kLengthSize = 2;            ///< CPL, RPL
constexpr std::size_t kCounterSize = 5;           ///< CNTR
constexpr std::size_t kPaddingAt = kCounterSize;  ///< PCNTR

/// SPI (TS 102 225 §5.1.1). The first octet's lower bits: how a command is protected.
constexpr std::uint8_t kProtection = 0x07;
constexpr std::uint8_t kChecksumAndCiphering = 0x06;
/// The second octet: when there is a response, and how it is protected.
constexpr std::uint8_t kReceipt = 0x03;
constexpr std::uint8_t kReceiptAlways = 0x01;
constexpr std::uint8_t kReceiptProtection = 0x0C;
constexpr std::uint8_t kReceiptChecksum = 0x08;
constexpr std::uint8_t kReceiptCiphered = 0x10;

/// In front of a response, and part of what its checksum is about (3GPP TS 31.115 §4).
constexpr std::array<std::uint8_t, 3> kResponseUserDataHeader = {0x02, 0x71, 0x00};

tl::unexpected<Error> not_ours(const char* reason) {
  return peer_error(0, reason);
}

tl::unexpected<Error> our_error(const char* reason) {
  return tl::unexpected(Error{Fault::Us, 0, reason});
}

cipher::Algorithm cipher_of(const Parameters& parameters) {
  return parameters.algorithm() == Algorithm::Aes ? cipher::Algorithm::Aes : cipher::Algorithm::TripleDes;
}

}  // namespace

/// Where a command and a response differ.
struct Codec::Layout {
  ByteView in_front;                     ///< what the checksum is about, besides the packet
  std::array<std::uint8_t, 8> header{};  ///< from CHL or RHL to TAR
  std::size_t header_size = 0;
  bool has_status = false;
  bool is_ciphered = false;

  [[nodiscard]] ByteView header_view() const { return ByteView(header).first(header_size); }
  /// CPL or RPL, and the header.
  [[nodiscard]] std::size_t clear_size() const { return kLengthSize + header_size; }
  /// CNTR, PCNTR, and the status of a response.
  [[nodiscard]] std::size_t counter_size() const { return kCounterSize + 1 + (has_status ? 1 : 0); }
};

struct Codec::Fields {
  std::uint64_t counter = 0;
  Checksum checksum{};
  std::uint8_t status = 0;
  Bytes data = {};
};

const char* to_string(Status status) {
  switch (status) {
    case Status::Done: return "done";
    case Status::ChecksumFailed: return "checksum failed";
    case Status::CounterLow: return "counter low";
    case Status::CounterHigh: return "counter high";
    case Status::CounterBlocked: return "counter blocked";
    case Status::CipheringFailed: return "ciphering error";
    case Status::SecurityFailed: return "unidentified security error";
    case Status::MemoryFull: return "insufficient memory";
    case Status::MoreTime: return "more time";
    case Status::TarUnknown: return "TAR unknown";
    case Status::SecurityInsufficient: return "insufficient security level";
  }
  return "reserved status";
}

bool asks_receipt(const Parameters& parameters) {
  return (parameters.spi2 & kReceipt) == kReceiptAlways;
}

Codec::Codec(const Parameters& parameters, cipher::BlockCipher ciphering, cipher::Mac integrity)
    : parameters_(parameters), ciphering_(std::move(ciphering)), integrity_(std::move(integrity)) {}

Result<Codec> Codec::make(const Parameters& parameters, const Keys& keys) {
  if ((parameters.spi1 & kProtection) != kChecksumAndCiphering)
    return our_error("packets without checksum or ciphering");
  auto ciphering = cipher::BlockCipher::make(cipher_of(parameters), cipher::Mode::Cbc, keys.ciphering);
  if (!ciphering) return tl::unexpected(ciphering.error());
  auto integrity = cipher::Mac::make(cipher_of(parameters), keys.integrity);
  if (!integrity) return tl::unexpected(integrity.error());
  return Codec(parameters, std::move(*ciphering), std::move(*integrity));
}

Codec::Layout Codec::command_layout() const {
  Layout layout;
  const Parameters& p = parameters_;
  // CHL counts from SPI to the end of CC.
  layout.header = {13 + kChecksumSize, p.spi1, p.spi2, p.kic, p.kid, p.tar[0], p.tar[1], p.tar[2]};
  layout.header_size = 8;
  layout.is_ciphered = true;
  return layout;
}

Result<Codec::Layout> Codec::response_layout() const {
  if ((parameters_.spi2 & kReceipt) == 0) return our_error("the parameters ask for no proof of receipt");
  if ((parameters_.spi2 & kReceiptProtection) != kReceiptChecksum)
    return our_error("a proof of receipt without checksum");
  Layout layout;
  layout.in_front = kResponseUserDataHeader;
  // RHL counts from TAR to the end of CC.
  layout.header = {10 + kChecksumSize, parameters_.tar[0], parameters_.tar[1], parameters_.tar[2]};
  layout.header_size = 4;
  layout.has_status = true;
  layout.is_ciphered = (parameters_.spi2 & kReceiptCiphered) != 0;
  return layout;
}

Checksum Codec::checksum(const Layout& layout, ByteView header, ByteView counter, ByteView data) {
  const auto code = integrity_.over({layout.in_front, header, counter, data});
  Checksum checksum;
  std::copy_n(code.begin(), checksum.size(), checksum.begin());
  return checksum;
}

Result<Packet> Codec::encode(const Layout& layout, std::uint64_t counter, Status status, ByteView data) {
  if (counter >= kCounterBlocked) return our_error("the counter of this key is used up");
  const std::size_t block = layout.is_ciphered ? ciphering_.block_size() : 1;
  const std::size_t filled = layout.counter_size() + kChecksumSize + data.size();
  const std::size_t padding = (block - filled % block) % block;
  const std::size_t length = layout.header_size + filled + padding;
  if (data.size() > kPacketMax || length > kPacketMax) return our_error("too much for a secured packet");

  ByteWriter writer;
  writer.reserve(kLengthSize + length);
  writer.u16(static_cast<std::uint16_t>(length));
  writer.bytes(layout.header_view());
  writer.uint(counter, kCounterSize);
  writer.u8(static_cast<std::uint8_t>(padding));
  if (layout.has_status) writer.u8(static_cast<std::uint8_t>(status));
  writer.bytes(Checksum{});
  writer.bytes(data);
  Packet packet{writer.take(), {}};
  packet.bytes.resize(kLengthSize + length, 0);

  const std::span<std::uint8_t> secured = std::span(packet.bytes).subspan(layout.clear_size());
  packet.checksum =
      checksum(layout, ByteView(packet.bytes).first(layout.clear_size()), secured.first(layout.counter_size()),
               secured.subspan(layout.counter_size() + kChecksumSize));
  std::ranges::copy(packet.checksum, secured.subspan(layout.counter_size()).begin());
  if (layout.is_ciphered) ciphering_.encrypt(secured);
  return packet;
}

Result<Codec::Fields> Codec::decode(const Layout& layout, ByteView packet) {
  const std::size_t overhead = layout.counter_size() + kChecksumSize;
  if (packet.size() < layout.clear_size() + overhead) return not_ours("a secured packet that is cut off");
  ByteReader reader(packet);
  if (*reader.u16() != packet.size() - kLengthSize) return not_ours("a secured packet of another length than it says");
  if (!std::ranges::equal(*reader.bytes(layout.header_size), layout.header_view())) {
    return not_ours("a secured packet with other parameters");
  }
  Bytes secured(reader.rest().begin(), reader.rest().end());
  const std::size_t block = layout.is_ciphered ? ciphering_.block_size() : 1;
  if (secured.size() % block != 0) return not_ours("a secured packet that isn't whole blocks");
  if (layout.is_ciphered) ciphering_.decrypt(secured);

  const ByteView counter = ByteView(secured).first(layout.counter_size());
  const ByteView given = ByteView(secured).subspan(layout.counter_size(), kChecksumSize);
  const ByteView data = ByteView(secured).subspan(overhead);
  Fields fields;
  fields.checksum = checksum(layout, packet.first(layout.clear_size()), counter, data);
  if (!cipher::equal(fields.checksum, given)) return not_ours("a secured packet with a wrong checksum");
  const std::size_t padding = counter[kPaddingAt];
  if (padding >= block || padding > data.size()) return not_ours("a secured packet with impossible padding");
  fields.counter = *ByteReader(counter).uint(kCounterSize);
  if (fields.counter == kCounterBlocked) return not_ours("a secured packet with a blocked counter");
  fields.status = layout.has_status ? counter.back() : 0;
  secured.erase(secured.begin(), secured.begin() + static_cast<std::ptrdiff_t>(overhead));
  secured.resize(secured.size() - padding);
  fields.data = std::move(secured);
  return fields;
}

Result<Packet> Codec::encode_command(std::uint64_t counter, ByteView data) {
  return encode(command_layout(), counter, Status::Done, data);
}

Result<Command> Codec::decode_command(ByteView packet) {
  auto fields = decode(command_layout(), packet);
  if (!fields) return tl::unexpected(std::move(fields.error()));
  return Command{fields->counter, fields->checksum, std::move(fields->data)};
}

Result<Packet> Codec::encode_response(std::uint64_t counter, Status status, ByteView data) {
  const auto layout = response_layout();
  if (!layout) return tl::unexpected(layout.error());
  return encode(*layout, counter, status, data);
}

Result<Response> Codec::decode_response(ByteView packet) {
  const auto layout = response_layout();
  if (!layout) return not_ours("a proof of receipt that nobody asked for");
  auto fields = decode(*layout, packet);
  if (!fields) return tl::unexpected(std::move(fields.error()));
  return Response{fields->counter, fields->checksum, static_cast<Status>(fields->status), std::move(fields->data)};
}

}  // namespace drover::security::sps
