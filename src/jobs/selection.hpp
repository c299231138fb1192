// SPDX-License-Identifier: Apache-2.0
// Which devices an operation of many is for.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::jobs {

/// All conditions that are given must hold. Patterns have `*` for any text and `?` for one character.
struct Selection {
  std::vector<std::string> endpoints;  ///< exactly these, whether they are registered or not; the others narrow it down
  std::string name;                    ///< pattern of the endpoint name; "": any
  std::vector<std::string> tags;       ///< each of them
  std::string manufacturer;            ///< pattern of the last value of /3/0/0; "": any
  std::string model;                   ///< pattern of that of /3/0/1 (Model Number)
  std::string version;                 ///< pattern of that of /3/0/3 (Firmware Version)
  std::optional<lwm2m::ObjectId> object{};  ///< announces it
  std::optional<UnixSeconds> seen_after{};  ///< last Register or Update, both ends included
  std::optional<UnixSeconds> seen_before{};

  /// Nothing is given: it would be for every device.
  [[nodiscard]] bool is_empty() const {
    return endpoints.empty() && name.empty() && tags.empty() && manufacturer.empty() && model.empty() &&
           version.empty() && !object && !seen_after && !seen_before;
  }
};

inline constexpr std::size_t kSelectedMax = 1'000'000;  ///< devices of one selection

/// Thread-safe.
class Selector {
 public:
  virtual ~Selector() = default;
  /// Gives the endpoints, ascending and each once. `done` is called once, on any thread, and must not block. Fault::Us
  /// for more than kSelectedMax.
  virtual void select(Selection selection, std::function<void(Result<std::vector<std::string>>)> done) = 0;
};

/// The last values that are known of devices. Thread-safe.
class KnownValues {
 public:
  virtual ~KnownValues() = default;
  /// Of a single resource, as text: strings as they are, numbers in decimal.
  [[nodiscard]] virtual std::optional<std::string> text(const std::string& endpoint, const lwm2m::Path& path) = 0;
};

}  // namespace drover::jobs
