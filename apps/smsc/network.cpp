// SPDX-License-Identifier: Apache-2.0
#include "network.hpp"

#include <algorithm>
#include <set>

#include "sms/smpp/receipt.hpp"

namespace drover::smsc {

namespace smpp = sms::smpp;
namespace tpdu = sms::tpdu;

namespace {

// +CMS ERROR (3GPP TS 27.005 §3.2.5, causes of 3GPP TS 24.011 annex E-2).
constexpr unsigned kUnassignedNumber = 1, kCongestion = 42;
// TP-ST (3GPP TS 23.040 §9.2.3.15).
constexpr std::uint8_t kReceived = 0x00, kRejected = 0x42, kValidityExpired = 0x46;
/// More than any card sends; five octets of a counter last until the year 2242.
constexpr std::uint64_t kCountersPerSecond = 128;
constexpr std::size_t kReferencesMax = 10'000;

tl::unexpected<Error> wrong(std::string reason) { return tl::unexpected(Error{Fault::Us, 0, std::move(reason)}); }

}  // namespace

Result<void> Network::check(const std::vector<Account>& accounts, const std::vector<ModemSettings>& modems) {
  std::set<std::string> ids, numbers;
  for (const Account& account : accounts) {
    if (!ids.insert(account.system_id).second) return wrong("two ESMEs are called " + account.system_id);
    if (!numbers.insert(account.number).second) return wrong("two have the number " + account.number);
  }
  for (const ModemSettings& modem : modems) {
    if (!numbers.insert(modem.number).second) return wrong("two have the number " + modem.number);
  }
  return {};
}

Network::Network(CentreSettings centre, SessionSettings sessions, std::vector<Account> accounts,
                 std::vector<ModemSettings> modems, Duration wall, Rng& rng)
    : centre_(centre, rng), session_settings_(sessions), accounts_(std::move(accounts)), wall_(wall), rng_(rng) {
  for (Account& account : accounts_) account.port = centre_.add_port(account.number).value_or(PortId{});
  for (ModemSettings& modem : modems) {
    const PortId port = centre_.add_port(modem.number).value_or(PortId{});
    const std::string number = modem.number;
    auto card = std::exchange(modem.card, std::nullopt);
    modems_.push_back({port, number, VirtualModem(std::move(modem))});
    if (card) insert_card(Instant{}, modems_.back(), std::move(card));
    centre_.set_present(Instant{}, port, true);
  }
}

UnixSeconds Network::unix_at(Instant at) const {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch() + wall_).count();
}

// ---- SMPP connections -----------------------------------------------------------------------------------------------

SessionId Network::open(Instant now) {
  const SessionId id = ++last_session_;
  sessions_.emplace(id, SmppSession(now, session_settings_, accounts_));
  return id;
}

void Network::receive(Instant now, SessionId id, ByteView bytes) {
  sessions_.at(id).receive(now, bytes);
  settle(now);
}

std::optional<Bytes> Network::poll_output(SessionId id) { return sessions_.at(id).poll_output(); }
bool Network::wants_closed(SessionId id) const { return sessions_.at(id).wants_closed(); }

void Network::close(Instant now, SessionId id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const Account* account = found->second.account();
  const std::vector<CopyId> unhandled = found->second.unhandled();
  sessions_.erase(found);
  if (account == nullptr) return;
  update_presence(now, account->port);
  for (const CopyId copy : unhandled) centre_.done(now, copy, Centre::Outcome::TryAgain);
  settle(now);
}

SmppSession* Network::receiver(PortId port) {
  for (auto& [id, session] : sessions_) {
    const Account* account = session.account();
    if (account != nullptr && account->port == port && session.receives() && !session.wants_closed()) return &session;
  }
  return nullptr;
}

void Network::update_presence(Instant now, PortId port) { centre_.set_present(now, port, receiver(port) != nullptr); }

