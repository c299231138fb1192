// SPDX-License-Identifier: Apache-2.0
// Patterns over names.
#pragma once

#include <string_view>

namespace drover {

/// '*' matches any text, '?' any one byte, everything else itself. At most size(pattern) * size(text) steps.
bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace drover
