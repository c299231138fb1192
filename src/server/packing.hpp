// SPDX-License-Identifier: Apache-2.0
// How the server's values become bytes that it reads again itself. For record*.cpp and event_bytes.cpp.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/reader.hpp"
#include "lwm2m/data/path.hpp"
#include "lwm2m/operation/operation.hpp"
#include "server/downlinks.hpp"
#include "server/fleet.hpp"
#include "transport/datagram.hpp"

namespace drover::server {

/// Numbers in network byte order; texts and blocks with their length in front.
class Packer : public ByteWriter {
 public:
  void u32(std::uint64_t value) { uint(value, 4); }
  void u64(std::uint64_t value) { uint(value, 8); }
  void number(std::int64_t value) { uint(static_cast<std::uint64_t>(value), 8); }
  void flag(bool value) { u8(value ? 1 : 0); }
  void text(std::string_view text) { block(as_bytes(text)); }
  void block(ByteView bytes_of_it) {
    // One octet for what is short, as nearly all is.
    constexpr std::uint8_t kLong = 0xFF;
    if (bytes_of_it.size() < kLong) {
      u8(static_cast<std::uint8_t>(bytes_of_it.size()));
    } else {
      u8(kLong);
      u32(bytes_of_it.size());
    }
    bytes(bytes_of_it);
  }
  void address(const transport::PeerAddress& address) {
    bytes(address.host);
    u32(address.scope);
    u16(address.port);
    u8(static_cast<std::uint8_t>(address.kind));
  }
  void path(const lwm2m::Path& path) { text(path.to_string()); }
  void optional_number(const std::optional<std::int64_t>& value) {
    flag(value.has_value());
    if (value) number(*value);
  }
  void format(const std::optional<lwm2m::FormatNumber>& format) {
    flag(format.has_value());
    if (format) u16(*format);
  }
  void observed(const ObservedPath& what) {
    path(what.path);
    format(what.accept);
  }
};

/// Reads as long as everything is there; afterwards ok() is false and all is zero.
class Unpacker {
 public:
  explicit Unpacker(ByteView bytes) : reader_(bytes) {}
  [[nodiscard]] bool ok() const { return ok_; }
  /// All was there, and nothing more.
  [[nodiscard]] bool whole() const { return ok_ && reader_.empty(); }
  void fail() { ok_ = false; }

  std::uint64_t uint(std::size_t width) { return take(reader_.uint(width)); }
  std::uint8_t u8() { return static_cast<std::uint8_t>(uint(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(uint(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(uint(4)); }
  std::uint64_t u64() { return uint(8); }
  std::int64_t number() { return static_cast<std::int64_t>(uint(8)); }
  bool flag() { return uint(1) != 0; }
  ByteView block() {
    const std::uint8_t brief = u8();
    return take(reader_.bytes(brief < 0xFF ? brief : u32()));
  }
  std::string text() { return std::string(as_text(block())); }
  transport::PeerAddress address() {
    transport::PeerAddress address;
    const ByteView host = take(reader_.bytes(address.host.size()));
    if (host.size() == address.host.size()) std::copy(host.begin(), host.end(), address.host.begin());
    address.scope = u32();
    address.port = u16();
    address.kind = choice<transport::Kind>(static_cast<std::uint8_t>(transport::Kind::SmsPacket));
    return address;
  }
  lwm2m::Path path() {
    const auto path = lwm2m::Path::parse(text());
    if (!path) ok_ = false;
    return path.value_or(lwm2m::Path{});
  }
  /// An enumerator by its number, `last` at most.
  template <class Enum>
  Enum choice(std::uint8_t last) {
    const std::uint8_t number = u8();
    if (number > last) ok_ = false;
    return static_cast<Enum>(ok_ ? number : 0);
  }
  std::optional<std::int64_t> optional_number() { return flag() ? std::optional(number()) : std::nullopt; }
  std::optional<lwm2m::FormatNumber> format() { return flag() ? std::optional<lwm2m::FormatNumber>(u16()) : std::nullopt; }
  ObservedPath observed() {
    ObservedPath what;
    what.path = path();
    what.accept = format();
    return what;
  }
  /// A count of things that take at least `least` bytes each.
  std::size_t count(std::size_t least) {
    const std::uint32_t wanted = u32();
    if (wanted > reader_.remaining() / least) ok_ = false;
    return ok_ ? wanted : 0;
  }

 private:
  template <class T>
  T take(std::optional<T> value) {
    if (!value) ok_ = false;
    return value.value_or(T{});
  }
  ByteReader reader_;
  bool ok_ = true;
};

// event_bytes.cpp
void pack_status(Packer& to, const OperationStatus& status);  ///< without its result
OperationStatus unpack_status(Unpacker& from);
void pack_outcome(Packer& to, const lwm2m::Outcome& outcome);
lwm2m::Outcome unpack_outcome(Unpacker& from);

}  // namespace drover::server
