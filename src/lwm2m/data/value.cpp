// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/data/value.hpp"

namespace drover::lwm2m {

const char* to_string(DataType type) {
  switch (type) {
    case DataType::None: return "";
    case DataType::String: return "String";
    case DataType::Integer: return "Integer";
    case DataType::Float: return "Float";
    case DataType::Boolean: return "Boolean";
    case DataType::Opaque: return "Opaque";
    case DataType::Time: return "Time";
    case DataType::ObjectLink: return "Objlnk";
  }
  return "";
}

}  // namespace drover::lwm2m
