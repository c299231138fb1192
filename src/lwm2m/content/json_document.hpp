// SPDX-License-Identifier: Apache-2.0
// A JSON payload as it is written (Core §6.4.4, Table 22), before names and types are applied.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace drover::lwm2m::content {

struct JsonEntry {
  struct Link {
    std::string text;
  };
  /// `v` as an integer when it is written as one that 64 bits hold (unsigned only above INT64_MAX), `bv`, `sv` or `ov`.
  using Content = std::variant<std::monostate, std::int64_t, std::uint64_t, double, bool, std::string, Link>;

  std::optional<std::string> name;
  std::optional<double> time;
  Content content;
};

struct JsonDocument {
  std::optional<std::string> base_name;
  std::optional<double> base_time;
  std::vector<JsonEntry> entries;
};

/// Reads the text. Refused: what isn't JSON of RFC 8259, a missing `e`, an entry with no value or with two, a doubled
/// member, a member of the wrong type, deep nesting. Unknown members are skipped, whatever they hold.
Result<JsonDocument> parse_json(ByteView payload);

}  // namespace drover::lwm2m::content
