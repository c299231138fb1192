// SPDX-License-Identifier: Apache-2.0
// Object definitions (Core Appendix D) as loaded from DDF files (Appendix J, K).
#pragma once

#include <cstdint>
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

  [[nodiscard]] const ResourceDefinition* resource(ResourceId id) const;
};

}  // namespace drover::lwm2m::model
