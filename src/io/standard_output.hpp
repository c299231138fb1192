// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

namespace drover::io {

/// Flushes standard output. An Environment error when something that was written to it since the program began is lost:
/// a full disk, a reader that left. Programs ask once, at their end or when they have said what others wait for.
Result<void> finish_output();

}  // namespace drover::io
