// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace drover::client {

/// One argument of an Execute: a digit, and a value where one was given (Core §5.4.5).
struct Argument {
  std::uint8_t digit = 0;            ///< 0 to 9
  std::optional<std::string> value;  ///< without its quotes
  friend bool operator==(const Argument&, const Argument&) = default;
};
using Arguments = std::vector<Argument>;

/// Longer argument lists are refused: ten digits with a value of a hundred characters each fit.
inline constexpr std::size_t kArgumentsBytesMax = 1100;

/// Parses `5`, `2='10.3'`, `7,0='https://www.oma.org'`, `0,1,2,3,4`; an empty text is an empty list. The grammar has no
/// white space, but its third example has some behind the comma, so that is accepted. Anything else: 4.00.
Result<Arguments> parse_arguments(std::string_view text);

}  // namespace drover::client
