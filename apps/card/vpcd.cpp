// SPDX-License-Identifier: Apache-2.0
#include "apps/card/vpcd.hpp"

#include <utility>

#include "base/reader.hpp"

namespace drover::card {
namespace {

constexpr std::size_t kHeader = 2;
// Controls. The first three have no answer.
constexpr std::uint8_t kPowerOff = 0x00, kPowerOn = 0x01, kReset = 0x02, kGetAtr = 0x04;

}  // namespace

void VpcdSession::receive(ByteView bytes) {
  input_.insert(input_.end(), bytes.begin(), bytes.end());
  ByteReader reader(input_);
  std::size_t done = 0;
  while (true) {
    const auto length = reader.u16();
    const auto message = length ? reader.bytes(*length) : std::nullopt;
    if (!message) break;
    take(*message);
    done += kHeader + *length;
  }
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(done));
}

void VpcdSession::take(ByteView message) {
  if (message.empty()) return;
  if (message.size() > 1) {
    const Bytes response = card_.transmit(message);
    if (trace_ != nullptr) trace_->exchanged(message, response);
    return answer(response);
  }
  switch (message.front()) {
    case kPowerOff:
    case kPowerOn:
    case kReset: return card_.reset();
    case kGetAtr: return answer(card_.atr());
    default: return;
  }
}

void VpcdSession::answer(ByteView content) {
  ByteWriter writer;
  writer.u16(static_cast<std::uint16_t>(content.size()));
  writer.bytes(content);
  output_.insert(output_.end(), writer.view().begin(), writer.view().end());
}

std::optional<Bytes> VpcdSession::poll_output() {
  if (output_.empty()) return std::nullopt;
  return std::exchange(output_, {});
}

}  // namespace drover::card
