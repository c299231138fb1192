// SPDX-License-Identifier: Apache-2.0
// Credentials from a table of text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "store/credential.hpp"

namespace drover::store {

inline constexpr std::size_t kImportMax = 100'000;  ///< rows of one table

struct ImportProblem {
  std::size_t line = 0;  ///< from 1, where the row begins; 0 when it isn't about a row
  std::string reason;    ///< without what the row holds: it may be a key
};

struct Import {
  std::vector<NewCredential> credentials;
  std::vector<std::size_t> lines;  ///< where each of them stands
  std::vector<ImportProblem> problems;
};

/// CSV (RFC 4180; LF will do, too) in UTF-8 with a header row of the columns kind, identity, key, endpoint, label and
/// purpose, in any order; `kind` is needed. kind is psk, public-key or certificate; key, as parse_key() takes it, is the
/// pre-shared key or the SubjectPublicKeyInfo; purpose is server, which an empty field stands for, too, or bootstrap.
/// Rows that can't be read are problems, and so is a table whose header isn't understood, with nothing else.
Import read_import(std::string_view text);

}  // namespace drover::store
