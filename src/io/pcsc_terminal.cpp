// SPDX-License-Identifier: Apache-2.0
#ifdef DROVER_HAS_PCSC

#include "io/pcsc_terminal.hpp"

#include <array>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "base/secret.hpp"
#include "io/pcsc_reader.hpp"

namespace drover::io {

namespace {

using smartcard::card_error;
using smartcard::CardError;
using smartcard::CardResult;
using Kind = CardError::Kind;

constexpr std::size_t kResponseMax = 258;  // ISO/IEC 7816-4 §5.1

/// The TPDU of T=0 of a short command (ISO/IEC 7816-3 §12.2).
Bytes to_tpdu(ByteView command) {
  constexpr std::size_t kHeader = 4;
  Bytes tpdu(command.begin(), command.end());
  if (command.size() == kHeader) tpdu.push_back(0);
  const bool has_data_and_expects = command.size() > kHeader + 1 && command.size() == kHeader + 2U + command[kHeader];
  if (has_data_and_expects) tpdu.pop_back();
  return tpdu;
}

/// VERIFY, and EXTERNAL AUTHENTICATE of the secure channel.
bool earns_rights(ByteView command) {
  constexpr std::uint8_t kVerify = 0x20, kExternalAuthenticate = 0x82;
  return command.size() > 1 && (command[1] == kVerify || command[1] == kExternalAuthenticate);
}

bool is_removal(LONG code) {
  return code == SCARD_W_REMOVED_CARD || code == SCARD_E_NO_SMARTCARD || code == SCARD_E_READER_UNAVAILABLE ||
         code == SCARD_E_UNKNOWN_READER;
}

}  // namespace

bool has_pcsc() {
  return true;
}

struct PcscTerminal::State {
  explicit State(PcscSettings how) : settings(std::move(how)) {}

  const PcscSettings settings;
  pcsc::Context context = {};
  SCARDHANDLE card = 0;
  DWORD protocol = 0;
  bool connected = false;
  bool exclusive = false;
  bool rights = false;  ///< a PIN was verified, or a secure channel opened
  std::string reader = {};
  LONG last_code = SCARD_S_SUCCESS;  ///< of connect()

  CardResult<Bytes> connect();
  LONG find(std::string& chosen, std::string& trouble);
  LONG look_for_card(const std::vector<std::string>& readers, std::string& with_card) const;
  LONG take(const std::string& name);
  LONG take_shared(const std::string& name);
  LONG take_turn() const;
  void let_go();
  CardResult<Bytes> failed(LONG code);
  [[nodiscard]] bool is_gone() const;
};

/// `with_card`: the first of them that has a card; unchanged when none has.
LONG PcscTerminal::State::look_for_card(const std::vector<std::string>& readers, std::string& with_card) const {
  for (const std::string& name : readers) {
    SCARD_READERSTATE look{};
    look.szReader = name.c_str();
    look.dwCurrentState = SCARD_STATE_UNAWARE;
    const LONG code = SCardGetStatusChange(context.handle(), 0, &look, 1);
    if (pcsc::is_service_error(code)) return code;
    if (code != SCARD_S_SUCCESS || (look.dwEventState & SCARD_STATE_PRESENT) == 0) continue;
    with_card = name;
    return SCARD_S_SUCCESS;
  }
  return SCARD_E_NO_SMARTCARD;
}

/// `chosen`: the reader to take a card from; behind an error, the one that it is about, or "".
LONG PcscTerminal::State::find(std::string& chosen, std::string& trouble) {
  std::vector<std::string> readers;
  LONG code = context.establish();
  if (code == SCARD_S_SUCCESS) code = context.list(readers);
  if (code != SCARD_S_SUCCESS) return code;
  readers = pcsc::matching(readers, settings.reader);
  if (readers.empty() && !settings.reader.empty()) trouble = "no card reader is called '" + settings.reader + "'";
  if (readers.empty()) return SCARD_E_NO_READERS_AVAILABLE;
  code = look_for_card(readers, chosen);
  if (chosen.empty() && readers.size() == 1) chosen = readers.front();
  return code;
}

CardResult<Bytes> PcscTerminal::State::connect() {
  std::string chosen, trouble;
  last_code = find(chosen, trouble);
  if (last_code == SCARD_S_SUCCESS) last_code = take(chosen);
  std::array<std::uint8_t, MAX_ATR_SIZE> atr{};
  DWORD size = atr.size();
  if (last_code == SCARD_S_SUCCESS) {
    connected = true;
    rights = false;
    reader = chosen;
    last_code = SCardStatus(card, nullptr, nullptr, nullptr, nullptr, atr.data(), &size);
  }
  if (last_code == SCARD_S_SUCCESS) return Bytes(atr.begin(), atr.begin() + static_cast<std::ptrdiff_t>(size));
  let_go();
  if (!trouble.empty()) return card_error(Kind::Terminal, std::move(trouble));
  const bool none = last_code == SCARD_W_REMOVED_CARD || last_code == SCARD_E_NO_SMARTCARD;
  return card_error(none ? Kind::NoCard : Kind::Terminal, (chosen.empty() ? "" : chosen + ": ") + pcsc::describe(last_code));
}

/// Exclusively, or else with others; a few times, since many use a card for a moment alone.
LONG PcscTerminal::State::take(const std::string& name) {
  constexpr DWORD kProtocols = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1;
  LONG code = SCARD_S_SUCCESS;
  for (unsigned i = 0; i < kSharingTries; ++i) {
    if (i > 0) std::this_thread::sleep_for(settings.sharing_pause);
    code = SCardConnect(context.handle(), name.c_str(), SCARD_SHARE_EXCLUSIVE, kProtocols, &card, &protocol);
    exclusive = code == SCARD_S_SUCCESS;
    if (code == SCARD_E_SHARING_VIOLATION) code = take_shared(name);
    if (code != SCARD_E_SHARING_VIOLATION) break;
  }
  return code;
}

LONG PcscTerminal::State::take_shared(const std::string& name) {
  constexpr DWORD kProtocols = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1;
  LONG code = SCardConnect(context.handle(), name.c_str(), SCARD_SHARE_SHARED, kProtocols, &card, &protocol);
  if (code != SCARD_S_SUCCESS) return code;
  code = take_turn();
  if (code != SCARD_S_SUCCESS) SCardDisconnect(card, SCARD_LEAVE_CARD);
  return code;
}

/// SCardBeginTransaction() waits for another's transaction without a bound; a question for an attribute is refused
/// meanwhile.
LONG PcscTerminal::State::take_turn() const {
  std::array<std::uint8_t, MAX_ATR_SIZE> atr{};
  DWORD size = atr.size();
  const LONG probe = SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, atr.data(), &size);
  return probe == SCARD_E_SHARING_VIOLATION ? probe : SCardBeginTransaction(card);
}

