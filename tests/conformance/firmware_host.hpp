// SPDX-License-Identifier: Apache-2.0
// The program around a client that takes firmware: storage in memory, and a look at the image as the case wants it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/objects/firmware_object.hpp"
#include "tests/conformance/configurations.hpp"

namespace drover::conformance {

/// C.8 with push; as the device's program it checks and installs at once.
class FirmwareHost final : private client::FirmwareSink {
 public:
  /// What the storage and the check find.
  struct Fate {
    std::size_t capacity = std::size_t{1} << 20;  ///< bytes; more is no space
    std::size_t memory = std::size_t{1} << 20;    ///< bytes; more is out of memory
    client::FirmwareResult finding = client::FirmwareResult::Initial;
    bool installs = true;
  };
  FirmwareHost() : FirmwareHost(Fate{}) {}
  explicit FirmwareHost(Fate fate) : fate_(fate) {}
  FirmwareHost(const FirmwareHost&) = delete;
  FirmwareHost& operator=(const FirmwareHost&) = delete;

  /// For a site, which it outlives.
  [[nodiscard]] Configuration configuration();
  /// While set, nothing is checked or installed.
  void hold(bool held) { held_ = held; }
  [[nodiscard]] client::FirmwareObject& object() { return object_; }
  [[nodiscard]] const Bytes& image() const { return image_; }
  [[nodiscard]] int installs() const { return installs_; }

  static constexpr const char* kNewVersion = "2.0";

 private:
  Stored begin() override;
  Stored append(ByteView bytes) override;
  Stored finish() override { return {}; }
  void discard() override { image_.clear(); }
  /// Carries out what the firmware object wants; true when there was something.
  bool work(Site& site);

  Fate fate_;
  client::FirmwareObject object_{*this, {}};
  Bytes image_;
  bool held_ = false;
  int installs_ = 0;
};

}  // namespace drover::conformance
