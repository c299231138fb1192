// SPDX-License-Identifier: Apache-2.0
#include "smartcard/uicc/card.hpp"

#include <algorithm>
#include <utility>

namespace drover::smartcard::uicc {
namespace {

// Class bytes (§10.1.1).
constexpr std::uint8_t kProprietary = 0x80;
constexpr std::uint8_t kFurtherChannels = 0x40;  // 4 to 19
constexpr std::uint8_t kChaining = 0x10, kReserved = 0x20;
constexpr std::uint8_t kSecureMessaging = 0x04, kIsoSecureMessaging = 0x08;
constexpr std::uint8_t kChannelMask = 0x03;

// Status words of §10.2 that only a card says.
constexpr Status kMoreToGet{0x6100}, kWrongExpected{0x6C00};
constexpr Status kFunctionNotSupported{0x6A81};
constexpr Status kChainingNotSupported{0x6884};
constexpr Status kAuthenticationFailed{0x6300};
constexpr Status kProactive{0x9100};

constexpr std::uint8_t kStatusInstruction = 0xF2;
constexpr std::uint8_t kOpenChannel = 0x00, kCloseChannel = 0x80;  // P1 of MANAGE CHANNEL

Status with(Status status, std::size_t size) {
  return {static_cast<std::uint16_t>(status.value | std::min<std::size_t>(size, 0x100) % 0x100)};
}

/// The terminal's dialogue with the card as a whole, which no application's secure channel has to do with.
bool is_toolkit(std::uint8_t instruction) {
  return instruction == ins::kTerminalProfile || instruction == ins::kFetch || instruction == ins::kTerminalResponse ||
         instruction == ins::kEnvelope || instruction == kStatusInstruction;
}

// TS, T0 and interface characters of a card that speaks T=0 or T=1; historical characters as of a UICC (§6.3).
constexpr std::uint8_t kT0[] = {0x3B, 0x9F, 0x96, 0x80, 0x1F, 0xC7};
constexpr std::uint8_t kT1[] = {0x3B, 0x9F, 0x96, 0x81, 0x31, 0xFE, 0x45};
constexpr std::uint8_t kHistorical[] = {0x80, 0x31, 0xE0, 0x73, 0xFE, 0x21, 0x1B, 0x63,
                                        0x3A, 0x10, 0x4C, 0x83, 0x00, 0x90, 0x00};

}  // namespace

Card::Card(CardImage image, Rng& rng)
    : image_(std::move(image)), rng_(rng), files_(image_), pin_tries_(image_.pin_tries) {
  if (image_.sms) messages_.emplace(*image_.sms, rng_);
  reset();
}

void Card::reset() {
  for (auto& channel : channels_) channel.reset();
  channels_[0] = Channel{};
  pin_verified_ = false;
  if (messages_) messages_->reset();
}

Bytes Card::atr() const {
  Bytes atr = image_.t0 ? Bytes(std::begin(kT0), std::end(kT0)) : Bytes(std::begin(kT1), std::end(kT1));
  atr.insert(atr.end(), std::begin(kHistorical), std::end(kHistorical));
  std::uint8_t check = 0;  // TCK (ISO/IEC 7816-3 §8.2.5)
  for (std::size_t i = 1; i < atr.size(); ++i) check ^= atr[i];
  atr.push_back(check);
  return atr;
}

void Card::replace(CardImage image) {
  const Files files(image);
  for (auto& channel : channels_) {
    if (!channel) continue;
    channel->selection = files_.moved_to(files, channel->selection);
    channel->remaining.clear();
    channel->handed_out = 0;
  }
  if (image.pin.reveal() != image_.pin.reveal() || image.pin_reference != image_.pin_reference) {
    pin_tries_ = image.pin_tries;
    pin_verified_ = false;
  }
  const auto is_same = [](const SmsApplication& left, const SmsApplication& right) {
    return left.aid == right.aid && left.parameters == right.parameters && left.coap_tag == right.coap_tag &&
           left.keys.ciphering.reveal() == right.keys.ciphering.reveal() &&
           left.keys.integrity.reveal() == right.keys.integrity.reveal();
  };
  if (!image.sms) {
    messages_.reset();
  } else if (!image_.sms || !is_same(*image.sms, *image_.sms)) {
    messages_.emplace(*image.sms, rng_);
  }
  image_ = std::move(image);
  files_ = files;
}

void Card::set_sms_counters(const SmsCounters& counters) {
  if (messages_) messages_->set_counters(counters);
}

Bytes Card::transmit(ByteView bytes) {
  const auto command = decode_command(bytes);
  return encode(command ? run(*command) : only(status::kWrongLength));
}

Response Card::run(const Command& command) {
  const std::uint8_t cla = command.cla;
  if ((cla & kFurtherChannels) != 0) return only(status::kChannelNotSupported);
  if ((cla & kReserved) != 0) return only(status::kUnknownClass);
  if ((cla & kChaining) != 0) return only(kChainingNotSupported);
  if ((cla & kIsoSecureMessaging) != 0) return only(status::kSecureMessagingNotSupported);
  Call call{command, cla & std::size_t{kChannelMask}, (cla & kProprietary) != 0, (cla & kSecureMessaging) != 0};
  if (!channels_[call.channel]) return only(status::kChannelNotSupported);
  if (command.ins == ins::kGetResponse && !call.is_secured) return get_response(call);
  channel(call).remaining.clear();
  if (messages_ && command.ins != ins::kTerminalResponse) messages_->go_on();
  return shape(call, call.is_secured ? run_secured(call) : dispatch(call));
}

Response Card::run_secured(const Call& call) {
  if (call.command.ins == ins::kExternalAuthenticate && call.is_proprietary) return external_authenticate(call);
  if (!image_.keys) return only(status::kSecureMessagingNotSupported);
  auto session = std::exchange(channel(call).session, std::nullopt);
  if (!session || !session->is_open()) return only(status::kSecurityNotSatisfied);
  const auto plain = session->unwrap(call.command);
  if (!plain) return only(status::kSecurityNotSatisfied);
  const Response answer = dispatch({*plain, call.channel, call.is_proprietary, true});
  Response wrapped = session->wrap(answer);
  const bool selects_application = plain->ins == ins::kSelect && plain->p1 == kByName;
  const bool ends =
      plain->ins == ins::kInitializeUpdate || (selects_application && answer.status == status::kDone);
  if (channels_[call.channel] && !ends) channel(call).session = std::move(session);
  return wrapped;
}

/// With a session open, whatever isn't protected ends it; a new session, another application, and what the terminal
/// says to the card as a whole come without.
Response Card::dispatch(const Call& call) {
  const Command& command = call.command;
  auto& session = channel(call).session;
  const bool is_open = session && session->is_open();
  const bool selects_application = command.ins == ins::kSelect && command.p1 == kByName;
  if (call.is_proprietary && command.ins == ins::kInitializeUpdate) return initialize_update(call);
  if (is_open && !selects_application && !is_toolkit(command.ins)) {
    session.reset();
    return only(status::kSecurityNotSatisfied);
  }
  switch (command.ins) {
    case ins::kManageChannel: return manage_channel(call);
    case ins::kSelect: return select(call);
    case ins::kReadBinary: return read_binary(call);
    case ins::kReadRecord: return read_record(call);
    case ins::kVerifyPin: return verify_pin(call);
    default: break;
  }
  if (!call.is_proprietary) return only(status::kUnknownInstruction);
  switch (command.ins) {
    case ins::kGetData: return get_data(call);
    case ins::kStoreData: return store_data(call);
    default: break;
  }
  if (!is_toolkit(command.ins)) return only(status::kUnknownInstruction);
  if (call.channel != 0) return only(status::kUnknownClass);
  switch (command.ins) {
    case ins::kEnvelope: return envelope(call);
    case ins::kFetch: return fetch(call);
    case ins::kTerminalResponse: return terminal_response(call);
    case kStatusInstruction: return status_of(call);
    default: return only(status::kDone);  // TERMINAL PROFILE: whatever the terminal can do, nothing else is asked of it
  }
}

// ---- answers

/// With T=0 the answer to a command that brought data waits for GET RESPONSE, and one to another command has to be
/// expected with its size (§7.3.1.1); nothing has happened then, and the command comes again.
std::optional<Response> Card::wrong_length(const Call& call, std::size_t size) const {
  const bool fits = size == 0 || size > kExpectedMax || call.command.expected.value_or(kExpectedMax) == size;
  if (!image_.t0 || call.is_secured || !call.command.data.empty() || fits) return std::nullopt;
  return only(with(kWrongExpected, size));
}

/// With T=1 what isn't expected waits for GET RESPONSE, too, so that nothing is lost.
Response Card::shape(const Call& call, Response whole) {
  if (whole.data.empty() || !channels_[call.channel]) {
    announce(call, whole);
    return whole;
  }
  if (auto wrong = wrong_length(call, whole.data.size())) return *std::move(wrong);
  const bool waits_whole = image_.t0 && (!call.command.data.empty() || whole.data.size() > kExpectedMax);
  const std::size_t expected = waits_whole ? 0 : call.command.expected.value_or(0);
  const std::size_t size = std::min(expected, whole.data.size());
  Bytes& remaining = channel(call).remaining;
  remaining.assign(whole.data.begin() + static_cast<std::ptrdiff_t>(size), whole.data.end());
  whole.data.resize(size);
  if (!remaining.empty()) {
    channel(call).remaining_status = whole.status;  // a warning is under R-MAC
    whole.status = with(kMoreToGet, remaining.size());
    return whole;
  }
  announce(call, whole);
  return whole;
}

Response Card::get_response(const Call& call) {
  Bytes& remaining = channel(call).remaining;
  if (remaining.empty()) return only(status::kConditionsNotSatisfied);
  if (!call.command.data.empty() || call.command.p1 != 0 || call.command.p2 != 0) return only(status::kWrongP1P2);
  const std::size_t expected = call.command.expected.value_or(kExpectedMax);
  if (expected > remaining.size() && image_.t0) return only(with(kWrongExpected, remaining.size()));
  const auto end = remaining.begin() + static_cast<std::ptrdiff_t>(std::min(expected, remaining.size()));
  Response part{Bytes(remaining.begin(), end), channel(call).remaining_status};
  remaining.erase(remaining.begin(), end);
  if (!remaining.empty()) {
    part.status = with(kMoreToGet, remaining.size());
    return part;
  }
  announce(call, part);
  return part;
}

/// 91xx instead of 9000: the terminal is to fetch a command. The status under R-MAC stays 9000, since it is the
/// application's; this one is added when the answer leaves the card.
void Card::announce(const Call& call, Response& response) const {
  if (response.status != status::kDone || !messages_ || messages_->is_fetched()) return;
  if (call.command.ins == ins::kFetch) return;
  if (const auto command = messages_->proactive()) response.status = with(kProactive, command->size());
}

// ---- channels

Response Card::manage_channel(const Call& call) {
  const Command& command = call.command;
  if (!command.data.empty()) return only(status::kWrongLength);
  if (command.p1 == kOpenChannel) {
    if (command.p2 != 0) return only(status::kWrongP1P2);
    if (!image_.t0 && !command.expected) return only(status::kWrongLength);
    if (auto wrong = wrong_length(call, 1)) return *std::move(wrong);
    const auto free = std::ranges::find_if(channels_, [](const auto& channel) { return !channel.has_value(); });
    if (free == channels_.end()) return only(kFunctionNotSupported);
    // One that was opened from the basic channel begins at the MF, another one where that one is (§11.1.17.1).
    Channel opened;
    if (call.channel != 0) opened.selection = channel(call).selection;
    opened.selection.file.reset();
    *free = std::move(opened);
    return {{static_cast<std::uint8_t>(free - channels_.begin())}, status::kDone};
  }
  if (command.p1 != kCloseChannel) return only(status::kWrongP1P2);
  const std::size_t closed = command.p2 != 0 ? command.p2 : call.channel;
  if (closed == 0 || closed >= kChannels || !channels_[closed]) return only(status::kWrongP1P2);
  channels_[closed].reset();
  return only(status::kDone);
}

Response Card::initialize_update(const Call& call) {
  const Command& command = call.command;
  channel(call).session.reset();
  if (!image_.keys) return only(status::kReferenceNotFound);
  if (command.data.size() != scp03::Challenge{}.size()) return only(status::kWrongLength);
  if (command.p1 != 0 && command.p1 != image_.keys->version) return only(status::kReferenceNotFound);
  if (command.p2 != 0) return only(status::kWrongP1P2);
  scp03::Challenge challenge{};
  std::uint64_t drawn = rng_.next();
  for (std::size_t i = challenge.size(); i > 0; --i, drawn >>= 8) challenge[i - 1] = static_cast<std::uint8_t>(drawn);
  auto session = scp03::Card::make(*image_.keys, command.data, challenge);
  if (!session) return only(status::kConditionsNotSatisfied);
  Bytes answer = session->initialize_update_answer();
  channel(call).session.emplace(std::move(*session));
  return {std::move(answer), status::kDone};
}

Response Card::external_authenticate(const Call& call) {
  auto session = std::exchange(channel(call).session, std::nullopt);
  if (!session || session->is_open()) return only(status::kConditionsNotSatisfied);
  if (!session->authenticate(call.command)) return only(kAuthenticationFailed);
  channel(call).session = std::move(session);
  return only(status::kDone);
}

}  // namespace drover::smartcard::uicc
