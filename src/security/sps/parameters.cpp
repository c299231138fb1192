// SPDX-License-Identifier: Apache-2.0
#include "security/sps/parameters.hpp"

#include <algorithm>
#include <string>

#include "base/reader.hpp"

namespace drover::security::sps {
namespace {

constexpr std::uint8_t kBadRequest = 0x80;
constexpr std::size_t kSize = 7;
constexpr std::size_t kSizeWithShortTar = 6;

/// Low nibbles of KIc and KID (ETSI TS 102 225 §5.1.2, §5.1.3).
enum Coding : std::uint8_t {
  kImplicit = 0x0,
  kSingleDes = 0x1,
  kAes = 0x2,
  kTwoKeys = 0x5,
  kThreeKeys = 0x9,
  kDesEcb = 0xD,
};

std::uint8_t coding_of(std::uint8_t octet) {
  return octet & 0x0F;
}

tl::unexpected<Error> refused(std::string reason) {
  return peer_error(kBadRequest, std::move(reason));
}

Result<void> check_key_octet(const char* name, std::uint8_t octet) {
  const auto because = [&](const char* why) {
    return refused(std::string(name) + " " + to_hex({&octet, 1}) + ": " + why);
  };
  if (octet >> 4 == 0) return because("key set 0 is none");
  switch (coding_of(octet)) {
    case kAes:
    case kThreeKeys: return {};
    case kImplicit: return because("the algorithm has to be named");
    case kSingleDes:
    case kDesEcb: return because("single DES isn't allowed");
    case kTwoKeys: return because("triple DES takes three different keys");
    default: return because("neither AES (2) nor triple DES with three keys (9)");
  }
}

/// The parity bits of a DES key's octets don't count.
bool same_des_key(ByteView left, ByteView right) {
  return std::ranges::equal(left, right, [](std::uint8_t a, std::uint8_t b) { return (a | 1) == (b | 1); });
}

bool has_three_keys(ByteView octets) {
  constexpr std::size_t kDesKey = 8;
  const ByteView first = octets.first(kDesKey), second = octets.subspan(kDesKey, kDesKey), third = octets.last(kDesKey);
  return !same_des_key(first, second) && !same_des_key(second, third) && !same_des_key(first, third);
}

Secret<Bytes> part(ByteView octets) {
  return Secret<Bytes>(Bytes(octets.begin(), octets.end()));
}

}  // namespace

Result<Parameters> Parameters::parse(ByteView octets) {
  if (octets.size() != kSize && octets.size() != kSizeWithShortTar) {
    return refused("key parameters are 7 octets (KIc, KID, SPI, TAR), not " + std::to_string(octets.size()));
  }
  ByteReader reader(octets);
  Parameters parameters;
  parameters.kic = *reader.u8();
  parameters.kid = *reader.u8();
  parameters.spi1 = *reader.u8();
  parameters.spi2 = *reader.u8();
  std::ranges::copy(reader.rest(), parameters.tar.begin());  // what is left out of the TAR is as it has to be
  if (auto fine = check_key_octet("KIc", parameters.kic); !fine) return tl::unexpected(fine.error());
  if (auto fine = check_key_octet("KID", parameters.kid); !fine) return tl::unexpected(fine.error());
  if (coding_of(parameters.kic) != coding_of(parameters.kid)) return refused("KIc and KID name different algorithms");
  if (parameters.spi1 != kSpi1) {
    return refused("the first octet of SPI has to be 16 (checksum, ciphering, higher counter), not " +
                   to_hex({&parameters.spi1, 1}));
  }
  if (parameters.spi2 != kSpi2NoReceipt && parameters.spi2 != kSpi2Receipt) {
    return refused("the second octet of SPI has to be 00 or 39 (a protected receipt), not " +
                   to_hex({&parameters.spi2, 1}));
  }
  if (parameters.tar != kTar) return refused("TAR has to be " + to_hex(kTar) + ", not " + to_hex(parameters.tar));
  return parameters;
}

Bytes Parameters::octets() const {
  return {kic, kid, spi1, spi2, tar[0], tar[1], tar[2]};
}

Algorithm Parameters::algorithm() const {
  return coding_of(kic) == kAes ? Algorithm::Aes : Algorithm::TripleDes;
}

Result<Keys> Keys::parse(const Parameters& parameters, const Secret<Bytes>& octets) {
  const ByteView all = octets.reveal();
  const bool aes = parameters.algorithm() == Algorithm::Aes;
  if (all.size() != 48 && !(aes && (all.size() == 16 || all.size() == 32 || all.size() == 64))) {
    return refused(std::string("secret keys of ") + (aes ? "AES are 16, 32, 48 or 64" : "triple DES are 48") +
                   " octets, not " + std::to_string(all.size()));
  }
  const std::size_t half = all.size() == 16 ? all.size() : all.size() / 2;
  Keys keys{part(all.first(half)), part(all.last(half))};
  if (!aes && (!has_three_keys(keys.ciphering.reveal()) || !has_three_keys(keys.integrity.reveal()))) {
    return refused("triple DES takes three different keys");
  }
  return keys;
}

}  // namespace drover::security::sps
