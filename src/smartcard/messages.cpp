// SPDX-License-Identifier: Apache-2.0
#include "smartcard/messages.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/reader.hpp"
#include "smartcard/channel.hpp"

namespace drover::smartcard {
namespace {

using Kind = CardError::Kind;

constexpr std::uint8_t kGlobalPlatformClass = 0x80;
constexpr std::uint8_t kNextBlock = 0x80;  // P1 of GET DATA, see messages.hpp
constexpr std::uint8_t kLastBlock = 0x80;  // P1 of STORE DATA (GlobalPlatform Card Specification §11.11.2.1)
constexpr std::uint8_t kCloseChannel = 0x80;
constexpr std::size_t kMessageHeader = 3;  ///< tag, and a length of 16 bits

// TP-OA, TP-DA (3GPP TS 23.040 §9.1.2.5).
constexpr std::size_t kDigitsMax = 20, kShortCodeMax = 6;
constexpr std::uint8_t kInternational = 0x91, kUnknown = 0x81;
constexpr std::uint8_t kTypeOfNumber = 0x70, kAlphanumeric = 0x50;

/// Numbers whose address is remembered: a device has a few servers.
constexpr std::size_t kAddressesMax = 64;
/// Messages from what isn't a number that one call leaves behind.
constexpr unsigned kSkippedMax = 16;

/// "Nothing has come", in the words of different cards.
bool is_nothing(Status status) {
  constexpr Status kNone[] = {status::kReferenceNotFound, status::kFileNotFound, status::kRecordNotFound,
                              status::kConditionsNotSatisfied};
  return std::ranges::find(kNone, status) != std::end(kNone);
}

/// The card doesn't know the channel or the session any more, or never wanted to do without one.
bool has_forgotten(Status status) {
  constexpr Status kForgotten[] = {status::kChannelNotSupported, status::kSecureMessagingNotSupported,
                                   status::kSecurityNotSatisfied, Status{0x6988}};
  return std::ranges::find(kForgotten, status) != std::end(kForgotten);
}

/// Octets of the address in front; nothing: it isn't whole.
std::optional<std::size_t> address_size(ByteView bytes) {
  if (bytes.empty() || bytes[0] > kDigitsMax) return std::nullopt;
  const std::size_t size = 2 + (std::size_t{bytes[0]} + 1) / 2;
  if (size > bytes.size()) return std::nullopt;
  return size;
}

/// "": it isn't a number.
std::string digits_of(ByteView address) {
  if ((address[1] & kTypeOfNumber) == kAlphanumeric) return {};
  std::string digits;
  for (std::size_t i = 0; i < address[0]; ++i) {
    const std::uint8_t octet = address[2 + i / 2];
    const unsigned digit = i % 2 == 0 ? octet & 0x0FU : octet >> 4U;
    if (digit > 9) return {};
    digits.push_back(static_cast<char>('0' + digit));
  }
  return digits;
}

std::optional<Bytes> address_of(const std::string& digits) {
  const bool fine = !digits.empty() && digits.size() <= kDigitsMax &&
                    std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!fine) return std::nullopt;
  Bytes address{static_cast<std::uint8_t>(digits.size()), digits.size() <= kShortCodeMax ? kUnknown : kInternational};
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const auto low = static_cast<unsigned>(digits[i] - '0');
    const unsigned high = i + 1 < digits.size() ? static_cast<unsigned>(digits[i + 1] - '0') : 0xFU;
    address.push_back(static_cast<std::uint8_t>(high << 4U | low));
  }
  return address;
}

}  // namespace

struct MessageApplication::State {
  Terminal& terminal;
  MessageSettings settings;
  Rng& rng;
  Trace* trace;
  std::optional<Channel> channel = {};  ///< the application is selected, and the session open
  bool is_connected = false;
  std::uint8_t left_open = 0;  ///< a channel that the card may still hold for us
  bool is_proactive = false;
  std::map<std::string, Bytes> addresses = {};  ///< by digits, as they came

