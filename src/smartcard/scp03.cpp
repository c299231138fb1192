// SPDX-License-Identifier: Apache-2.0
#include "smartcard/scp03.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/reader.hpp"
#include "smartcard/scp03_session.hpp"

namespace drover::smartcard::scp03 {
namespace {

namespace cipher = security::cipher;

constexpr std::uint8_t kGlobalPlatformClass = 0x80;
constexpr std::uint8_t kChannelMax = 3;
constexpr std::uint8_t kScp03 = 0x03;
/// Parameter i (§5.1): R-MAC and R-ENCRYPTION are there; the card challenge is pseudo-random, and a counter follows;
/// codes have 16 octets.
constexpr std::uint8_t kResponseProtection = 0x60, kPseudoRandom = 0x10, kSixteenOctets = 0x01;
constexpr std::size_t kDiversificationSize = 10;
constexpr std::size_t kSequenceCounterSize = 3;
constexpr std::size_t kInitializeUpdateSize = kDiversificationSize + 3 + Challenge{}.size() + kCodeSize;
constexpr std::uint8_t kDefaultVersion = 0x30;  ///< key versions of SCP03 begin there
/// What GlobalPlatform says of a broken session (Card Specification §10.2.3), and ISO/IEC 7816-4 of wrong objects.
constexpr Status kSecureMessagingWrong{0x6988};

auto broken(std::string reason, Status status = {}) {
  return card_error(CardError::Kind::Channel, "secure channel: " + std::move(reason), status.value);
}

Bytes joined(ByteView data, ByteView code) {
  Bytes all;
  all.reserve(data.size() + code.size());
  all.assign(data.begin(), data.end());
  all.insert(all.end(), code.begin(), code.end());
  return all;
}

/// Whether an answer with this status is protected: §6.2.5 says 9000 and warnings.
bool is_protected(Status status) { return status.is_success() || status.is_warning(); }

/// The card's toolkit puts 91xx in place of 9000 when the application has made its answer (ETSI TS 102 223 §4.1), so
/// that the code is about 9000.
Status as_signed(Status status) { return status.is_success() ? status::kDone : status; }

}  // namespace

Result<void> Keys::check() const {
  const auto unfit = [](std::string reason) { return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)}); };
  const std::size_t size = enc.reveal().size();
  if (size != 16 && size != 24 && size != 32) {
    return unfit("keys of the secure channel have 16, 24 or 32 octets, KEY_ENC has " + std::to_string(size));
  }
  if (mac.reveal().size() != size) return unfit("KEY_ENC and KEY_MAC of the secure channel differ in length");
  if (!dek.empty() && dek.reveal().size() != size) {
    return unfit("KEY_ENC and KEY_DEK of the secure channel differ in length");
  }
  return {};
}

// ---- Host

struct Host::State {
  enum class Phase : std::uint8_t { Initial, Authenticating, Open, Over };

  std::optional<Keys> keys;  ///< until the session has its own
  Challenge challenge{};
  std::uint8_t channel = 0;
  std::uint8_t version = 0;
  HostSettings settings;
  Phase phase = Phase::Initial;
  std::optional<Session> session = {};

  /// Ends the session.
  auto fail(std::string reason, Status status = {}) {
    end();
    return broken(std::move(reason), status);
  }
  void end() {
    phase = Phase::Over;
    keys.reset();
    session.reset();
  }
  [[nodiscard]] std::uint8_t class_of(std::uint8_t cla) const {
    return static_cast<std::uint8_t>((cla & ~kChannelBits) | kSecured | channel);
  }
  CardResult<ByteView> card_challenge(const Response& answer);
};

Host::Host(std::unique_ptr<State> state) : state_(std::move(state)) {}
Host::Host(Host&&) noexcept = default;
Host& Host::operator=(Host&&) noexcept = default;
Host::~Host() = default;

Result<Host> Host::make(const Keys& keys, const Challenge& challenge, std::uint8_t channel, HostSettings settings) {
  if (const auto fine = keys.check(); !fine) return tl::unexpected(fine.error());
  if (channel > kChannelMax) return tl::unexpected(Error{Fault::Us, 0, "the secure channel takes channels 0 to 3"});
  return Host(std::make_unique<State>(State{
      .keys = keys, .challenge = challenge, .channel = channel, .version = keys.version, .settings = settings}));
}

