// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace drover {

/// An identifier that can't be mixed up with another kind of identifier.
template <class Tag, class Rep>
struct Id {
  using rep = Rep;
  Rep value{};
  friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

}  // namespace drover

template <class Tag, class Rep>
struct std::hash<drover::Id<Tag, Rep>> {
  std::size_t operator()(const drover::Id<Tag, Rep>& id) const noexcept { return std::hash<Rep>{}(id.value); }
};