  CardResult<void> open();
  CardResult<void> select();
  void drop(const CardError& error);
  template <class T>
  CardResult<T> with_application(const std::function<CardResult<T>()>& work);
  CardResult<Response> transmit(Command command);
  CardResult<Bytes> get_data();
  CardResult<std::optional<CardMessage>> read(ByteView data);
  CardResult<void> store_data(ByteView data);
  void remember(const std::string& msisdn, ByteView address);
};

CardResult<void> MessageApplication::State::open() {
  if (!is_connected) {
    const auto atr = terminal.connect();
    if (!atr) return tl::unexpected(atr.error());
    is_connected = true;
    // A modem's card isn't reset when somebody else has used the terminal: our channel is still open there.
    const std::uint8_t stale = std::exchange(left_open, std::uint8_t{0});
    if (atr->empty() && stale != 0) {
      static_cast<void>(
          exchange(terminal, {.ins = ins::kManageChannel, .p1 = kCloseChannel, .p2 = stale}, trace));
    }
  }
  channel.emplace(terminal, trace);
  auto selected = select();
  if (!selected) drop(selected.error());
  return selected;
}

CardResult<void> MessageApplication::State::select() {
  if (auto opened = channel->open(); !opened) return opened;
  const auto selected = channel->select_application(settings.aid);
  if (!selected) return tl::unexpected(selected.error());
  if (!selected->status.is_success()) return refusal("the LwM2M application can't be selected", selected->status);
  is_proactive = is_proactive || selected->status.sw1() == 0x91;
  if (!settings.keys) return {};
  return channel->secure(*settings.keys, settings.secure_channel, rng);
}

/// The channel is closed where the card can still be talked to.
void MessageApplication::State::drop(const CardError& error) {
  const bool is_lost = error.kind == Kind::NoCard || error.kind == Kind::Removed || error.kind == Kind::Reset ||
                       error.kind == Kind::Terminal;
  if (is_lost) {
    is_connected = false;
    if (channel && channel->number() != 0) left_open = channel->number();
  }
  channel.reset();
}

/// A card that was reset, or that ended the session, is begun with anew, once.
template <class T>
CardResult<T> MessageApplication::State::with_application(const std::function<CardResult<T>()>& work) {
  for (bool is_again = false;; is_again = true) {
    const bool was_open = channel.has_value();
    if (!was_open) {
      if (auto opened = open(); !opened) {
        // Who finds the terminal unconnected though it was connected has lost it to another user of it.
        if (opened.error().kind == Kind::Reset && !is_again) continue;
        return tl::unexpected(std::move(opened.error()));
      }
    }
    auto done = work();
    if (done) return done;
    const Kind kind = done.error().kind;
    const bool begins_anew = kind == Kind::Reset || kind == Kind::Channel || has_forgotten({done.error().status});
    if (begins_anew || kind == Kind::Removed || kind == Kind::Terminal || kind == Kind::NoCard) drop(done.error());
    if (is_again || !was_open || !begins_anew) return done;
  }
}

CardResult<Response> MessageApplication::State::transmit(Command command) {
  auto response = channel->transmit(std::move(command));
  if (response && response->status.sw1() == 0x91) is_proactive = true;
  return response;
}

// ---- in

/// All of what GET DATA has; empty: nothing.
CardResult<Bytes> MessageApplication::State::get_data() {
  Command command{.cla = kGlobalPlatformClass,
                  .ins = ins::kGetData,
                  .p1 = settings.get_data_p1,
                  .p2 = settings.get_data_p2,
                  .expected = kExpectedMax};
  Bytes all;
  for (;;) {
    auto part = transmit(command);
    if (!part) return tl::unexpected(std::move(part.error()));
    if (!part->status.is_success()) {
      if (all.empty() && is_nothing(part->status)) return Bytes();
      return refusal("GET DATA", part->status);
    }
    if (part->data.empty()) {
      if (all.empty()) return Bytes();
      return card_error(Kind::Malformed, "a message of the card's application is cut off");
    }
    all.insert(all.end(), part->data.begin(), part->data.end());
    const auto address = address_size(all);
    if (!address || all.size() < *address + kMessageHeader) {
      return card_error(Kind::Malformed, "a message of the card's application without address or length");
    }
    const std::size_t whole =
        *address + kMessageHeader + (std::size_t{all[*address + 1]} << 8 | all[*address + 2]);
    if (whole > kCardMessageMax || all.size() > whole) {
      return card_error(Kind::Malformed, "a message of the card's application of an impossible length");
    }
    if (all.size() == whole) return all;
    command.p1 |= kNextBlock;
  }
}

