// SPDX-License-Identifier: Apache-2.0
// Object definitions (Core Appendix D) as loaded from DDF files (Appendix J, K).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lwm2m/data/path.hpp"
#include "lwm2m/data/value.hpp"

namespace drover::lwm2m::model {

/// R, W and E of the object template. None of them: only the Bootstrap interface may touch the resource (Appendix D.1).
struct Operations {
  bool read = false;
  bool write = false;
  bool execute = false;
  friend bool operator==(const Operations&, const Operations&) = default;
};

struct ResourceDefinition {
  ResourceId id = 0;
  std::string name;
  Operations operations;
  bool multiple = false;
  bool mandatory = false;
  DataType type = DataType::None;
  std::string range;
  std::string units;
  std::string description;
  friend bool operator==(const ResourceDefinition&, const ResourceDefinition&) = default;
};

struct ObjectDefinition {
  ObjectId id = 0;
  Version version{1, 0};        ///< of the object
  Version lwm2m_version{1, 0};  ///< the smallest enabler that supports it
  std::string name;
  std::string urn;
  bool multiple = false;
  bool mandatory = false;
  std::string description;
  std::vector<ResourceDefinition> resources;  ///< ascending by id
  std::size_t line = 0;                       ///< where it starts in its file; 0 when it comes from none

  [[nodiscard]] const ResourceDefinition* resource(ResourceId id) const;
  friend bool operator==(const ObjectDefinition&, const ObjectDefinition&) = default;
};

/// OMNA's range of resource ids that several objects share (Core §6.3.2, D.2.2; the numbers are the OMNA registry's).
inline constexpr ResourceId kReusableFirst = 2048;
inline constexpr ResourceId kReusableLast = 26240;
constexpr bool is_reusable(ResourceId id) {
  return id >= kReusableFirst && id <= kReusableLast;
}

/// Says how two objects disagree about the type or the operations of a reusable resource, which are frozen when it is
/// registered (Core §6.3.2). Nothing when they don't.
std::optional<std::string> reusable_conflict(const ObjectDefinition& one, const ObjectDefinition& other);

}  // namespace drover::lwm2m::model
