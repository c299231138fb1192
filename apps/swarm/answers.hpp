// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "apps/swarm/options.hpp"
#include "lwm2m/content/content.hpp"
#include "lwm2m/operation/operation.hpp"

namespace drover::swarm {

/// What one device's answer depends on; everything else is the same for all of them.
struct Readings {
  std::uint32_t number = 0;    ///< of the device
  std::uint32_t lifetime = 0;  ///< /1/0/1
  std::uint32_t changes = 0;   ///< how often the sensors have changed
};

/// What an operation asks the device to do besides answering.
struct Effects {
  bool update = false;                    ///< /1/0/8, or a written lifetime
  bool reboot = false;                    ///< /3/0/4: registers anew
  std::optional<std::uint32_t> lifetime;  ///< written to /1/0/1
};

/// The object tree that all devices share: /1/0 (server), /3/0 (device) and some /3303 (temperature), read-only but for
/// the lifetime. Nothing is stored for a device: its values follow from its Readings.
class Answers {
 public:
  explicit Answers(std::uint32_t sensors) : sensors_(sensors) {}

  [[nodiscard]] lwm2m::Announcement announcement() const;

  /// Observe is answered as Read, CancelObservation too.
  [[nodiscard]] lwm2m::Outcome answer(const lwm2m::Downlink& operation, const Readings& readings,
                                      Effects& effects) const;
  /// `accept` nothing: text for a single resource, TLV for all else.
  [[nodiscard]] lwm2m::Outcome read(const lwm2m::Path& path, std::optional<lwm2m::FormatNumber> accept,
                                    const Readings& readings) const;

 private:
  struct Entry {
    lwm2m::Path path;
    lwm2m::Value value;
    bool multiple = false;
  };
  [[nodiscard]] std::vector<Entry> entries(const lwm2m::Path& path, const Readings& readings) const;
  [[nodiscard]] lwm2m::Outcome discover(const lwm2m::Path& path) const;
  [[nodiscard]] lwm2m::Outcome write(const lwm2m::Write& write, Effects& effects) const;
  [[nodiscard]] lwm2m::Outcome execute(const lwm2m::Path& path, Effects& effects) const;
  [[nodiscard]] bool exists(const lwm2m::Path& path) const;

  std::uint32_t sensors_;
};

}  // namespace drover::swarm
