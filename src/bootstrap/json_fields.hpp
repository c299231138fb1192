// SPDX-License-Identifier: Apache-2.0
// Members of JSON objects, with the place of the first mistake. For this folder alone.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace drover::bootstrap {

/// JSON of RFC 8259; doubled members and nesting past 16 levels are refused. The error names the byte and repeats nothing.
Result<nlohmann::json> read_json(std::string_view text);

/// The first thing that is wrong; later ones may follow from it.
class Problems {
 public:
  void add(const std::string& place, std::string_view reason) {
    if (!first_) first_ = (place.empty() ? "" : place + ": ") + std::string(reason);
  }
  [[nodiscard]] bool any() const { return first_.has_value(); }
  [[nodiscard]] tl::unexpected<Error> error() const { return peer_error(0, *first_); }

 private:
  std::optional<std::string> first_;
};

/// An object's members, each asked for by its name; what nobody has asked for when it ends is a mistake.
class Fields {
 public:
  Fields(Problems& problems, const nlohmann::json& value, std::string place);
  ~Fields();
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  [[nodiscard]] bool has(const char* name) const;
  /// nullptr when it isn't there.
  const nlohmann::json* take(const char* name);
  std::optional<std::string> text(const char* name);
  std::optional<bool> flag(const char* name);
  std::optional<std::int64_t> number(const char* name, std::int64_t least, std::int64_t most);
  /// Hexadecimal digits; at least one byte.
  std::optional<Bytes> hex(const char* name);
  void missing(const char* name) { problems_.add(at(name), "missing"); }
  void bad(const char* name, std::string_view reason) { problems_.add(at(name), reason); }
  [[nodiscard]] std::string at(const char* name) const { return place_.empty() ? name : place_ + '.' + name; }
  [[nodiscard]] const std::string& place() const { return place_; }
  [[nodiscard]] Problems& problems() { return problems_; }

 private:
  Problems& problems_;
  const nlohmann::json& value_;
  std::string place_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace drover::bootstrap
