// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace drover::io {

/// S_IROTH of a file that should hold a secret. False when there is no such file.
bool is_readable_by_everybody(const std::string& file);

}  // namespace drover::io
