// SPDX-License-Identifier: Apache-2.0
// The secure channel of a card. The first octet chooses: an answer to INITIALIZE UPDATE of somebody's, a protected
// command of somebody's, or a session between both halves, in which a bit flips on the way.
#include <algorithm>
#include <cstdlib>

#include "base/reader.hpp"
#include "smartcard/scp03.hpp"

namespace {

using namespace drover;
using namespace drover::smartcard;

void check(bool holds) {
  if (!holds) std::abort();
}

constexpr scp03::Challenge kHostChallenge = {0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
constexpr scp03::Challenge kCardChallenge = {8, 7, 6, 5, 4, 3, 2, 1};

scp03::Keys keys(std::size_t size) {
  Bytes enc(size), mac(size);
  for (std::size_t i = 0; i < size; ++i) {
    enc[i] = static_cast<std::uint8_t>(0x40 + i);
    mac[i] = static_cast<std::uint8_t>(0x50 + i);
  }
  return {.enc = Secret<Bytes>(enc), .mac = Secret<Bytes>(mac)};
}

struct Session {
  explicit Session(std::size_t size)
      : host(*scp03::Host::make(keys(size), kHostChallenge, 1)),
        card(*scp03::Card::make(keys(size), kHostChallenge, kCardChallenge)) {
    const auto command = host.authenticate({card.initialize_update_answer(), status::kDone});
    check(command && card.authenticate(*command) && host.authenticated({{}, status::kDone}).has_value());
  }
  scp03::Host host;
  scp03::Card card;
};

void hear(ByteView octets) {
  auto host = scp03::Host::make(keys(16), kHostChallenge, 1);
  const Response answer{Bytes(octets.begin(), octets.end()), status::kDone};
  const auto command = host->authenticate(answer);
  // Whoever knows the cryptogram knows the keys: a fuzzer has it from the corpus.
  if (!command) check(!host->is_open() && !host->authenticated({{}, status::kDone}));
}

void obey(ByteView octets) {
  const auto command = decode_command(octets);
  if (!command) return;
  Session session(16);
  check(!session.card.unwrap(*command) && !session.card.is_open());
  auto fresh = scp03::Card::make(keys(16), kHostChallenge, kCardChallenge);
  static_cast<void>(fresh->authenticate(*command));
}

/// Flips a bit of what goes over the line; true when it is part of what is protected.
bool flip(Bytes& data, std::uint16_t bit) {
  if (data.empty()) return false;
  const std::size_t at = bit % (data.size() * 8);
  data[at / 8] ^= static_cast<std::uint8_t>(1 << at % 8);
  return true;
}

/// Commands and answers in turn: header, what happens to it, lengths, then octets.
void talk(std::size_t size, ByteReader reader) {
  Session session(size);
  while (!reader.empty()) {
    const auto header = reader.bytes(3);
    const auto mischief = reader.u8();
    const auto bit = reader.u16();
    const auto length = reader.u8();
    const auto answer_length = reader.u8();
    if (!answer_length) return;
    const auto take = [&reader](std::size_t wanted) {
      const ByteView octets = *reader.bytes(std::min(wanted, reader.remaining()));
      return Bytes(octets.begin(), octets.end());
    };
    Command command{.cla = 0x81, .ins = (*header)[0], .p1 = (*header)[1], .p2 = (*header)[2], .data = take(*length)};
    if ((*bit & 1) != 0) command.expected = kExpectedMax;
    auto wrapped = session.host.wrap(command);
    check(wrapped.has_value() == (command.data.size() <= scp03::kCommandDataMax));
    if (!wrapped) return;
    check(encode(*wrapped).has_value() && decode_command(*encode(*wrapped)) == *wrapped);
    if (*mischief == 1) {
      flip(wrapped->data, *bit);
      check(!session.card.unwrap(*wrapped) && !session.card.is_open());
      return;
    }
    const auto unwrapped = session.card.unwrap(*wrapped);
    check(unwrapped && *unwrapped == command);
    const Response answer{take(*answer_length), (*bit & 2) != 0 ? Status{0x6282} : status::kDone};
    Response protected_answer = session.card.wrap(answer);
    if (answer.data.size() > scp03::kResponseDataMax) return;
    check(decode_response(encode(protected_answer)).has_value());
    const bool is_altered = *mischief == 2 && flip(protected_answer.data, *bit);
    if (*mischief == 3) protected_answer.data.pop_back();
    const auto back = session.host.unwrap(protected_answer);
    if (is_altered || *mischief == 3) {
      check(!back && back.error().kind == CardError::Kind::Channel && !session.host.is_open());
      return;
    }
    check(back && *back == answer);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(ByteView(data, size));
  const auto mode = reader.u8();
  if (!mode) return 0;
  switch (*mode % 5) {
    case 0: hear(reader.rest()); break;
    case 1: obey(reader.rest()); break;
    case 2: talk(16, reader); break;
    case 3: talk(24, reader); break;
    default: talk(32, reader); break;
  }
  return 0;
}
