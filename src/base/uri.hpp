// SPDX-License-Identifier: Apache-2.0
// URIs by the generic syntax of RFC 3986, as far as something is to be fetched from them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace drover {

/// An absolute URI with an authority. Percent-encodings are left as they are, except in `host`.
struct Uri {
  std::string scheme;  ///< lower case
  std::string host;    ///< decoded, lower case, without brackets
  std::optional<std::uint16_t> port;
  std::string path;                  ///< "" or with its leading '/'
  std::optional<std::string> query;  ///< without '?'

  /// host[:port] as it stands in a URI.
  [[nodiscard]] std::string authority() const;
  /// Path and query as a request line has them: at least "/".
  [[nodiscard]] std::string target() const;
  [[nodiscard]] std::string to_string() const;
};

/// Parses "scheme://host[:port][/path][?query]"; a fragment is checked and dropped, and user information is refused: a
/// password in a URI that servers can read is no secret. The error says what is wrong.
Result<Uri> parse_uri(std::string_view text);

/// The scheme of what begins as RFC 3986 §3.1 says, in lower case.
std::optional<std::string> scheme_of(std::string_view text);

/// Percent-decoding of a component; nothing for an incomplete or wrong "%XX".
std::optional<std::string> percent_decode(std::string_view text);

/// Makes one printable word of any text: what isn't printable ASCII, blanks and '%' become "%XX".
std::string percent_encode(std::string_view text);

/// Parts between separators: one more than there are separators.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace drover
