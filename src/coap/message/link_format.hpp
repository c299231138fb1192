// SPDX-License-Identifier: Apache-2.0
// CoRE Link Format (RFC 6690): what a Register carries and a Discover answers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace drover::coap {

struct LinkParameter {
  std::string name;
  std::optional<std::string> value;  ///< unquoted and unescaped; nothing for a flag such as `obs`
  bool quoted = false;               ///< how it was written, and is written again

  friend bool operator==(const LinkParameter&, const LinkParameter&) = default;
};

struct Link {
  std::string target;  ///< what stands between < and >, verbatim
  std::vector<LinkParameter> parameters;

  /// The value of the first parameter of that name; an empty text for a flag.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
  friend bool operator==(const Link&, const Link&) = default;
};

struct LinkFormatLimits {
  std::size_t links_max = 4096;     ///< more than 65 kB of shortest links: no device announces that many
  std::size_t parameters_max = 32;  ///< per link
};

/// Parses `</a>;x=1,</b>;y="z"`. White space around ',' and ';' is accepted although RFC 6690 has none: the LwM2M
/// specification prints it so and devices send it. Empty text gives no links. Errors carry 4.00 and the offset.
Result<std::vector<Link>> parse_link_format(std::string_view text, const LinkFormatLimits& limits = {});

std::string format_links(const std::vector<Link>& links);

}  // namespace drover::coap
