// SPDX-License-Identifier: Apache-2.0
// What an object is by its definition (LwM2M Core Appendix D), for checks at compile time. Headers with definitions are made
// by drover-objectgen; those of include/drover/objects come with Drover.
#pragma once

#include <cstddef>
#include <cstdint>

namespace drover {

/// LwM2M Core Appendix C, in its order.
enum class data_type : std::uint8_t { none, string, integer, floating, boolean, opaque, time, object_link };

struct resource_definition {
  std::uint16_t id;
  const char* name;
  data_type type;
  bool read, write, execute;  ///< by servers
  bool multiple;              ///< has instances
  bool mandatory;
  const char* range;
  const char* units;
};

struct object_definition {
  std::uint16_t id;
  const char* name;
  const char* version;
  bool multiple;  ///< may have other instances than 0
  bool mandatory;
  const resource_definition* resources;  ///< ascending by id
  std::size_t size;                      ///< of `resources`
};

/// Specialised for objects with a known definition: `object` is its object_definition.
template <std::uint16_t Id>
struct definition;

namespace detail {

template <std::uint16_t Id>
concept defined = requires { definition<Id>::object; };

/// Of a defined object; nullptr when it has no such resource.
template <std::uint16_t Object>
consteval const resource_definition* find(std::uint16_t resource) {
  constexpr const object_definition& object = definition<Object>::object;
  for (std::size_t at = 0; at < object.size; ++at) {
    if (object.resources[at].id == resource) return &object.resources[at];
  }
  return nullptr;
}

/// Of a struct that derives from drover::object; nullptr for an object without one. By the struct and not by the id: one
/// file of a program may know a definition that another doesn't.
template <class T>
constexpr const object_definition* definition_of() {
  if constexpr (defined<T::id>) {
    return &definition<T::id>::object;
  } else {
    return nullptr;
  }
}

}  // namespace detail

}  // namespace drover
