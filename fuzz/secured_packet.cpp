// SPDX-License-Identifier: Apache-2.0
// Secured packets. The first byte chooses the algorithm and what the rest is: a packet of somebody's, data that is sent
// and altered on its way, or key parameters.
#include <cstdlib>

#include "base/reader.hpp"
#include "security/sps/packet.hpp"

namespace {

using namespace drover;
using namespace drover::security::sps;

void check(bool holds) {
  if (!holds) std::abort();
}

Codec make(bool aes) {
  Parameters parameters;
  parameters.spi2 = kSpi2Receipt;
  if (!aes) parameters.kic = parameters.kid = 0x19;
  Bytes keys(48);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<std::uint8_t>(3 * i);
  return std::move(*Codec::make(parameters, *Keys::parse(parameters, Secret<Bytes>(keys))));
}

/// Nobody makes a checksum by chance.
void read(Codec& codec, ByteView packet) {
  check(!codec.decode_command(packet) && !codec.decode_response(packet));
  if (const auto message = unwrap(kCoapTag, packet)) {
    check(message->size() < packet.size());
    const Bytes again = wrap(kCoapTag, *message);
    check(again.size() <= packet.size());
  }
}

/// Five octets of counter, two that say which bit is flipped, data.
void send(Codec& codec, ByteView input) {
  ByteReader reader(input);
  const auto counter = reader.uint(5);
  const auto bit = reader.u16();
  if (!bit) return;
  const ByteView data = reader.rest();
  auto command = codec.encode_command(*counter, data);
  check(command.has_value() == (*counter < kCounterBlocked));
  if (!command) return;
  const auto back = codec.decode_command(command->bytes);
  check(back && back->counter == *counter && back->data == Bytes(data.begin(), data.end()));
  check(back->checksum == command->checksum && !codec.decode_response(command->bytes));

  auto receipt = codec.encode_response(*counter, static_cast<Status>(*bit & 0x0F), data);
  const auto response = codec.decode_response(receipt->bytes);
  check(response && response->counter == *counter && response->status == static_cast<Status>(*bit & 0x0F));
  check(!codec.decode_command(receipt->bytes));
  for (Bytes* packet : {&command->bytes, &receipt->bytes}) {
    const std::size_t at = *bit % (packet->size() * 8);
    (*packet)[at / 8] ^= static_cast<std::uint8_t>(1 << at % 8);
    check(!codec.decode_command(*packet) && !codec.decode_response(*packet));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kSizeMax = 4096;
  if (size == 0 || size > kSizeMax) return 0;
  static Codec aes = make(true), triple_des = make(false);
  Codec& codec = (data[0] & 1) != 0 ? aes : triple_des;
  const ByteView input(data + 1, size - 1);
  if ((data[0] & 2) != 0) send(codec, input);
  if ((data[0] & 4) != 0) read(codec, input);
  if ((data[0] & 8) != 0) {
    const auto parameters = Parameters::parse(input);
    check(!parameters || Parameters::parse(parameters->octets()) == *parameters);
  }
  return 0;
}
