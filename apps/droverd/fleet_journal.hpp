// SPDX-License-Identifier: Apache-2.0
// The file beside the store that holds the fleet: registrations, associations, operations, events.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/event_items.hpp"
#include "audit/trail.hpp"
#include "base/result.hpp"
#include "config.hpp"
#include "events/hub.hpp"
#include "journal/journal.hpp"
#include "journal/keeper.hpp"
#include "lwm2m/model/registry.hpp"
#include "server/record.hpp"
#include "store/sealer.hpp"

namespace drover::droverd {

/// "STORE.fleet".
std::string fleet_file(const std::string& store);

journal::Limits journal_limits(const Config& config);

/// What keeps the fleet and tells of it; without a store events are told of alone.
struct Keeping {
  std::unique_ptr<journal::Journal> journal;  ///< or null
  std::shared_ptr<events::Hub> hub;
  std::unique_ptr<api::EventItems> items;
  std::unique_ptr<journal::Keeper> keeper;
  std::unique_ptr<audit::Trail> audit;
};
/// `registry` outlives it. No thread runs before Keeper::start().
Result<Keeping> open_keeping(const Config& config, const store::Sealer& sealer,
                             const lwm2m::model::Registry& registry);

/// Secret values are sealed under the store's key, for their place.
journal::Seal seal_records(const store::Sealer& sealer);

/// What the process before left, however it ended.
struct Recovered {
  std::vector<server::KeptShard> shards;
  std::vector<server::OperationStatus> finished;
  std::vector<server::RecordKey> obsolete;
  server::OperationId largest_operation;
  std::size_t registrations = 0;
  std::size_t unreadable = 0;  ///< records of another version, or sealed with another key
};
/// For `shards` shards. Associations of a copied file aren't gone on with: their numbers may have been used since.
Result<Recovered> recover(journal::Journal& journal, const store::Sealer& sealer, std::size_t shards);

/// Seals the secret values of STORE's file anew; nothing when there is none.
Result<void> reseal_fleet(const std::string& store, const store::Sealer& from, const store::Sealer& to);

}  // namespace drover::droverd
