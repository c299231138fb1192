// SPDX-License-Identifier: Apache-2.0
// The data types of Core Appendix C.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::lwm2m {

enum class DataType : std::uint8_t { None, String, Integer, Float, Boolean, Opaque, Time, ObjectLink };
const char* to_string(DataType type);  ///< as in a DDF file: "String", ..., "Objlnk"; "" for None

struct Opaque {
  Bytes bytes;
  friend bool operator==(const Opaque&, const Opaque&) = default;
};

struct Time {
  UnixSeconds seconds = 0;
  friend bool operator==(const Time&, const Time&) = default;
};

/// Two MAX_IDs are the null link.
struct ObjectLink {
  ObjectId object = kReservedId;
  InstanceId instance = kReservedId;
  [[nodiscard]] bool is_null() const { return object == kReservedId && instance == kReservedId; }
  friend bool operator==(const ObjectLink&, const ObjectLink&) = default;
};

/// One value. String is UTF-8. The order of the alternatives is DataType's, without None.
using Value = std::variant<std::string, std::int64_t, double, bool, Opaque, Time, ObjectLink>;

inline DataType type_of(const Value& value) {
  return static_cast<DataType>(value.index() + 1);
}

}  // namespace drover::lwm2m
