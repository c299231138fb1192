// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/random.hpp"

namespace drover {

/// SipHash-1-3 (Aumasson and Bernstein, 2012): peers choose what is hashed, so they mustn't be able to choose what
/// collides.
class KeyedHash {
 public:
  explicit KeyedHash(Rng& rng) : k0_(rng.next()), k1_(rng.next()) {}
  KeyedHash(std::uint64_t k0, std::uint64_t k1) : k0_(k0), k1_(k1) {}

  [[nodiscard]] std::uint64_t operator()(ByteView bytes) const {
    State s{k0_ ^ 0x736f6d6570736575ULL, k1_ ^ 0x646f72616e646f6dULL, k0_ ^ 0x6c7967656e657261ULL,
            k1_ ^ 0x7465646279746573ULL};
    const std::size_t whole = bytes.size() / 8 * 8;
    for (std::size_t i = 0; i < whole; i += 8) s.take(little_endian(bytes.subspan(i, 8)));
    s.take(little_endian(bytes.subspan(whole)) | static_cast<std::uint64_t>(bytes.size()) << 56);
    s.v2 ^= 0xFF;
    for (int i = 0; i < 3; ++i) s.round();
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  }
  [[nodiscard]] std::uint64_t operator()(std::string_view text) const { return (*this)(as_bytes(text)); }

 private:
  struct State {
    std::uint64_t v0, v1, v2, v3;
    void round() {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
    void take(std::uint64_t word) {
      v3 ^= word;
      round();
      v0 ^= word;
    }
  };

  static std::uint64_t little_endian(ByteView bytes) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) word |= std::uint64_t{bytes[i]} << (8 * i);
    return word;
  }

  std::uint64_t k0_;
  std::uint64_t k1_;
};

}  // namespace drover
