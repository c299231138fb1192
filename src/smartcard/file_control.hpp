// SPDX-License-Identifier: Apache-2.0
// What SELECT says of a file: its control parameters (FCP; ETSI TS 102 221 §11.1.1.3, §11.1.1.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace drover::smartcard {

struct FileControl {
  enum class Structure : std::uint8_t { Unknown, Transparent, Records, Folder };
  /// A key reference of the PIN status template (tag C6).
  struct Pin {
    std::uint8_t reference = 0;
    bool is_enabled = false;
  };

  Structure structure = Structure::Unknown;
  std::optional<std::uint32_t> size = {};          ///< octets, of the content alone
  std::optional<std::uint16_t> record_size = {};
  bool is_deactivated = false;  ///< or terminated
  std::vector<Pin> pins = {};

  /// The PIN to verify: the first of people's that is enabled; nothing: none is, or there is none. Administrators' keys
  /// are never meant.
  [[nodiscard]] std::optional<std::uint8_t> enabled_pin() const;

  /// An error: not a template, or cut off. Nothing at all says nothing of the file.
  static Result<FileControl> parse(ByteView answer);
};

/// A reference that a person's PIN can have (TS 102 221 table 9.3): applications', the universal, local ones.
bool is_pin_reference(std::uint8_t reference);

}  // namespace drover::smartcard
