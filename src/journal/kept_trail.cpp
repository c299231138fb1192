// SPDX-License-Identifier: Apache-2.0
#include "journal/kept_trail.hpp"

#include <utility>

namespace drover::journal {

void KeptTrail::note(audit::Record record, std::function<void()> kept) {
  ++waiting_;
  Batch batch;
  batch.audits.push_back(std::move(record));
  batch.kept = [this, kept = std::move(kept)] {
    --waiting_;
    if (kept) kept();
  };
  keeper_.submit(std::move(batch));
}

}  // namespace drover::journal
