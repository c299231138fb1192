// SPDX-License-Identifier: Apache-2.0
#include "smartcard/file_control.hpp"

#include <algorithm>

#include "base/reader.hpp"
#include "smartcard/ber.hpp"

namespace drover::smartcard {
namespace {

constexpr ber::Tag kParameters = 0x62, kInformation = 0x6F;  // ISO/IEC 7816-4 §7.4.3: FCP, FCI
constexpr ber::Tag kSize = 0x80, kDescriptor = 0x82, kLifeCycle = 0x8A, kPinStatus = 0xC6;
constexpr ber::Tag kEnabledPins = 0x90, kKeyReference = 0x83;  // in the PIN status template

// File descriptor byte (§11.1.1.4.3).
constexpr std::uint8_t kTypeMask = 0x38, kStructureMask = 0x07;
constexpr std::uint8_t kTransparent = 0x01, kLinearFixed = 0x02, kCyclic = 0x06;

FileControl::Structure structure_of(std::uint8_t descriptor) {
  if ((descriptor & kTypeMask) == kTypeMask) return FileControl::Structure::Folder;
  switch (descriptor & kStructureMask) {
    case kTransparent: return FileControl::Structure::Transparent;
    case kLinearFixed:
    case kCyclic: return FileControl::Structure::Records;
    default: return FileControl::Structure::Unknown;
  }
}

/// §11.1.1.4.9: 04 and 06 are deactivated, 0C to 0F terminated.
bool is_deactivated_by(std::uint8_t life_cycle) {
  return life_cycle == 0x04 || life_cycle == 0x06 || (life_cycle >= 0x0C && life_cycle <= 0x0F);
}

void take_descriptor(FileControl& control, ByteView value) {
  ByteReader reader(value);
  const auto descriptor = reader.u8();
  if (!descriptor) return;
  control.structure = structure_of(*descriptor);
  static_cast<void>(reader.u8());  // data coding
  if (control.structure == FileControl::Structure::Records) control.record_size = reader.u16();
}

Result<void> take_pins(FileControl& control, const ber::Element& status) {
  ber::Reader reader(status);
  ByteView enabled;
  while (true) {
    const auto element = reader.next();
    if (!element) return tl::unexpected(element.error());
    if (!*element) return {};
    const ByteView value = (*element)->value;
    if ((*element)->tag == kEnabledPins) enabled = value;
    if ((*element)->tag != kKeyReference || value.size() != 1) continue;
    // The first reference's is the highest bit.
    const std::size_t at = control.pins.size();
    const bool is_enabled = at / 8 < enabled.size() && (enabled[at / 8] >> (7 - at % 8) & 1) != 0;
    control.pins.push_back({value[0], is_enabled});
  }
}

}  // namespace

bool is_pin_reference(std::uint8_t reference) {
  constexpr std::uint8_t kUniversal = 0x11, kLocal = 0x80;
  const std::uint8_t number = reference & static_cast<std::uint8_t>(~kLocal);
  return (number >= 1 && number <= 8) || reference == kUniversal;
}

std::optional<std::uint8_t> FileControl::enabled_pin() const {
  const auto found = std::ranges::find_if(
      pins, [](const Pin& pin) { return pin.is_enabled && is_pin_reference(pin.reference); });
  if (found == pins.end()) return std::nullopt;
  return found->reference;
}

Result<FileControl> FileControl::parse(ByteView answer) {
  FileControl control;
  if (answer.empty()) return control;
  const auto whole = ber::Reader(answer).next();
  if (!whole) return tl::unexpected(whole.error());
  if (!*whole || ((*whole)->tag != kParameters && (*whole)->tag != kInformation)) {
    return peer_error(0, "octet 0: no file control parameters");
  }
  ber::Reader reader(**whole);
  while (true) {
    const auto element = reader.next();
    if (!element) return tl::unexpected(element.error());
    if (!*element) return control;
    const ByteView value = (*element)->value;
    switch ((*element)->tag) {
      case kDescriptor: take_descriptor(control, value); break;
      case kSize: control.size = ber::number(value, false); break;
      case kLifeCycle: control.is_deactivated = !value.empty() && is_deactivated_by(value[0]); break;
      case kPinStatus:
        if (auto taken = take_pins(control, **element); !taken) return tl::unexpected(std::move(taken.error()));
        break;
      default: break;
    }
  }
}

}  // namespace drover::smartcard