void Network::handle(Instant now, SmppSession& session, const SessionEvent& event) {
  if (const auto* bound = std::get_if<Bound>(&event)) return update_presence(now, bound->account->port);
  if (const auto* handled = std::get_if<Handled>(&event)) return centre_.done(now, handled->copy, handled->outcome);
  const auto& submitted = std::get<Submitted>(event);
  std::optional<Duration> validity;
  if (!submitted.validity.empty()) {
    validity = smpp::read_time(submitted.validity, unix_at(now));
    if (!validity) return session.answer(submitted.sequence, smpp::status::kInvalidExpiry, "");
  }
  const auto taken = centre_.submit(now, session.account()->port, submitted.message, validity, submitted.wish);
  if (taken.id) return session.answer(submitted.sequence, smpp::status::kOk, std::to_string(taken.id->value));
  const bool full = taken.refusal == Centre::Refusal::Full;
  session.answer(submitted.sequence, full ? smpp::status::kMessageQueueFull : smpp::status::kInvalidDestination, "");
}

// ---- modems ---------------------------------------------------------------------------------------------------------

void Network::receive_from_host(Instant now, std::size_t modem, ByteView bytes) {
  modems_[modem].modem.receive(now, bytes);
  settle(now);
}

std::optional<Bytes> Network::poll_host_output(std::size_t modem) { return modems_[modem].modem.poll_output(); }

void Network::submit(Instant now, std::size_t index, const tpdu::Submit& submit) {
  Modem& modem = modems_[index];
  std::optional<Duration> validity = submit.validity;
  if (submit.valid_until) {
    validity = std::max<Duration>(std::chrono::seconds(*submit.valid_until - unix_at(now)), Duration::zero());
  }
  const auto taken = centre_.submit(now, modem.port, {modem.number, submit.destination.digits, submit.data}, validity,
                                    submit.wants_report ? ReceiptWish::Always : ReceiptWish::None);
  if (!taken.id) {
    modem.modem.submitted(taken.refusal == Centre::Refusal::Full ? kCongestion : kUnassignedNumber);
    return;
  }
  const std::uint8_t reference = modem.modem.submitted(std::nullopt);
  if (!submit.wants_report) return;
  if (references_.size() == kReferencesMax) references_.erase(references_.begin());
  references_[*taken.id] = {index, reference};
}

// ---- between them ---------------------------------------------------------------------------------------------------

/// Until nobody has anything to say to another.
void Network::settle(Instant now) {
  for (bool moved = true; moved;) {
    moved = settle_sessions(now);
    moved = settle_modems(now) || moved;
    moved = settle_centre(now) || moved;
  }
}

bool Network::settle_sessions(Instant now) {
  bool moved = false;
  for (auto& [id, session] : sessions_) {
    while (const auto event = session.poll_event()) {
      handle(now, session, *event);
      moved = true;
    }
  }
  return moved;
}

bool Network::settle_modems(Instant now) {
  bool moved = false;
  for (std::size_t i = 0; i < modems_.size(); ++i) {
    while (const auto asked = modems_[i].modem.poll_submit()) {
      submit(now, i, *asked);
      moved = true;
    }
    while (const auto done = modems_[i].modem.poll_done()) {
      centre_.done(now, done->copy, done->outcome);
      moved = true;
    }
  }
  return moved;
}

bool Network::settle_centre(Instant now) {
  bool moved = false;
  while (const auto delivery = centre_.poll_delivery()) {
    hand_over(now, *delivery);
    moved = true;
  }
  while (const auto receipt = centre_.poll_receipt()) {
    tell(now, *receipt);
    moved = true;
  }
  return moved;
}

void Network::hand_over(Instant now, const Delivery& delivery) {
  if (delivery.to.value >= accounts_.size()) {
    modems_[delivery.to.value - accounts_.size()].modem.deliver(now, delivery.copy, delivery.message, unix_at(now));
  } else if (SmppSession* session = receiver(delivery.to)) {
    session->deliver(now, delivery.copy, delivery.message);
  } else {
    centre_.done(now, delivery.copy, Centre::Outcome::TryAgain);
  }
}

