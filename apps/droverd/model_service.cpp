// SPDX-License-Identifier: Apache-2.0
#include "model_service.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "io/clock.hpp"
#include "io/log.hpp"
#include "lwm2m/model/ddf.hpp"

namespace drover::droverd {

using lwm2m::model::ObjectDefinition;

struct ModelService::Shelf {
  lwm2m::model::Registry& registry;
  std::optional<store::ObjectModelTable> table;

  void load(const store::ObjectModelRow& row) const;
  Result<Brought> bring(const std::string& ddf);
  Result<bool> take_out(lwm2m::ObjectId object, lwm2m::Version version);
};

void ModelService::Shelf::load(const store::ObjectModelRow& row) const {
  auto parsed = lwm2m::model::parse_ddf(row.ddf, "the store");
  Result<bool> brought = parsed ? Result<bool>(false) : tl::unexpected(parsed.error());
  if (parsed) {
    std::erase_if(*parsed, [&](const ObjectDefinition& each) {
      return each.id != row.object || each.version.to_string() != row.version;
    });
    brought = registry.bring(std::move(*parsed));
  }
  if (brought) return;
  io::log::error("an object definition of the store is left out",
                 {{"object", row.object}, {"version", row.version}, {"why", brought.error().reason}});
}

Result<ModelService::Brought> ModelService::Shelf::bring(const std::string& ddf) {
  auto parsed = lwm2m::model::parse_ddf(ddf, "body");
  if (!parsed) return tl::unexpected(parsed.error());
  if (auto fine = registry.may_bring(*parsed); !fine) return tl::unexpected(fine.error());
  const auto all = registry.all();
  const auto brought = static_cast<std::size_t>(
      std::ranges::count_if(all, [&](const ObjectDefinition* each) { return registry.was_brought(*each); }));
  if (brought + parsed->size() > kBroughtMax) {
    return tl::unexpected(Error{Fault::Peer, 0, "at most " + std::to_string(kBroughtMax) + " definitions can be added"});
  }
  std::vector<store::ObjectModelRow> rows;
  for (const ObjectDefinition& each : *parsed) rows.push_back({each.id, each.version.to_string(), ddf, io::unix_now()});
  if (table) {
    if (auto kept = table->put(rows); !kept) return tl::unexpected(kept.error());
  }
  std::vector<std::pair<lwm2m::ObjectId, lwm2m::Version>> keys;
  for (const ObjectDefinition& each : *parsed) keys.emplace_back(each.id, each.version);
  const auto is_new = registry.bring(std::move(*parsed));
  if (!is_new) return tl::unexpected(is_new.error());
  Brought done{{}, *is_new};
  for (const auto& [object, version] : keys) done.definitions.push_back(registry.find(object, version));
  return done;
}

Result<bool> ModelService::Shelf::take_out(lwm2m::ObjectId object, lwm2m::Version version) {
  const ObjectDefinition* const found = registry.find(object, version);
  if (found == nullptr || found->version != version || !registry.was_brought(*found)) return false;
  if (table) {
    if (auto gone = table->remove(object, version.to_string()); !gone) return tl::unexpected(gone.error());
  }
  return registry.take_out(object, version);
}

Result<std::unique_ptr<ModelService>> ModelService::open(const std::shared_ptr<store::StoreFile>& file,
                                                         lwm2m::model::Registry& registry,
                                                         store::CredentialService& service) {
  auto shelf = std::make_shared<Shelf>(Shelf{registry, std::nullopt});
  if (file) {
    auto rows = shelf->table.emplace(file).load();
    if (!rows) return tl::unexpected(rows.error());
    for (const store::ObjectModelRow& row : *rows) shelf->load(row);
  }
  return std::unique_ptr<ModelService>(new ModelService(std::move(shelf), service));
}

void ModelService::bring(std::string ddf, std::function<void(Result<Brought>)> done) {
  service_.post([shelf = shelf_, ddf = std::move(ddf), done = std::move(done)] { done(shelf->bring(ddf)); });
}

void ModelService::take_out(lwm2m::ObjectId object, lwm2m::Version version, std::function<void(Result<bool>)> done) {
  service_.post([shelf = shelf_, object, version, done = std::move(done)] { done(shelf->take_out(object, version)); });
}

}  // namespace drover::droverd
