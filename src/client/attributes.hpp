// SPDX-License-Identifier: Apache-2.0
// The NOTIFICATION class attributes of Core §5.1.2, as each server assigned them to objects, instances and resources.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "coap/message/link_format.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::client {

/// A server as its Short Server ID (Core §6.3), 1 to 65534.
using ServerId = std::uint16_t;

struct Attributes {
  std::optional<std::uint32_t> pmin;  ///< seconds
  std::optional<std::uint32_t> pmax;  ///< seconds
  std::optional<double> gt;
  std::optional<double> lt;
  std::optional<double> st;

  [[nodiscard]] bool empty() const { return !pmin && !pmax && !gt && !lt && !st; }
  [[nodiscard]] bool has_condition() const { return gt || lt || st; }
  /// Each one that isn't set here comes from `upper` (precedence rules 3 to 5 of Core §5.1.1).
  void inherit(const Attributes& upper);
  /// Link parameters in the order of Table 4: pmin, pmax, gt, lt, st.
  void append_to(std::vector<coap::LinkParameter>& parameters) const;
  friend bool operator==(const Attributes&, const Attributes&) = default;
};

/// What one Write-Attributes asks for: a name with its new value, or without one (unset); "cancel" never has one.
struct AttributeChange {
  std::string name;
  std::optional<double> number;
};

/// Parses query items such as "pmin=10", "gt=4.5", "st", "st=" (both unset) and "cancel" (SCR DMSE-010). 4.00 for an
/// unknown or doubled name, a value that isn't a number of the right kind, a value for cancel, and an empty list.
Result<std::vector<AttributeChange>> parse_attributes(const std::vector<std::string>& query);

/// Whether a query that parse_attributes() takes has the item "cancel": the server's observations of exactly that path
/// are to end.
bool asks_to_cancel(const std::vector<std::string>& query);

/// What a server assigned at a path.
struct AttributeEntry {
  ServerId server = 0;
  lwm2m::Path path;
  Attributes attributes;
  friend bool operator==(const AttributeEntry&, const AttributeEntry&) = default;
};

/// All attributes of all servers. Bounded: kEntriesMax assignments.
class AttributeStore {
 public:
  static constexpr std::size_t kEntriesMax = 16384;  ///< at some 140 bytes each: 2.3 MB

  /// Applies the changes at `path` or, when what is assigned there then breaks "pmin <= pmax", "lt < gt" or
  /// "lt + 2 st < gt", leaves everything as it was: 4.00. A pmax and a pmin of different levels may contradict each
  /// other: Notifier ignores such a pmax.
  Result<void> apply(ServerId server, const lwm2m::Path& path, const std::vector<AttributeChange>& changes);

  /// What `server` assigned at exactly that path.
  [[nodiscard]] Attributes assigned(ServerId server, const lwm2m::Path& path) const;
  /// What holds for it: assigned there, at the instance, at the object.
  [[nodiscard]] Attributes effective(ServerId server, const lwm2m::Path& path) const;

  /// An object instance is gone, and what was assigned at it or below it.
  void erase_below(const lwm2m::Path& path);
  void erase_server(ServerId server);

  /// All of them, ascending by server and path.
  [[nodiscard]] std::vector<AttributeEntry> entries() const;
  /// Puts back what entries() gave; what is there already at that path is replaced. Nothing happens past kEntriesMax.
  void restore(const AttributeEntry& entry);

 private:
  using Key = std::pair<ServerId, lwm2m::Path>;
  std::map<Key, Attributes> entries_;
};

}  // namespace drover::client
