// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "store/token_table.hpp"

namespace drover::api {

using store::Role;

/// Who makes a request.
struct Caller {
  std::uint64_t token = 0;  ///< id; 0 is nobody in particular
  Role role = Role::Read;
};

}  // namespace drover::api
