// SPDX-License-Identifier: Apache-2.0
// How short messages with one peer are protected by secured packets (/0/x/7 and /0/x/8; ETSI TS 102 225).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace drover::security::sps {

/// Toolkit Application Reference of the LwM2M application (Transport "SMS Secured Packet Binding for CoAP messages").
inline constexpr std::array<std::uint8_t, 3> kTar = {0xB2, 0x02, 0x03};

/// SPI, first octet: cryptographic checksum, ciphering, processed if the counter is higher (TS 102 225 §5.1.1). The
/// only value that LwM2M takes.
inline constexpr std::uint8_t kSpi1 = 0x16;
/// SPI, second octet (§5.1.1): without a proof of receipt, or one always, checksummed, ciphered, as SMS-SUBMIT.
inline constexpr std::uint8_t kSpi2NoReceipt = 0x00;
inline constexpr std::uint8_t kSpi2Receipt = 0x39;

/// Tag of the BER-TLV around a CoAP message; the Transport document leaves it open and suggests 0x05.
inline constexpr std::uint8_t kCoapTag = 0x05;

enum class Algorithm : std::uint8_t {
  Aes,        ///< AES in CBC mode, AES-CMAC: low nibble 2 of KIc and KID
  TripleDes,  ///< triple DES with three different keys in outer CBC mode, and its CBC MAC: low nibble 9
};

/// "SMS Binding Key Parameters" (/0/x/7), seven octets in the order KIc, KID, SPI, TAR.
struct Parameters {
  std::uint8_t kic = 0x12;
  std::uint8_t kid = 0x12;
  std::uint8_t spi1 = kSpi1;
  std::uint8_t spi2 = kSpi2NoReceipt;
  std::array<std::uint8_t, 3> tar = kTar;

  /// Seven octets, or six as the specification's table says: KIc, KID, SPI and the TAR's first two, its third being
  /// fixed. Refuses whatever the Transport document forbids: single DES, triple DES with two keys, key set 0, another
  /// SPI or TAR, algorithms that differ between KIc and KID.
  static Result<Parameters> parse(ByteView octets);
  [[nodiscard]] Bytes octets() const;
  [[nodiscard]] Algorithm algorithm() const;
  friend bool operator==(const Parameters&, const Parameters&) = default;
};

/// "SMS Binding Secret Keys" (/0/x/8).
struct Keys {
  Secret<Bytes> ciphering;  ///< KIc: 16, 24 or 32 octets (AES), 24 (triple DES)
  Secret<Bytes> integrity;  ///< KID: the same

  /// 16 octets: one key for both; 32: 16 and 16; 48: 24 and 24 (AES-192, or triple DES with keys that differ); 64: 32
  /// and 32. The order is that of /0/x/7. The layout isn't the specification's, which gives lengths alone.
  static Result<Keys> parse(const Parameters& parameters, const Secret<Bytes>& octets);
};

}  // namespace drover::security::sps
