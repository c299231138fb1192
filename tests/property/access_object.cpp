// SPDX-License-Identifier: Apache-2.0
#include "tests/property/access_object.hpp"

namespace drover::property {

using lwm2m::DataType;
using lwm2m::model::ObjectDefinition;
using lwm2m::model::Operations;

namespace {

constexpr Operations kRead{true, false, false};
constexpr Operations kReadWrite{true, true, false};
constexpr Operations kNone{};

ObjectDefinition object(lwm2m::ObjectId id, const char* name, bool multiple) {
  ObjectDefinition made;
  made.id = id;
  made.name = name;
  made.multiple = multiple;
  return made;
}

}  // namespace

const ObjectDefinition& access_object() {
  static const ObjectDefinition definition = [] {
    ObjectDefinition made = object(2, "Access Control", true);
    made.resources = {{0, "Object ID", kRead, false, true, DataType::Integer, "1-65535", "", ""},
                      {1, "Object Instance ID", kRead, false, true, DataType::Integer, "0-65535", "", ""},
                      {2, "ACL", kReadWrite, true, false, DataType::Integer, "16-bit", "", ""},
                      {3, "Owner", kReadWrite, false, true, DataType::Integer, "1-65535", "", ""}};
    return made;
  }();
  return definition;
}

const std::deque<ObjectDefinition>& small_objects() {
  static const std::deque<ObjectDefinition> definitions = [] {
    std::deque<ObjectDefinition> made = {object(0, "Security", true), object(1, "Server", true),
                                         object(3, "Device", false)};
    made[0].resources = {{0, "URI", kNone, false, true, DataType::String, "0-255 bytes", "", ""}};
    made[1].resources = {{0, "Short Server ID", kRead, false, true, DataType::Integer, "1-65534", "", ""},
                         {1, "Lifetime", kReadWrite, false, true, DataType::Integer, "", "", ""}};
    made[2].resources = {{0, "Manufacturer", kRead, false, false, DataType::String, "", "", ""},
                         {4, "Reboot", {false, false, true}, false, true, DataType::None, "", "", ""}};
    return made;
  }();
  return definitions;
}

}  // namespace drover::property
