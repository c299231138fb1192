// SPDX-License-Identifier: Apache-2.0
// What a graceful restart takes along, as a file between two processes.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "server/handover.hpp"
#include "store/sealer.hpp"

namespace drover::droverd {

/// Where it stands: beside the store.
std::string handover_file(const std::string& store);

/// Writes all shards' handovers sealed, for the owner alone, and on disk when it returns. An older file is replaced.
Result<void> write_handover(const std::string& file, const store::Sealer& sealer,
                            const std::vector<server::Handover>& shards);

/// Takes the file away before anything of it is used, so that it can't be used twice: associations that were would
/// repeat nonces. None when there is no file. An error says why it can't be used; it is gone then, too, unless it
/// couldn't be taken away.
Result<std::vector<server::Handover>> take_handover(const std::string& file, const store::Sealer& sealer);

/// Seals the file anew, for a store that got another key. Without a file there is nothing to do; after an error there
/// is none any more.
Result<void> reseal_handover(const std::string& file, const store::Sealer& from, const store::Sealer& to);

}  // namespace drover::droverd
