// SPDX-License-Identifier: Apache-2.0
#include "smartcard/channel.hpp"

#include <utility>

#include "base/secret.hpp"

namespace drover::smartcard {
namespace {

constexpr std::uint8_t kChannelBits = 0x03;
constexpr std::uint8_t kMoreWaits = 0x61, kWrongExpected = 0x6C;  ///< SW1
// P1 and P2 of SELECT (TS 102 221 §11.1.1) and MANAGE CHANNEL (§11.1.17).
constexpr std::uint8_t kByName = 0x04, kByPathFromMaster = 0x08, kControlParameters = 0x04;
constexpr std::uint8_t kOpen = 0x00, kClose = 0x80;

std::uint16_t expected_of(std::uint8_t sw2) { return sw2 == 0 ? std::uint16_t{kExpectedMax} : std::uint16_t{sw2}; }

/// One command over the line. What goes and comes is overwritten, since it may be a PIN or a key.
CardResult<Response> transmit_once(Terminal& terminal, const Command& command, Trace* trace) {
  auto encoded = encode(command);
  if (!encoded) return card_error(CardError::Kind::Malformed, std::move(encoded.error().reason));
  const Secret<Bytes> octets(std::move(*encoded));
  auto transmitted = terminal.transmit(octets.reveal());
  if (!transmitted) return tl::unexpected(std::move(transmitted.error()));
  const Secret<Bytes> answer(std::move(*transmitted));
  if (trace != nullptr) trace->exchanged(octets.reveal(), answer.reveal());
  auto response = decode_response(answer.reveal());
  if (!response) return card_error(CardError::Kind::Malformed, "the card gave " + std::move(response.error().reason));
  return std::move(*response);
}

/// Without leaving copies behind in memory that was given back.
void append(Bytes& all, Bytes& part) {
  if (all.empty()) {
    all = std::move(part);
    return;
  }
  if (all.size() + part.size() > all.capacity()) {
    Bytes bigger;
    bigger.reserve(kAnswerMax);
    bigger.assign(all.begin(), all.end());
    wipe(all);
    all = std::move(bigger);
  }
  all.insert(all.end(), part.begin(), part.end());
  wipe(part);
}

}  // namespace

void wipe(Bytes& bytes) { const Secret<Bytes> wiped(std::move(bytes)); }

CardResult<Response> exchange(Terminal& terminal, const Command& command, Trace* trace) {
  Response whole;
  Command next = command;
  bool is_corrected = false;
  for (unsigned i = 0; i < kTransmissionsMax; ++i) {
    auto part = transmit_once(terminal, next, trace);
    if (!part) {
      wipe(next.data);
      wipe(whole.data);
      return part;
    }
    const Status status = part->status;
    if (status.sw1() == kWrongExpected && !is_corrected) {
      // Nothing has happened yet: the same once more (ISO/IEC 7816-3 §10.3.3).
      next.expected = expected_of(status.sw2());
      is_corrected = true;
      continue;
    }
    if (whole.data.size() + part->data.size() > kAnswerMax) {
      wipe(part->data);
      break;
    }
    append(whole.data, part->data);
    if (status.sw1() != kMoreWaits) {
      wipe(next.data);
      whole.status = status;
      return whole;
    }
    wipe(next.data);
    next = {.cla = static_cast<std::uint8_t>(command.cla & kChannelBits),
            .ins = ins::kGetResponse,
            .expected = expected_of(status.sw2())};
    is_corrected = false;
  }
  wipe(next.data);
  wipe(whole.data);
  return card_error(CardError::Kind::Malformed, "an answer of the card doesn't end");
}

tl::unexpected<CardError> refusal(const std::string& what, Status status) {
  const bool is_missing = status == status::kFileNotFound || status == status::kRecordNotFound;
  return card_error(is_missing ? CardError::Kind::NotFound : CardError::Kind::Refused, what + ": " + status.describe(),
                    status.value);
}

CardResult<Response> Channel::send(const Command& command) {
  auto response = exchange(terminal_, command, trace_);
  const auto is_gone = [](CardError::Kind kind) {
    return kind == CardError::Kind::NoCard || kind == CardError::Kind::Removed || kind == CardError::Kind::Reset ||
           kind == CardError::Kind::Terminal;
  };
  if (!response && is_gone(response.error().kind)) is_lost_ = true;
  return response;
}

CardResult<void> Channel::open() {
  const auto response = send({.ins = ins::kManageChannel, .p1 = kOpen, .expected = 1});
  if (!response) return tl::unexpected(response.error());
  if (!response->status.is_success()) return refusal("no logical channel", response->status);
  if (response->data.size() != 1 || response->data[0] == 0) {
    return card_error(CardError::Kind::Malformed, "the card opened a logical channel and doesn't say which");
  }
  const std::uint8_t given = response->data[0];
  number_ = given;
  if (given > kChannelMax) {
    close();
    return card_error(CardError::Kind::Malformed, "the card opened logical channel " + std::to_string(given) +
                                                      ", those to " + std::to_string(kChannelMax) + " can be used");
  }
  return {};
}

CardResult<Response> Channel::select_application(ByteView aid) {
  host_.reset();
  was_secured_ = false;
  return transmit({.ins = ins::kSelect,
                   .p1 = kByName,
                   .p2 = kControlParameters,
                   .data = Bytes(aid.begin(), aid.end()),
                   .expected = kExpectedMax});
}

CardResult<void> Channel::secure(const scp03::Keys& keys, scp03::HostSettings settings, Rng& rng) {
  scp03::Challenge challenge{};
  const std::uint64_t random = rng.next();
  for (std::size_t i = 0; i < challenge.size(); ++i) challenge[i] = static_cast<std::uint8_t>(random >> (8 * i));
  auto host = scp03::Host::make(keys, challenge, number_, settings);
  if (!host) return card_error(CardError::Kind::Channel, std::move(host.error().reason));
  const auto card = send(host->initialize_update());
  if (!card) return tl::unexpected(card.error());
  const auto authenticate = host->authenticate(*card);
  if (!authenticate) return tl::unexpected(authenticate.error());
  const auto answer = send(*authenticate);
  if (!answer) return tl::unexpected(answer.error());
  if (auto done = host->authenticated(*answer); !done) return done;
  host_ = std::move(*host);
  was_secured_ = true;
  return {};
}

CardResult<Response> Channel::select_file(ByteView path) {
  return transmit({.ins = ins::kSelect,
                   .p1 = kByPathFromMaster,
                   .p2 = kControlParameters,
                   .data = Bytes(path.begin(), path.end()),
                   .expected = kExpectedMax});
}

CardResult<Response> Channel::transmit(Command command) {
  command.cla = static_cast<std::uint8_t>((command.cla & ~kChannelBits) | number_);
  if (is_session_over()) {
    wipe(command.data);
    return card_error(CardError::Kind::Channel, "secure channel: the session is over");
  }
  if (!host_) {
    auto response = send(command);
    wipe(command.data);
    return response;
  }
  const auto wrapped = host_->wrap(command);
  wipe(command.data);
  if (!wrapped) return tl::unexpected(wrapped.error());
  const auto answer = send(*wrapped);
  if (answer) return host_->unwrap(*answer);
  // Whether the card counted the command isn't known.
  host_.reset();
  return answer;
}

void Channel::close() {
  host_.reset();
  was_secured_ = false;
  const std::uint8_t number = std::exchange(number_, std::uint8_t{0});
  if (number == 0 || is_lost_) return;
  // A card that doesn't close it does so when it is reset.
  static_cast<void>(send({.ins = ins::kManageChannel, .p1 = kClose, .p2 = number}));
}

}  // namespace drover::smartcard
