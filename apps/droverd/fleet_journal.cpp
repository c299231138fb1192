// SPDX-License-Identifier: Apache-2.0
#include "fleet_journal.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

#include "audit/memory_trail.hpp"
#include "io/clock.hpp"
#include "journal/kept_trail.hpp"

namespace drover::droverd {
namespace {

/// A value sealed for one key opens under no other.
std::string about(std::uint64_t key) {
  return "drover fleet record " + std::to_string(key);
}

/// Nothing for what isn't readable.
std::optional<Secret<Bytes>> opened(const store::Sealer& sealer, server::RecordKey key, Bytes value) {
  if (!server::is_secret(key.kind())) return Secret<Bytes>(std::move(value));
  auto open = sealer.open(value, as_bytes(about(key.packed)));
  if (!open) return std::nullopt;
  return std::move(*open);
}

}  // namespace

std::string fleet_file(const std::string& store) {
  return store + ".fleet";
}

journal::Limits journal_limits(const Config& config) {
  return {.events_max = config.store_events_max, .audit = {config.audit_max}};
}

Result<Keeping> open_keeping(const Config& config, const store::Sealer& sealer,
                             const lwm2m::model::Registry& registry) {
  Keeping keeping;
  if (!config.store.empty()) {
    auto opened = journal::Journal::open(fleet_file(config.store), journal_limits(config));
    if (!opened) return tl::unexpected(opened.error());
    keeping.journal = std::move(*opened);
  }
  const events::Hub::Limits limits{.events_max = config.api_events};
  keeping.hub = std::make_shared<events::Hub>(limits, keeping.journal ? keeping.journal->born() : io::unix_now());
  keeping.items = std::make_unique<api::EventItems>(registry, *keeping.hub);
  if (keeping.journal) {
    keeping.hub->begin(keeping.journal->newest_event(), [journal = keeping.journal.get(), items = keeping.items.get()](
                                                            std::uint64_t number,
                                                            std::size_t count) -> Result<events::Feed::Batch> {
      events::Feed::Batch batch;
      auto page = journal->events(number, count);
      if (!page) return tl::unexpected(page.error());
      batch.lost_through = page->lost_through;
      for (journal::EventRow& row : page->rows) {
        batch.items.push_back(std::make_shared<events::Item>(
            row.number, row.at, std::move(row.kind), std::move(row.endpoint),
            [items, packed = std::move(row.packed)](std::uint64_t each) { return items->text_of(packed, each); }));
      }
      return batch;
    });
  }
  keeping.keeper = std::make_unique<journal::Keeper>(keeping.journal.get(), *keeping.hub, seal_records(sealer));
  if (keeping.journal) {
    keeping.audit = std::make_unique<journal::KeptTrail>(*keeping.journal, *keeping.keeper);
  } else {
    keeping.audit = std::make_unique<audit::MemoryTrail>(audit::Limits{config.audit_max});
  }
  return keeping;
}

journal::Seal seal_records(const store::Sealer& sealer) {
  return [sealer](std::uint64_t key, ByteView value) -> Result<Bytes> {
    if (!server::is_secret(server::RecordKey{key}.kind())) return Bytes(value.begin(), value.end());
    return sealer.seal(value, as_bytes(about(key)));
  };
}

Result<Recovered> recover(journal::Journal& journal, const store::Sealer& sealer, std::size_t shards) {
  server::Recovery recovery;
  Recovered recovered;
  std::vector<server::RecordKey> dropped;
  const auto loaded = journal.load([&](std::uint64_t packed, Bytes value) {
    const server::RecordKey key{packed};
    if (server::is_secret(key.kind()) && journal.was_copied()) {
      dropped.push_back(key);
      return;
    }
    const auto open = opened(sealer, key, std::move(value));
    if (!open || !recovery.take(key, open->reveal())) ++recovered.unreadable;
  });
  if (!loaded) return tl::unexpected(loaded.error());
  recovered.shards = recovery.finish(shards);
  recovered.finished = std::move(recovery.finished());
  recovered.obsolete = recovery.obsolete();
  recovered.obsolete.insert(recovered.obsolete.end(), dropped.begin(), dropped.end());
  recovered.largest_operation = recovery.largest_operation();
  recovered.registrations = recovery.registrations();
  return recovered;
}

Result<void> reseal_fleet(const std::string& store, const store::Sealer& from, const store::Sealer& to) {
  std::error_code error;
  if (!std::filesystem::exists(fleet_file(store), error)) return {};
  auto journal = journal::Journal::open(fleet_file(store), {}, journal::Journal::Visit::Other);
  if (!journal) return tl::unexpected(journal.error());
  std::vector<journal::Entry> entries;
  const journal::Seal seal = seal_records(to);
  Result<void> sealed;
  const auto loaded = (*journal)->load([&](std::uint64_t packed, Bytes value) {
    const server::RecordKey key{packed};
    if (!server::is_secret(key.kind())) return;
    const auto open = opened(from, key, std::move(value));
    auto again = open ? seal(packed, open->reveal()) : Result<Bytes>(Bytes{});
    if (!again) {
      sealed = tl::unexpected(again.error());
      return;
    }
    entries.push_back({packed, std::move(*again)});
  });
  if (!loaded) return loaded;
  if (!sealed) return sealed;
  return (*journal)->commit(entries, {});
}

}  // namespace drover::droverd
