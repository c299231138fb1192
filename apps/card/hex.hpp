// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>

#include "base/bytes.hpp"

namespace drover::card {

/// As those who personalise cards write octets.
inline std::string upper_hex(ByteView octets) {
  std::string digits = to_hex(octets);
  std::transform(digits.begin(), digits.end(), digits.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return digits;
}

}  // namespace drover::card
