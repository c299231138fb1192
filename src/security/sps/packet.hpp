// SPDX-License-Identifier: Apache-2.0
// Command and response packets of ETSI TS 102 225, in the form of 3GPP TS 31.115 for short messages: what stands behind
// the header of TP-UD, which says by IEI 70 or 71 which of both it is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "security/cipher/block_cipher.hpp"
#include "security/sps/parameters.hpp"

namespace drover::security::sps {

/// A counter that has come here is blocked for good (TS 102 225 §5.1.4): counters have five octets and never wrap.
inline constexpr std::uint64_t kCounterBlocked = 0xFFFFFFFFFF;

inline constexpr std::size_t kChecksumSize = 8;
using Checksum = std::array<std::uint8_t, kChecksumSize>;

/// Octets of a command packet: CPL to TAR, which aren't ciphered; and CNTR, PCNTR and CC.
inline constexpr std::size_t kCommandHeader = 10;
inline constexpr std::size_t kCommandOverhead = 14;
/// Octets that CPL can count.
inline constexpr std::size_t kPacketMax = 0xFFFF;

/// Response Status Code (TS 102 225 §5.2).
enum class Status : std::uint8_t {
  Done = 0x00,
  ChecksumFailed = 0x01,
  CounterLow = 0x02,
  CounterHigh = 0x03,
  CounterBlocked = 0x04,
  CipheringFailed = 0x05,
  SecurityFailed = 0x06,
  MemoryFull = 0x07,
  MoreTime = 0x08,
  TarUnknown = 0x09,
  SecurityInsufficient = 0x0A,
};
const char* to_string(Status status);

struct Command {
  std::uint64_t counter = 0;
  Checksum checksum{};
  Bytes data = {};  ///< the secured data
};

struct Response {
  std::uint64_t counter = 0;  ///< of the command that it is about
  Checksum checksum{};
  Status status{};
  Bytes data = {};
};

struct Packet {
  Bytes bytes;
  Checksum checksum{};  ///< tells it from every other one: by it a side knows its own
};

/// True when the parameters ask for a proof of receipt of each command.
bool asks_receipt(const Parameters& parameters);

/// Makes and reads packets with one set of keys, in either direction: both are protected alike. It keeps no counter:
/// whoever uses it never has two packets made with the same one, and compares those of packets that came. Nothing here
/// tells anything about keys or data in an error. One thread at a time.
class Codec {
 public:
  /// Takes more parameters than Parameters::parse: any TAR, key sets, and rules of counters, but always a checksum
  /// together with ciphering. Refuses keys that aren't of the algorithm (Fault::Us).
  static Result<Codec> make(const Parameters& parameters, const Keys& keys);

  /// Refused with Fault::Us: a counter that isn't below kCounterBlocked, or more data than kPacketMax allows.
  Result<Packet> encode_command(std::uint64_t counter, ByteView data);
  /// Refuses a packet of another length than it says, other parameters than these, a wrong checksum, impossible padding
  /// and a blocked counter, with Fault::Peer and code 0: there is no answer to any of them.
  Result<Command> decode_command(ByteView packet);

  /// The same of a proof of receipt, protected as the parameters ask (TS 102 225 §5.1.1); an error when they ask for
  /// none, or for one without a checksum.
  Result<Packet> encode_response(std::uint64_t counter, Status status, ByteView data);
  Result<Response> decode_response(ByteView packet);

 private:
  struct Layout;
  struct Fields;
  Codec(const Parameters& parameters, cipher::BlockCipher ciphering, cipher::Mac integrity);
  [[nodiscard]] Layout command_layout() const;
  [[nodiscard]] Result<Layout> response_layout() const;
  Checksum checksum(const Layout& layout, ByteView header, ByteView counter, ByteView data);
  Result<Packet> encode(const Layout& layout, std::uint64_t counter, Status status, ByteView data);
  Result<Fields> decode(const Layout& layout, ByteView packet);

  Parameters parameters_;
  cipher::BlockCipher ciphering_;
  cipher::Mac integrity_;
};

/// The BER-TLV around an application message (Transport "SMS Secured Packet Binding for CoAP messages"): `tag`, its
/// length in the shortest of the forms up to 82 (ISO/IEC 8825-1 §8.1.3), the message. At most 65535 octets.
Bytes wrap(std::uint8_t tag, ByteView message);
/// Octets that wrap() puts in front of a message of that size.
std::size_t wrap_overhead(std::size_t message_size);
/// The message in `data`, which has to be one TLV of that tag and nothing behind it. Borrows from `data`.
Result<ByteView> unwrap(std::uint8_t tag, ByteView data);

}  // namespace drover::security::sps
