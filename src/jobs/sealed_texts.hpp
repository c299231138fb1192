// SPDX-License-Identifier: Apache-2.0
// How operations stand in a store: they may hold keys for devices.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sqlite/database.hpp"
#include "store/sealer.hpp"
#include "store/store_file.hpp"

namespace drover::jobs {

/// What a sealed text belongs to, so that one can't be put in the place of another.
std::string about_bulk();
std::string about_rule(std::string_view name, bool configured);

Result<Bytes> seal_text(const store::Sealer& sealer, std::string_view text, std::string_view about);
/// Nothing for what is damaged.
std::optional<std::string> open_text(const store::Sealer& sealer, ByteView sealed, std::string_view about);

/// Seals all of a store's bulk operations and rules anew: what writes them so, within a transaction of the caller's. An
/// error names what is damaged. Nobody else writes to the file between the two.
Result<std::function<bool(sqlite::Database&)>> reseal(store::StoreFile& file, const store::Sealer& from,
                                                      const store::Sealer& to);

}  // namespace drover::jobs
