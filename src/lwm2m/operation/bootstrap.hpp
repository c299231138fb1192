// SPDX-License-Identifier: Apache-2.0
// What clients and Bootstrap-Servers ask of each other (Core §5.2.7), without any CoAP code in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "lwm2m/content/format.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::lwm2m {

/// Client to Bootstrap-Server (§5.2.7.1).
struct BootstrapRequest {
  std::string endpoint;                 ///< "" when absent
  std::optional<FormatNumber> format;   ///< `pct` of 1.1: what the client likes to be written in
  std::vector<std::string> unknown;     ///< query parameters nobody defined
};

/// §5.2.7.3: the root or an object.
struct BootstrapDiscover {
  Path path;
};
/// §5.2.7.4: an object, an instance or a resource.
struct BootstrapWrite {
  Path path;
  std::optional<FormatNumber> format;  ///< nothing when the peer sent none
  Bytes payload;
};
/// §5.2.7.5: the root, an object or an instance.
struct BootstrapDelete {
  Path path;
};
/// §5.2.7.2.
struct BootstrapFinish {};

/// Bootstrap-Server to client.
using BootstrapOperation = std::variant<BootstrapDiscover, BootstrapWrite, BootstrapDelete, BootstrapFinish>;

Path path_of(const BootstrapOperation& operation);           ///< the root for Finish
const char* name_of(const BootstrapOperation& operation);  ///< "Bootstrap-Write", ...

/// An object or object instance in the answer to a Bootstrap-Discover.
struct BootstrapEntry {
  Path path;                                       ///< an object or an instance
  std::optional<std::uint16_t> short_server_id{};  ///< `ssid`, of instances of objects 0 and 1
  std::optional<Version> version{};                ///< `ver`, of objects
  friend bool operator==(const BootstrapEntry&, const BootstrapEntry&) = default;
};
struct BootstrapListing {
  std::optional<std::string> enabler{};  ///< "1.0"; nothing when the client didn't say
  std::vector<BootstrapEntry> entries;
  friend bool operator==(const BootstrapListing&, const BootstrapListing&) = default;
};

}  // namespace drover::lwm2m