void PcscTerminal::State::let_go() {
  if (!std::exchange(connected, false)) return;
  const DWORD how = exclusive || rights ? SCARD_RESET_CARD : SCARD_LEAVE_CARD;
  if (!exclusive) SCardEndTransaction(card, how);
  SCardDisconnect(card, exclusive ? how : SCARD_LEAVE_CARD);
}

/// pcscd may see a moment later than the exchange that the card went.
bool PcscTerminal::State::is_gone() const {
  constexpr DWORD kWait = static_cast<DWORD>(std::chrono::duration_cast<std::chrono::milliseconds>(kRemovalMax).count());
  SCARD_READERSTATE look{};
  look.szReader = reader.c_str();
  look.dwCurrentState = SCARD_STATE_PRESENT;
  const LONG code = SCardGetStatusChange(context.handle(), kWait, &look, 1);
  if (code == SCARD_S_SUCCESS) return (look.dwEventState & SCARD_STATE_PRESENT) == 0;
  return is_removal(code);
}

CardResult<Bytes> PcscTerminal::State::failed(LONG code) {
  Kind kind = Kind::Terminal;
  std::string reason = reader + ": " + pcsc::describe(code);
  if (code == SCARD_W_RESET_CARD || code == SCARD_W_UNPOWERED_CARD) {
    kind = Kind::Reset;
  } else if (is_removal(code)) {
    kind = Kind::Removed;
  } else if (is_gone()) {
    kind = Kind::Removed;
    reason = reader + ": " + pcsc::describe(SCARD_W_REMOVED_CARD);
  }
  let_go();
  if (pcsc::is_service_error(code)) context.release();
  return card_error(kind, std::move(reason));
}

PcscTerminal::PcscTerminal(PcscSettings settings) : state_(std::make_unique<State>(std::move(settings))) {}

PcscTerminal::~PcscTerminal() {
  disconnect();
}

CardResult<Bytes> PcscTerminal::connect() {
  state_->let_go();
  const bool was_established = state_->context.is_established();
  auto answer = state_->connect();
  if (answer || !pcsc::is_service_error(state_->last_code)) return answer;
  // The context may be one of a pcscd that isn't any more.
  state_->context.release();
  if (was_established) answer = state_->connect();
  return answer;
}

CardResult<Bytes> PcscTerminal::transmit(ByteView command) {
  if (!state_->connected) return card_error(Kind::Reset, "the card isn't connected");
  state_->rights = state_->rights || earns_rights(command);
  const bool t0 = state_->protocol == SCARD_PROTOCOL_T0;
  // A PIN goes, and keys come, over these.
  const Secret<Bytes> sent(t0 ? to_tpdu(command) : Bytes(command.begin(), command.end()));
  Bytes response(kResponseMax);
  DWORD size = response.size();
  const LONG code = SCardTransmit(state_->card, t0 ? SCARD_PCI_T0 : SCARD_PCI_T1, sent.reveal().data(),
                                  sent.reveal().size(), nullptr, response.data(), &size);
  if (code != SCARD_S_SUCCESS) return state_->failed(code);
  response.resize(size);
  return response;
}

void PcscTerminal::disconnect() {
  state_->let_go();
}

const std::string& PcscTerminal::reader() const {
  return state_->reader;
}

}  // namespace drover::io

#endif
