// SPDX-License-Identifier: Apache-2.0
#include "campaign/reading.hpp"

#include <charconv>

#include "campaign/types.hpp"
#include "lwm2m/content/content.hpp"

namespace drover::campaign {

namespace {

/// Devices' own words are enough here: two objects whose types are known anyway.
class NoDefinitions final : public lwm2m::content::Definitions {
  [[nodiscard]] const lwm2m::model::ObjectDefinition* find(lwm2m::ObjectId) const override { return nullptr; }
};

std::optional<lwm2m::Tree> tree_of(const lwm2m::Outcome& outcome, const lwm2m::Path& path) {
  if (outcome.status != lwm2m::Status::Content) return std::nullopt;
  const auto format = lwm2m::format_of(outcome.format.value_or(lwm2m::format::kText));
  if (!format) return std::nullopt;
  auto tree = lwm2m::content::decode(*format, path, outcome.payload, NoDefinitions());
  if (!tree) return std::nullopt;
  return std::move(*tree);
}

/// An Integer of TLV (Core §6.4.3): 1, 2, 4 or 8 octets.
std::optional<std::int64_t> number_of(const Bytes& octets) {
  if (octets.empty() || octets.size() > 8) return std::nullopt;
  std::uint64_t value = (octets.front() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (const std::uint8_t octet : octets) value = value << 8 | octet;
  return static_cast<std::int64_t>(value);
}

std::optional<std::int64_t> number_of(const lwm2m::Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* opaque = std::get_if<lwm2m::Opaque>(&value)) return number_of(opaque->bytes);
  if (const auto* real = std::get_if<double>(&value); real != nullptr && *real >= 0 && *real <= 1e6) {
    return static_cast<std::int64_t>(*real);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    std::int64_t number = 0;
    const auto [stop, wrong] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (wrong == std::errc{} && stop == text->data() + text->size()) return number;
  }
  return std::nullopt;
}

std::optional<std::int64_t> number_at(const lwm2m::Tree& tree, const lwm2m::Path& path) {
  const auto* const node = tree.find(path.object(), path.instance(), path.resource());
  if (node == nullptr || node->instances.empty()) return std::nullopt;
  return number_of(node->instances.front().value);
}

}  // namespace

std::optional<Reading> read_update(const lwm2m::Outcome& outcome) {
  const auto tree = tree_of(outcome, kUpdateInstance);
  if (!tree) return std::nullopt;
  const auto state = number_at(*tree, kUpdateState);
  if (!state || *state < 0 || *state > static_cast<std::int64_t>(MachineState::Updating)) return std::nullopt;
  Reading reading;
  reading.state = static_cast<MachineState>(*state);
  reading.result = number_at(*tree, kUpdateResult).value_or(0);
  constexpr lwm2m::ResourceId kProtocols = 8, kDelivery = 9;
  reading.delivery = number_at(*tree, kUpdateInstance.child(kDelivery));
  if (const auto* const node = tree->find(kUpdateInstance.object(), kUpdateInstance.instance(), kProtocols)) {
    for (const auto& one : node->instances) {
      if (const auto number = number_of(one.value)) reading.protocols.push_back(*number);
    }
  }
  return reading;
}

std::optional<std::string> read_version(const lwm2m::Outcome& outcome) {
  const auto tree = tree_of(outcome, kFirmwareVersion);
  const auto* const node = tree ? tree->find(3, 0, 3) : nullptr;
  if (node == nullptr || node->instances.empty()) return std::nullopt;
  const lwm2m::Value& value = node->instances.front().value;
  std::string text;
  if (const auto* plain = std::get_if<std::string>(&value)) text = *plain;
  if (const auto* opaque = std::get_if<lwm2m::Opaque>(&value)) text = std::string(as_text(opaque->bytes));
  if (text.size() > kVersionMax || !is_utf8(text)) return std::nullopt;
  return text;
}

}  // namespace drover::campaign