Command Host::initialize_update() const {
  return {.cla = static_cast<std::uint8_t>(kGlobalPlatformClass | state_->channel),
          .ins = ins::kInitializeUpdate,
          .p1 = state_->version,
          .data = Bytes(state_->challenge.begin(), state_->challenge.end()),
          .expected = kExpectedMax};
}

/// Checks what the card says of itself.
CardResult<ByteView> Host::State::card_challenge(const Response& answer) {
  if (!answer.status.is_success()) {
    end();
    return card_error(CardError::Kind::Refused, "the card refused INITIALIZE UPDATE: " + answer.status.describe(),
                      answer.status.value);
  }
  ByteReader reader(answer.data);
  static_cast<void>(reader.bytes(kDiversificationSize));
  const auto key_version = reader.u8();
  const auto protocol = reader.u8();
  const auto parameter = reader.u8();
  if (!parameter) return fail("an answer to INITIALIZE UPDATE that is cut off");
  if (*protocol != kScp03) return fail("the card's protocol is " + std::to_string(*protocol) + ", not SCP03");
  if ((*parameter & kResponseProtection) != kResponseProtection) {
    return fail("the card doesn't protect its answers");
  }
  if ((*parameter & kSixteenOctets) != 0) return fail("the card's codes have 16 octets, which isn't supported");
  if (version != 0 && *key_version != version) {
    return fail("the card took key version " + std::to_string(*key_version) + ", not " + std::to_string(version));
  }
  const std::size_t wanted =
      kInitializeUpdateSize + ((*parameter & kPseudoRandom) != 0 ? kSequenceCounterSize : std::size_t{0});
  if (answer.data.size() != wanted) return fail("an answer to INITIALIZE UPDATE of a wrong length");
  return *reader.bytes(challenge.size());
}

CardResult<Command> Host::authenticate(const Response& answer) {
  State& state = *state_;
  if (state.phase != State::Phase::Initial) return state.fail("authentication out of turn");
  const auto card_challenge = state.card_challenge(answer);
  if (!card_challenge) return tl::unexpected(card_challenge.error());
  auto session = Session::derive(*state.keys, state.challenge, *card_challenge);
  if (!session) return state.fail(session.error().reason);
  state.keys.reset();
  const ByteView cryptogram =
      ByteView(answer.data).subspan(kInitializeUpdateSize - kCodeSize, kCodeSize);
  if (!cipher::equal(session->card_cryptogram(), cryptogram)) {
    return state.fail("the card's cryptogram is wrong: it has other keys");
  }
  Command command{.cla = state.class_of(kGlobalPlatformClass), .ins = ins::kExternalAuthenticate, .p1 = kSecurityLevel};
  const Code code = session->sign_command(command, session->host_cryptogram());
  command.data = joined(session->host_cryptogram(), code);
  state.session = std::move(*session);
  state.phase = State::Phase::Authenticating;
  return command;
}

CardResult<void> Host::authenticated(const Response& answer) {
  State& state = *state_;
  if (state.phase != State::Phase::Authenticating) return state.fail("authentication out of turn");
  if (!answer.status.is_success()) {
    return state.fail("the card refused EXTERNAL AUTHENTICATE: " + answer.status.describe(), answer.status);
  }
  if (!answer.data.empty()) return state.fail("data in the answer to EXTERNAL AUTHENTICATE");
  state.phase = State::Phase::Open;
  return {};
}

bool Host::is_open() const { return state_->phase == State::Phase::Open; }

CardResult<Command> Host::wrap(const Command& command) {
  State& state = *state_;
  if (state.phase != State::Phase::Open) return state.fail("it isn't open");
  if (command.data.size() > kCommandDataMax) {
    return state.fail("a command with more than " + std::to_string(kCommandDataMax) + " octets");
  }
  Session& session = *state.session;
  if (!command.data.empty() || !state.settings.counts_data_only) session.count();
  Command wrapped = command;
  wrapped.cla = state.class_of(command.cla);
  const Bytes data = session.encrypt(Session::Direction::Command, command.data);
  const Code code = session.sign_command(wrapped, data);
  wrapped.data = joined(data, code);
  // What comes is longer than what was asked for: padding and code.
  if (command.expected) wrapped.expected = kExpectedMax;
  return wrapped;
}

