// SPDX-License-Identifier: Apache-2.0
// A card made of software. The first byte chooses its protocol and what it needs; behind it come commands, each with its
// length in a byte; one that begins with FE is a plain command that is sent protected, one with FF a reset.
#include <cstdlib>
#include <optional>
#include <string>

#include "base/reader.hpp"
#include "smartcard/scp03.hpp"
#include "smartcard/uicc/uicc.hpp"

namespace {

using namespace drover;
using namespace drover::smartcard;

constexpr std::uint8_t kProtected = 0xFE, kReset = 0xFF;

void check(bool holds) {
  if (!holds) std::abort();
}

scp03::Keys keys() { return {Secret<Bytes>(Bytes(16, 0x40)), Secret<Bytes>(Bytes(16, 0x50))}; }

uicc::CardImage image(std::uint8_t choice) {
  uicc::CardImage card;
  card.t0 = (choice & 1) != 0;
  card.files = {{0x2F00, {0x61, 0x02, 0x4F, 0x00}, 0x26, 0x26}, {0x2FE2, Bytes(10, 0x98)}};
  const Bytes aid{0xA0, 0x00, 0x00, 0x00, 0x63, 0x50, 0x4B, 0x43, 0x53, 0x2D, 0x31, 0x35};
  uicc::File file{0x6432, Bytes(600, 0x11)};
  file.needs_pin = (choice & 2) != 0;
  file.needs_secure_channel = (choice & 4) != 0;
  card.folders = {{0x7F50, aid, "", {{0x5031, {0xA7, 0x00}}, file}}};
  if (file.needs_pin) card.pin = Secret<std::string>("1234");
  if ((choice & 8) != 0) card.keys = keys();
  if ((choice & 16) != 0) {
    uicc::SmsApplication application;
    application.aid = {0xA0, 0x00, 0x00, 0x00, 0x09};
    application.keys = {Secret<Bytes>(Bytes(16, 1)), Secret<Bytes>(Bytes(16, 2))};
    application.needs_secure_channel = (choice & 4) != 0;
    if ((choice & 32) != 0) application.parameters.spi2 = security::sps::kSpi2Receipt;
    card.sms = application;
  }
  return card;
}

Bytes transmit(uicc::Uicc& card, ByteView command) {
  Bytes answer = card.transmit(command);
  check(answer.size() >= 2 && answer.size() <= kExpectedMax + 2);
  check(card.pin_tries() <= 3);
  return answer;
}

/// Over a session that is begun on the basic channel; what the card says to it can be read.
void transmit_protected(uicc::Uicc& card, std::optional<scp03::Host>& host, ByteView bytes) {
  const auto command = decode_command(bytes);
  if (!command || command->data.size() > scp03::kCommandDataMax) return;
  const auto send = [&card](const Command& sent) { return *decode_response(transmit(card, *encode(sent))); };
  if (!host || !host->is_open()) {
    host.emplace(*scp03::Host::make(keys(), {1, 2, 3}, 0));
    const auto authenticate = host->authenticate(send(host->initialize_update()));
    if (!authenticate || !host->authenticated(send(*authenticate))) return host.reset();
  }
  const auto wrapped = host->wrap(*command);
  check(wrapped.has_value());
  const auto answer = send(*wrapped);
  if (answer.status.sw1() != 0x61) return static_cast<void>(host->unwrap(answer));
  const std::uint8_t waiting = answer.status.sw2();
  const std::uint16_t expected = waiting == 0 ? std::uint16_t{kExpectedMax} : waiting;
  static_cast<void>(host->unwrap(send({0, ins::kGetResponse, 0, 0, {}, expected})));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kSizeMax = 8192;
  if (size == 0 || size > kSizeMax) return 0;
  SplitMix rng(1);
  uicc::Uicc card(image(data[0]), rng);
  std::optional<scp03::Host> host;
  ByteReader reader(ByteView(data + 1, size - 1));
  while (const auto length = reader.u8()) {
    const auto command = reader.bytes(std::min<std::size_t>(*length, reader.remaining()));
    if (!command->empty() && command->front() == kReset) {
      card.reset();
    } else if (!command->empty() && command->front() == kProtected) {
      transmit_protected(card, host, command->subspan(1));
    } else {
      transmit(card, *command);
    }
  }
  return 0;
}
