// SPDX-License-Identifier: Apache-2.0
#include "smartcard/bootstrap_file.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/reader.hpp"

namespace drover::smartcard {
namespace {

constexpr std::size_t kFieldMax = 0xFFFF;  ///< HWORD

tl::unexpected<Error> malformed(std::size_t octet, const std::string& reason) {
  return peer_error(0, "EF LwM2M_Bootstrap, octet " + std::to_string(octet) + ": " + reason);
}

tl::unexpected<Error> unfit(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, "EF LwM2M_Bootstrap: " + std::move(reason)});
}

std::string octets(std::size_t count) { return std::to_string(count) + (count == 1 ? " octet" : " octets"); }

bool has(const std::vector<CardObject>& objects, std::uint16_t id) {
  return std::any_of(objects.begin(), objects.end(), [id](const CardObject& each) { return each.id == id; });
}

/// One <single_lwm2m_object>; `at` is where it begins in the file.
Result<CardObject> parse_object(ByteReader& reader, std::size_t at) {
  const std::size_t whole = reader.remaining();
  const auto here = [&] { return at + whole - reader.remaining(); };
  CardObject object;
  const auto id = reader.u16();
  const auto major = id ? reader.u8() : std::nullopt;
  if (!major) return malformed(here(), "an object's ID and version are cut off");
  object.id = *id;
  if (*major != 0) {
    const auto minor = reader.u8();
    if (!minor) return malformed(here(), "the minor version of object " + std::to_string(*id) + " is missing");
    object.version = std::pair(*major, *minor);
  }
  const auto length = reader.u16();
  if (!length) return malformed(here(), "the length of object " + std::to_string(*id) + " is cut off");
  const auto instances = reader.bytes(*length);
  if (!instances) {
    return malformed(here(), "object " + std::to_string(*id) + " has " + octets(*length) + ", " +
                                 std::to_string(reader.remaining()) + " left");
  }
  object.instances.assign(instances->begin(), instances->end());
  return object;
}

}  // namespace

Result<std::size_t> bootstrap_file_size(ByteView beginning) {
  ByteReader reader(beginning);
  const auto count = reader.u16();
  const auto size = count ? reader.u16() : std::nullopt;
  if (!size) return malformed(beginning.size(), "the header is cut off");
  const std::size_t whole = kBootstrapHeader + *size;
  if (whole > kBootstrapFileMax) {
    return malformed(2, "the objects have " + octets(*size) + ", more than a file can have (" +
                            std::to_string(kBootstrapFileMax) + ")");
  }
  return whole;
}

Result<std::vector<CardObject>> parse_bootstrap_file(ByteView file) {
  const auto size = bootstrap_file_size(file);
  if (!size) return tl::unexpected(size.error());
  if (*size > file.size()) {
    return malformed(2, "the header says " + octets(*size) + ", the file has " + octets(file.size()));
  }
  ByteReader reader(file.first(*size));
  const std::size_t count = reader.u16().value_or(0);
  static_cast<void>(reader.u16());
  if (count == 0) return malformed(0, "there are no objects");
  std::vector<CardObject> objects;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = *size - reader.remaining();
    if (reader.empty()) {
      return malformed(at, "object " + std::to_string(i + 1) + " of " + std::to_string(count) + " is missing");
    }
    auto object = parse_object(reader, at);
    if (!object) return tl::unexpected(std::move(object.error()));
    if (has(objects, object->id)) return malformed(at, "object " + std::to_string(object->id) + " comes twice");
    objects.push_back(std::move(*object));
  }
  if (!reader.empty()) {
    return malformed(*size - reader.remaining(), octets(reader.remaining()) + " left behind the last object");
  }
  return objects;
}

Result<Bytes> encode_bootstrap_file(const std::vector<CardObject>& objects) {
  if (objects.empty()) return unfit("it needs an object");
  ByteWriter body;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const CardObject& object = objects[i];
    const std::string name = "object " + std::to_string(object.id);
    if (object.version && object.version->first == 0) return unfit(name + ": a version's first number is 1 to 255");
    if (object.instances.size() > kFieldMax) return unfit(name + " has more than " + octets(kFieldMax));
    if (has({objects.begin(), objects.begin() + static_cast<std::ptrdiff_t>(i)}, object.id)) {
      return unfit(name + " comes twice");
    }
    body.u16(object.id);
    body.u8(object.version ? object.version->first : 0);
    if (object.version) body.u8(object.version->second);
    body.u16(static_cast<std::uint16_t>(object.instances.size()));
    body.bytes(object.instances);
  }
  const std::size_t whole = kBootstrapHeader + body.size();
  if (whole > kBootstrapFileMax) {
    return unfit(octets(whole) + " are more than it can have (" + std::to_string(kBootstrapFileMax) + ")");
  }
  ByteWriter file;
  file.u16(static_cast<std::uint16_t>(objects.size()));
  file.u16(static_cast<std::uint16_t>(body.size()));
  file.bytes(body.view());
  return file.take();
}

}  // namespace drover::smartcard
