// SPDX-License-Identifier: Apache-2.0
// A value as it stands in a state file: its type and its text, or its bytes.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "lwm2m/data/value.hpp"

namespace drover::storage {

/// Numbers as decimal digits (Float: the shortest that reads back the same, "inf" and "nan" included), Boolean "0" or
/// "1", Objlnk "object:instance", String and Opaque as they are. The type is type_of() and stored beside it.
Bytes encode_value(const lwm2m::Value& value);
/// Nothing for what encode_value() doesn't write for that type.
std::optional<lwm2m::Value> decode_value(std::int64_t type, ByteView bytes);

}  // namespace drover::storage
