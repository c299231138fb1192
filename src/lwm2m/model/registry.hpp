// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "lwm2m/model/definition.hpp"

namespace drover::lwm2m::model {

/// All known object definitions, by id and version: those that a program comes with, and those that people bring while
/// it runs, which go before. Thread-safe. What find() and all() give stays where it is as long as the registry, also when
/// it was replaced or taken out: whoever looks has one definition from beginning to end.
class Registry {
 public:
  /// Definitions that were replaced or taken out while it runs; each stays in memory, a few kB.
  static constexpr std::size_t kRetiredMax = 10'000;

  Registry() = default;
  /// Before anybody else knows `other`.
  Registry(Registry&& other) noexcept
      : definitions_(std::move(other.definitions_)),
        retired_(std::move(other.retired_)),
        reusable_(std::move(other.reusable_)) {}

  /// Refuses a second definition of the same id and version, and one that hosts a reusable resource with another type
  /// or other operations than an object that is already there (Core §6.3.2). The reason names both objects.
  Result<void> add(ObjectDefinition definition);
  /// The program's own become those of `fresh`; what is the same in both stays. Those that were brought stay in front.
  Result<void> renew(Registry fresh);
  /// Why bring() would refuse these.
  [[nodiscard]] Result<void> may_bring(const std::vector<ObjectDefinition>& definitions) const;
  /// Brings definitions, each for one id and version, all or none. True: none was brought before. Refused are what
  /// contradicts a reusable resource of others, and change number kRetiredMax (Fault::Environment).
  Result<bool> bring(std::vector<ObjectDefinition> definitions);
  /// Takes out one that was brought; the program's own, if there is one, counts again. False: none was brought.
  Result<bool> take_out(ObjectId object, Version version);

  /// The definition for a version: exactly that one; else the newest with the same major version, since minor versions
  /// are compatible (Core §6.2.1). Nothing when there is none.
  [[nodiscard]] const ObjectDefinition* find(ObjectId object, Version version = {1, 0}) const;
  [[nodiscard]] std::vector<const ObjectDefinition*> all() const;
  [[nodiscard]] bool was_brought(const ObjectDefinition& definition) const;
  /// Copies of those that were brought.
  [[nodiscard]] std::vector<ObjectDefinition> brought() const;

 private:
  using Owned = std::unique_ptr<const ObjectDefinition>;
  struct Entry {
    Owned own;      ///< the program's
    Owned brought;  ///< goes before it
    [[nodiscard]] const ObjectDefinition* in_use() const { return brought ? brought.get() : own.get(); }
  };
  using Hosts = std::map<ResourceId, const ObjectDefinition*>;

  /// What speaks against it beside the definitions that `reusable` is of.
  static std::optional<std::string> conflict(const ObjectDefinition& definition, const Hosts& reusable);
  static void add_hosted(const ObjectDefinition& definition, Hosts& reusable);
  [[nodiscard]] Result<std::size_t> replaced_by(const std::vector<ObjectDefinition>& definitions) const;
  [[nodiscard]] Result<void> may_retire(std::size_t count) const;
  void retire(Owned definition);
  void find_hosts();

  mutable std::shared_mutex mutex_;
  std::map<std::pair<ObjectId, Version>, Entry> definitions_;
  std::vector<Owned> retired_;
  /// The first object that hosts a reusable resource.
  Hosts reusable_;
};

}  // namespace drover::lwm2m::model
