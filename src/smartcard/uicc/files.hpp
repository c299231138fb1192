// SPDX-License-Identifier: Apache-2.0
// A card's files, and which of them is selected (ETSI TS 102 221 §8, §11.1.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "smartcard/apdu.hpp"
#include "smartcard/uicc/uicc.hpp"

namespace drover::smartcard::uicc {

inline constexpr std::uint16_t kMasterFile = 0x3F00;
inline constexpr std::uint16_t kCurrentApplication = 0x7FFF;

/// What a logical channel has selected.
struct Selection {
  std::size_t folder = 0;                     ///< 0: the MF
  std::optional<std::size_t> file = {};         ///< in the folder; nothing: the folder itself
  std::optional<std::size_t> application = {};  ///< the folder that 7FFF stands for
};

class Files {
 public:
  /// Of the image: its files, folders, and the application for short messages, which has no files.
  explicit Files(const CardImage& image);

  /// SELECT. `selection` is left as it is unless the file is found.
  [[nodiscard]] Status select(Selection& selection, const Command& command) const;
  /// File control parameters (§11.1.1.3) of what is selected.
  [[nodiscard]] Bytes control_parameters(const Selection& selection) const;
  [[nodiscard]] const File* file(const Selection& selection) const;
  /// Octet by octet as it is on the card, padding included.
  [[nodiscard]] ByteView content(const Selection& selection) const;
  [[nodiscard]] bool is_sms_application(const Selection& selection) const;
  /// The same files by name among others; the MF where they are gone.
  [[nodiscard]] Selection moved_to(const Files& others, const Selection& selection) const;

 private:
  [[nodiscard]] Status by_identifier(Selection& selection, const Command& command) const;
  [[nodiscard]] Status by_path(Selection& selection, std::size_t from, ByteView path) const;
  [[nodiscard]] Status by_name(Selection& selection, const Command& command) const;
  [[nodiscard]] std::optional<std::size_t> folder_named(std::uint16_t id) const;
  [[nodiscard]] std::optional<std::size_t> file_named(std::size_t folder, std::uint16_t id) const;
  [[nodiscard]] Selection at_folder(const Selection& before, std::size_t folder) const;

  std::vector<Folder> folders_;  ///< the MF first; all others are its children
  std::optional<std::size_t> sms_application_;
  bool has_pin_ = false;
  std::uint8_t pin_reference_ = 0;
};

}  // namespace drover::smartcard::uicc