void Network::tell(Instant now, const Receipt& receipt) {
  if (receipt.to.value < accounts_.size()) {
    if (SmppSession* session = receiver(receipt.to)) {
      session->tell(now, receipt, unix_at(receipt.submitted), unix_at(receipt.ended));
    }
    return;
  }
  const auto found = references_.find(receipt.id);
  if (found == references_.end()) return;
  tpdu::StatusReport report;
  report.reference = found->second.reference;
  report.recipient = tpdu::Address::of(receipt.receiver);
  report.sent_at = unix_at(receipt.submitted);
  report.discharged_at = unix_at(receipt.ended);
  report.status = receipt.fate == Fate::Delivered ? kReceived
                  : receipt.fate == Fate::Expired ? kValidityExpired
                                                  : kRejected;
  modems_[found->second.modem].modem.tell(now, report);
  references_.erase(found);
}

Result<void> Network::command(Instant now, std::string_view line) {
  const auto space = line.find(' ');
  const std::string_view verb = line.substr(0, space);
  const std::string_view whom = space == std::string_view::npos ? "" : line.substr(space + 1);
  if (verb == "end") {
    for (auto& [id, session] : sessions_) session.end(now);
    return {};
  }
  if (verb == "drop") {
    std::vector<SessionId> dropped;
    for (const auto& [id, session] : sessions_) {
      if (session.account() != nullptr && session.account()->system_id == whom) dropped.push_back(id);
    }
    for (const SessionId id : dropped) close(now, id);
    return dropped.empty() ? wrong("no ESME " + std::string(whom) + " is bound") : Result<void>{};
  }
  Modem* found = modem_with(whom);
  if (found == nullptr) return wrong("no modem has the number \"" + std::string(whom) + "\"");
  if (verb == "reset") {
    found->modem.reset(now);
  } else if (verb == "hang" || verb == "resume") {
    found->modem.hang(now, verb == "hang");
  } else if (verb == "off" || verb == "on") {
    found->modem.set_registered(verb == "on");
    centre_.set_present(now, found->port, verb == "on");
  } else {
    return wrong("no command \"" + std::string(verb) + "\": reset, hang, resume, off, on, drop or end");
  }
  settle(now);
  return {};
}

Network::Modem* Network::modem_with(std::string_view number) {
  const auto found =
      std::find_if(modems_.begin(), modems_.end(), [&](const Modem& each) { return each.number == number; });
  return found == modems_.end() ? nullptr : &*found;
}

Result<void> Network::insert_card(Instant now, std::string_view number,
                                  std::optional<smartcard::uicc::CardImage> card) {
  Modem* found = modem_with(number);
  if (found == nullptr) return wrong("no modem has the number \"" + std::string(number) + "\"");
  insert_card(now, *found, std::move(card));
  settle(now);
  return {};
}

void Network::insert_card(Instant now, Modem& modem, std::optional<smartcard::uicc::CardImage> card) {
  if (!card) return modem.modem.insert_card(nullptr);
  auto made = std::make_unique<smartcard::uicc::Uicc>(*std::move(card), rng_);
  // A real card keeps its counter; this one is made anew each time, and whoever it writes to takes no counter twice.
  made->set_sms_counters({0, static_cast<std::uint64_t>(unix_at(now)) * kCountersPerSecond});
  modem.modem.insert_card(std::move(made));
}

void Network::handle_timeout(Instant now) {
  for (auto& [id, session] : sessions_) session.handle_timeout(now);
  for (Modem& modem : modems_) modem.modem.handle_timeout(now);
  centre_.handle_timeout(now);
  settle(now);
}

std::optional<Instant> Network::deadline() const {
  std::optional<Instant> next = centre_.deadline();
  const auto consider = [&next](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const auto& [id, session] : sessions_) consider(session.deadline());
  for (const Modem& modem : modems_) consider(modem.modem.deadline());
  return next;
}

}  // namespace drover::smsc
