// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace drover::lwm2m {

using ObjectId = std::uint16_t;
using InstanceId = std::uint16_t;
using ResourceId = std::uint16_t;
using ResourceInstanceId = std::uint16_t;

/// MAX_ID: reserved for object instances, resources and short server ids alike (Core §6.3, Table 20).
inline constexpr std::uint16_t kReservedId = 65535;

/// "/", "/3", "/3/0", "/3/0/7" or "/3/0/7/1": the root or an object, instance, resource, resource instance below it.
/// The alternate path of a client isn't part of it.
class Path {
 public:
  Path() = default;
  explicit Path(ObjectId object) : ids_{object}, depth_(1) {}
  Path(ObjectId object, InstanceId instance) : ids_{object, instance}, depth_(2) {}
  Path(ObjectId object, InstanceId instance, ResourceId resource) : ids_{object, instance, resource}, depth_(3) {}
  Path(ObjectId object, InstanceId instance, ResourceId resource, ResourceInstanceId resource_instance)
      : ids_{object, instance, resource, resource_instance}, depth_(4) {}

  /// 0 for the root up to 4 for a resource instance.
  [[nodiscard]] int depth() const { return depth_; }
  [[nodiscard]] bool is_root() const { return depth_ == 0; }
  [[nodiscard]] bool is_object() const { return depth_ == 1; }
  [[nodiscard]] bool is_instance() const { return depth_ == 2; }
  [[nodiscard]] bool is_resource() const { return depth_ == 3; }
  [[nodiscard]] bool is_resource_instance() const { return depth_ == 4; }

  /// Valid from the matching depth on; 0 otherwise.
  [[nodiscard]] ObjectId object() const { return ids_[0]; }
  [[nodiscard]] InstanceId instance() const { return ids_[1]; }
  [[nodiscard]] ResourceId resource() const { return ids_[2]; }
  [[nodiscard]] ResourceInstanceId resource_instance() const { return ids_[3]; }

  /// One level deeper; asserts depth() < 4.
  [[nodiscard]] Path child(std::uint16_t id) const;
  /// One level up; the root's parent is the root.
  [[nodiscard]] Path parent() const;
  /// The first `depth` levels.
  [[nodiscard]] Path prefix(int depth) const;
  /// True when this path is `other` or lies above it.
  [[nodiscard]] bool contains(const Path& other) const;

  /// Decimal ids 0 to 65535 without leading zeros, separated by '/', with or without the leading '/'. Nothing for
  /// anything else: an empty segment, a trailing '/', a fifth level, an id out of range. "/" and "" are the root.
  static std::optional<Path> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const Path&, const Path&) = default;

 private:
  std::uint16_t ids_[4]{};
  std::uint8_t depth_ = 0;
};

/// An object or enabler version "major.minor", each one digit (Core §6.2.2; 5.3.1 for the enabler).
struct Version {
  std::uint8_t major = 1;
  std::uint8_t minor = 0;

  static std::optional<Version> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  friend auto operator<=>(const Version&, const Version&) = default;
};

}  // namespace drover::lwm2m

template <>
struct std::hash<drover::lwm2m::Path> {
  std::size_t operator()(const drover::lwm2m::Path& path) const noexcept {
    return std::hash<std::uint64_t>{}((std::uint64_t{path.object()} << 48 | std::uint64_t{path.instance()} << 32 |
                                       std::uint64_t{path.resource()} << 16 | path.resource_instance()) *
                                          8 +
                                      static_cast<std::uint64_t>(path.depth()));
  }
};