/// Nothing: it isn't from a number.
CardResult<std::optional<CardMessage>> MessageApplication::State::read(ByteView data) {
  const std::size_t size = address_size(data).value_or(0);
  const ByteView address = data.first(size);
  if (data[size] != settings.coap_tag) {
    return card_error(Kind::Malformed, "a message of the card's application with another tag than CoAP's");
  }
  std::string digits = digits_of(address);
  if (digits.empty()) return std::nullopt;
  remember(digits, address);
  const ByteView coap = data.subspan(size + kMessageHeader);
  return CardMessage{std::move(digits), Bytes(coap.begin(), coap.end())};
}

void MessageApplication::State::remember(const std::string& msisdn, ByteView address) {
  if (!addresses.contains(msisdn) && addresses.size() >= kAddressesMax) addresses.erase(addresses.begin());
  addresses[msisdn] = Bytes(address.begin(), address.end());
}

// ---- out

CardResult<void> MessageApplication::State::store_data(ByteView data) {
  const std::size_t most = channel->is_secured() ? scp03::kCommandDataMax : kDataMax;
  for (std::uint8_t number = 0;; ++number) {
    const ByteView block = data.first(std::min(most, data.size()));
    data = data.subspan(block.size());
    const bool is_last = data.empty();
    Command command{.cla = kGlobalPlatformClass,
                    .ins = ins::kStoreData,
                    .p1 = static_cast<std::uint8_t>(is_last ? settings.store_data_p1 | kLastBlock
                                                            : settings.store_data_p1 & ~kLastBlock),
                    .p2 = static_cast<std::uint8_t>(settings.store_data_p2 + number),
                    .data = Bytes(block.begin(), block.end())};
    if (channel->is_secured()) command.expected = kExpectedMax;  // the code of the answer
    const auto answer = transmit(std::move(command));
    if (!answer) return tl::unexpected(answer.error());
    if (!answer->status.is_success()) return refusal("STORE DATA", answer->status);
    if (is_last) return {};
  }
}

// ---- for everybody

MessageApplication::MessageApplication(Terminal& terminal, MessageSettings settings, Rng& rng, Trace* trace)
    : state_(new State{terminal, std::move(settings), rng, trace}) {}

MessageApplication::~MessageApplication() { close(); }

CardResult<std::optional<CardMessage>> MessageApplication::fetch() {
  State& state = *state_;
  for (unsigned i = 0; i < kSkippedMax; ++i) {
    const auto data = state.with_application<Bytes>([&state] { return state.get_data(); });
    if (!data) return tl::unexpected(data.error());
    if (data->empty()) break;
    auto message = state.read(*data);
    if (!message || *message) return message;
  }
  return std::nullopt;
}

CardResult<void> MessageApplication::send(const CardMessage& message) {
  State& state = *state_;
  const auto known = state.addresses.find(message.msisdn);
  const auto address = known != state.addresses.end() ? known->second : address_of(message.msisdn);
  if (!address) return card_error(Kind::Malformed, "a message to what isn't a number");
  if (address->size() + kMessageHeader + message.coap.size() > kCardMessageMax) {
    return card_error(Kind::Malformed, "a message that is too long for the card's application");
  }
  ByteWriter data;
  data.bytes(*address);
  data.u8(state.settings.coap_tag);
  data.u16(static_cast<std::uint16_t>(message.coap.size()));
  data.bytes(message.coap);
  return state.with_application<void>([&] { return state.store_data(data.view()); });
}

bool MessageApplication::take_proactive() { return std::exchange(state_->is_proactive, false); }

void MessageApplication::close() {
  state_->channel.reset();
  if (std::exchange(state_->is_connected, false)) state_->terminal.disconnect();
}

}  // namespace drover::smartcard
