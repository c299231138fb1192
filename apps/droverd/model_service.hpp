// SPDX-License-Identifier: Apache-2.0
// Object definitions that people bring: in the registry, and in the store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/model_shelf.hpp"
#include "lwm2m/model/registry.hpp"
#include "store/credential_service.hpp"
#include "store/object_model_table.hpp"

namespace drover::droverd {

/// Definitions that were brought, of all objects together.
inline constexpr std::size_t kBroughtMax = 2000;

/// Works on the thread of `service`, which waits for the store's disk already.
class ModelService final : public api::ModelShelf {
 public:
  /// What the store has goes into the registry, which outlives this, as does the service. What it contradicts by now, or
  /// can't be read, is logged and left out. Without a file nothing is kept.
  static Result<std::unique_ptr<ModelService>> open(const std::shared_ptr<store::StoreFile>& file,
                                                    lwm2m::model::Registry& registry, store::CredentialService& service);

  void bring(std::string ddf, std::function<void(Result<Brought>)> done) override;
  void take_out(lwm2m::ObjectId object, lwm2m::Version version, std::function<void(Result<bool>)> done) override;

 private:
  struct Shelf;
  ModelService(std::shared_ptr<Shelf> shelf, store::CredentialService& service)
      : shelf_(std::move(shelf)), service_(service) {}

  std::shared_ptr<Shelf> shelf_;
  store::CredentialService& service_;
};

}  // namespace drover::droverd
