// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace drover::io {

/// S_IROTH of a file that should hold a secret. False when there is no such file.
bool is_readable_by_everybody(const std::string& file);

inline constexpr std::size_t kSecretLineMax = 256;  ///< bytes

/// The first line of a file with a password; warns of one that everybody may read. "" for no file. Fault::Environment
/// for one that can't be read, Fault::Us for a line that is too long.
Result<Secret<std::string>> read_secret_line(const std::string& file);

}  // namespace drover::io