CardResult<Response> Host::unwrap(const Response& answer) {
  State& state = *state_;
  if (state.phase != State::Phase::Open) return state.fail("it isn't open");
  const Status status = answer.status;
  if (!is_protected(status)) {
    if (!answer.data.empty()) return state.fail("data with an error: " + status.describe(), status);
    if (status == status::kSecurityNotSatisfied || status == kSecureMessagingWrong) state.end();
    return answer;
  }
  if (answer.data.size() < kCodeSize) return state.fail("an answer without its code", status);
  Session& session = *state.session;
  const ByteView data = ByteView(answer.data).first(answer.data.size() - kCodeSize);
  const ByteView code = ByteView(answer.data).last(kCodeSize);
  const bool is_right = cipher::equal(session.sign_response(data, status), code) ||
                        cipher::equal(session.sign_response(data, as_signed(status)), code);
  if (!is_right) return state.fail("an answer with a wrong code", status);
  auto plain = session.decrypt(Session::Direction::Response, data);
  if (!plain) return state.fail("an answer with wrong padding", status);
  return Response{std::move(*plain), status};
}

// ---- Card

struct Card::State {
  Session session;
  Challenge challenge{};
  std::uint8_t version = 0;
  bool is_open = false;
  bool is_over = false;  ///< nothing opens it any more

  void end() {
    is_open = false;
    is_over = true;
  }
};

Card::Card(std::unique_ptr<State> state) : state_(std::move(state)) {}
Card::Card(Card&&) noexcept = default;
Card& Card::operator=(Card&&) noexcept = default;
Card::~Card() = default;

Result<Card> Card::make(const Keys& keys, ByteView host_challenge, const Challenge& challenge) {
  if (host_challenge.size() != challenge.size()) return peer_error(0, "a host challenge that isn't 8 octets");
  auto session = Session::derive(keys, host_challenge, challenge);
  if (!session) return tl::unexpected(std::move(session.error()));
  return Card(std::make_unique<State>(State{.session = std::move(*session),
                                            .challenge = challenge,
                                            .version = keys.version != 0 ? keys.version : kDefaultVersion}));
}

Bytes Card::initialize_update_answer() const {
  ByteWriter writer;
  writer.bytes(std::array<std::uint8_t, kDiversificationSize>{});
  for (const std::uint8_t octet : {state_->version, kScp03, kResponseProtection}) writer.u8(octet);
  writer.bytes(state_->challenge);
  writer.bytes(state_->session.card_cryptogram());
  return writer.take();
}

bool Card::authenticate(const Command& command) {
  State& state = *state_;
  const bool in_turn = !state.is_open && !state.is_over;
  const bool has_form = command.ins == ins::kExternalAuthenticate && command.p1 == kSecurityLevel && command.p2 == 0 &&
                        (command.cla & kSecured) != 0 && command.data.size() == 2 * kCodeSize;
  if (!in_turn || !has_form) {
    state.end();
    return false;
  }
  const ByteView cryptogram = ByteView(command.data).first(kCodeSize);
  const bool knows = cipher::equal(state.session.host_cryptogram(), cryptogram);
  const bool is_whole = state.session.check_command(command, cryptogram, ByteView(command.data).last(kCodeSize));
  state.is_open = knows && is_whole;
  state.is_over = !state.is_open;
  return state.is_open;
}

bool Card::is_open() const { return state_->is_open; }

std::optional<Command> Card::unwrap(const Command& command) {
  State& state = *state_;
  if (!state.is_open) return std::nullopt;
  const bool has_form = (command.cla & kSecured) != 0 && command.data.size() >= kCodeSize;
  const std::size_t size = has_form ? command.data.size() - kCodeSize : 0;
  const ByteView data = ByteView(command.data).first(size);
  std::optional<Bytes> plain;
  if (has_form && state.session.check_command(command, data, ByteView(command.data).subspan(size))) {
    state.session.count();
    plain = state.session.decrypt(Session::Direction::Command, data);
  }
  if (!plain) {
    state.end();
    return std::nullopt;
  }
  Command bare = command;
  bare.cla = static_cast<std::uint8_t>(command.cla & ~kSecured);
  bare.data = std::move(*plain);
  return bare;
}

Response Card::wrap(const Response& answer) {
  State& state = *state_;
  if (!state.is_open || !is_protected(answer.status)) return {{}, answer.status};
  if (answer.data.size() > kResponseDataMax) return {{}, status::kWrongLength};
  const Bytes data = state.session.encrypt(Session::Direction::Response, answer.data);
  return {joined(data, state.session.sign_response(data, as_signed(answer.status))), answer.status};
}

}  // namespace drover::smartcard::scp03
