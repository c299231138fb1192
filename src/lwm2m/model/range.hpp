// SPDX-License-Identifier: Apache-2.0
// The "Range or Enumeration" of a resource (Core Appendix D.1), where its text says one plainly.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "lwm2m/data/value.hpp"
#include "lwm2m/model/definition.hpp"

namespace drover::lwm2m::model {

/// Bounds or a list; of the value itself, or of its length in bytes.
struct Range {
  double least = 0;          ///< where `list` is empty
  double most = 0;           ///< where `list` is empty
  std::vector<double> list;  ///< the values that there are
  bool of_the_length = false;
  friend bool operator==(const Range&, const Range&) = default;
};

/// Understands, for numbers and times: "0-100", "-10-40", "0..3600", "0.5 - 1.5", "0 to 6", "0,1,2", each with or
/// without [ ]; for strings and opaques, lengths: "0-255 bytes", and for opaques also "6 bytes" and "16-32-48 bytes".
/// Nothing for everything else: prose, "16-bit", bounds the wrong way round, a range of another type of resource.
std::optional<Range> parse_range(std::string_view text, DataType type);

/// An error (reason only) for a value outside the range of its resource; what has no plain range takes all.
Result<void> check_range(const ResourceDefinition& resource, const Value& value);

}  // namespace drover::lwm2m::model
