// SPDX-License-Identifier: Apache-2.0
// Bootstrap plans as the store sees them: names, and texts whose meaning is others'.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "store/credential.hpp"

namespace drover::store {

inline constexpr std::size_t kPlanNameMax = kEndpointMax + 17;  ///< bytes: a word and an endpoint name
inline constexpr std::size_t kPlanTextMax = std::size_t{256} << 10;
inline constexpr std::size_t kPlansMax = 100'000;
/// Bytes of all texts together, which are in memory: 100'000 plans of 2.6 KiB, or 1024 of the largest.
inline constexpr std::size_t kPlanTextsMax = std::size_t{256} << 20;

struct Plan {
  std::string name;  ///< unique; UTF-8 without control characters
  Secret<std::string> text;  ///< it may hold keys
  UnixSeconds changed_at = 0;
};

/// A plan without its text.
struct PlanEntry {
  std::string name;
  std::size_t size = 0;  ///< of the text, in bytes
  UnixSeconds changed_at = 0;

  friend bool operator==(const PlanEntry&, const PlanEntry&) = default;
};

/// As it is kept.
struct PlanRow {
  std::string name;
  Bytes sealed_text;
  UnixSeconds changed_at = 0;

  friend bool operator==(const PlanRow&, const PlanRow&) = default;
};

}  // namespace drover::store
