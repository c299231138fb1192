// SPDX-License-Identifier: Apache-2.0
// Who changed what, in the fleet's file.
#pragma once

#include <atomic>

#include "audit/trail.hpp"
#include "journal/journal.hpp"
#include "journal/keeper.hpp"

namespace drover::journal {

/// Records are committed with whatever else waits.
class KeptTrail final : public audit::Trail {
 public:
  /// Both outlive it.
  KeptTrail(Journal& journal, Keeper& keeper) : journal_(journal), keeper_(keeper) {}

  void note(audit::Record record, std::function<void()> kept) override;
  [[nodiscard]] bool is_full() const override { return waiting_.load() >= kWaitingMax; }
  /// Waits for the disk when it is written at the moment.
  Result<audit::Page> read(const audit::Query& query) override { return journal_.audits(query); }

 private:
  Journal& journal_;
  Keeper& keeper_;
  std::atomic<std::size_t> waiting_ = 0;
};

}  // namespace drover::journal
