// SPDX-License-Identifier: Apache-2.0
// The request target (RFC 9112 §3.2.1) taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace drover::api {

struct Target {
  std::vector<std::string> segments;                            ///< of the path, decoded: "/a/b%2Fc" gives "a", "b/c"
  std::vector<std::pair<std::string, std::string>> parameters;  ///< of the query, decoded, in order

  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
};

/// Parameters of a query; more are refused.
inline constexpr std::size_t kParametersMax = 32;

/// Percent-decodes after splitting (RFC 3986 §2.4). Refused: a '%' without two hexadecimal digits, what isn't UTF-8 or
/// holds a control character, a parameter given twice. '+' stands for itself: endpoint names hold it.
Result<Target> parse_target(std::string_view target);

/// Decimal digits alone, and within the limits.
std::optional<std::uint64_t> whole_number(std::string_view text, std::uint64_t least, std::uint64_t most);

/// What stands between the commas of "a,b"; nothing of "".
std::vector<std::string> comma_separated(std::string_view text);

/// Encodes all but the unreserved characters (RFC 3986 §2.3) and those of `besides`, for one path segment.
std::string percent_encode(std::string_view text, std::string_view besides = "");

}  // namespace drover::api
