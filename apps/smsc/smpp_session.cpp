// SPDX-License-Identifier: Apache-2.0
#include "smpp_session.hpp"

#include <algorithm>

#include "base/take_front.hpp"
#include "septets.hpp"
#include "sms/smpp/receipt.hpp"

namespace drover::smsc {

namespace smpp = sms::smpp;
namespace tpdu = sms::tpdu;

namespace {

constexpr const char* kSystemId = "drover-smsc";
/// Digits of more than that are a subscriber's, not a short number.
constexpr std::size_t kShortNumberMax = tpdu::kShortCodeDigitsMax;
constexpr std::size_t kSeptetsMax = 160;  // TP-UD as text (3GPP TS 23.040 §9.2.3.16)

std::string digits_of(const std::string& text) { return text.starts_with('+') ? text.substr(1) : text; }

smpp::Address address_of(const std::string& number) {
  const bool is_short = number.size() <= kShortNumberMax;
  return {is_short ? smpp::kTonUnknown : smpp::kTonInternational, smpp::kNpiIsdn, number};
}

/// Octets of the header in front, its length included; 0 without one, nothing when it is longer than all.
std::optional<std::size_t> header_size(bool has_header, ByteView octets) {
  if (!has_header) return 0;
  if (octets.empty() || octets[0] + 1U > octets.size()) return std::nullopt;
  return octets[0] + 1U;
}

}  // namespace

tl::expected<Message, std::uint32_t> to_message(const smpp::Message& submit, const Account& from) {
  const std::string source = digits_of(submit.source.digits);
  if (!source.empty() && source != from.number) return tl::unexpected(smpp::status::kInvalidSource);
  Message message{from.number, digits_of(submit.destination.digits), {}};
  message.data.pid = submit.protocol_id;
  message.data.dcs = submit.data_coding;
  message.data.has_header = (submit.esm_class & smpp::kEsmHeader) != 0;
  const ByteView octets = submit.user_data();
  const auto header = header_size(message.data.has_header, octets);
  if (!header) return tl::unexpected(smpp::status::kInvalidMessageLength);
  message.data.octets.assign(octets.begin(), octets.end());
  if (message.data.alphabet() == tpdu::Alphabet::Septets) {
    const std::size_t fill = fill_bits(*header);
    const Bytes text = pack_septets(octets.subspan(*header), *header == 0 ? 0 : fill);
    const std::size_t septets = (*header * 8 + 6) / 7 + octets.size() - *header;
    if (septets > kSeptetsMax) return tl::unexpected(smpp::status::kInvalidMessageLength);
    message.data.septets = static_cast<std::uint8_t>(septets);
    message.data.octets.resize(*header);
    message.data.octets.insert(message.data.octets.end(), text.begin(), text.end());
  }
  if (message.data.octets.size() > sms::kUserDataMax) return tl::unexpected(smpp::status::kInvalidMessageLength);
  return message;
}

smpp::Message to_deliver_sm(const Message& message) {
  smpp::Message deliver;
  deliver.source = address_of(message.from);
  deliver.destination = address_of(message.to);
  deliver.esm_class = message.data.has_header ? smpp::kEsmHeader : 0;
  deliver.protocol_id = message.data.pid;
  deliver.data_coding = message.data.dcs;
  deliver.short_message = message.data.octets;
  const auto header = header_size(message.data.has_header, message.data.octets);
  if (header && message.data.alphabet() == tpdu::Alphabet::Septets) {
    const std::size_t skipped = (*header * 8 + 6) / 7;
    const std::size_t count = message.data.septets > skipped ? message.data.septets - skipped : 0;
    const Bytes text = unpack_septets(ByteView(message.data.octets).subspan(*header),
                                      *header == 0 ? 0 : fill_bits(*header), count);
    deliver.short_message.resize(*header);
    deliver.short_message.insert(deliver.short_message.end(), text.begin(), text.end());
  }
  return deliver;
}

SmppSession::SmppSession(Instant now, SessionSettings settings, const std::vector<Account>& accounts)
    : settings_(settings), accounts_(accounts), bind_until_(now + settings.bind_wait), enquire_at_(now), second_(now) {}

std::optional<Bytes> SmppSession::poll_output() { return take_front(output_); }
std::optional<SessionEvent> SmppSession::poll_event() { return take_front(events_); }

void SmppSession::receive(Instant now, ByteView bytes) {
  if (closed_) return;
  stream_.append(bytes);
  while (!closed_) {
    const auto pdu = stream_.poll();
    if (!pdu) break;
    enquire_at_ = now + settings_.enquire_every;
    handle(now, *pdu);
  }
  if (stream_.is_broken()) {
    send({smpp::Command::GenericNack, smpp::status::kInvalidCommandLength, 0, {}});
    closed_ = true;
  }
}

void SmppSession::handle(Instant now, ByteView bytes) {
  const auto pdu = smpp::decode(bytes);
  if (!pdu) {
    const auto header = smpp::decode_header(bytes);
    if (!smpp::is_response(header->command)) {
      send({smpp::Command::GenericNack, smpp::status::kInvalidCommandLength, header->sequence, {}});
    }
    return;
  }
  switch (pdu->command) {
    case smpp::Command::BindReceiver:
    case smpp::Command::BindTransmitter:
    case smpp::Command::BindTransceiver: return handle_bind(*pdu);
    case smpp::Command::SubmitSm: return handle_submit(now, *pdu);
    case smpp::Command::EnquireLink: return send({smpp::Command::EnquireLinkResp, 0, pdu->sequence, {}});
    case smpp::Command::Unbind:
      send({smpp::Command::UnbindResp, 0, pdu->sequence, {}});
      closed_ = true;
      return;
    default: break;
  }
  if (smpp::is_response(pdu->command)) return handle_response(now, *pdu);
  send({smpp::Command::GenericNack, smpp::status::kInvalidCommand, pdu->sequence, {}});
}

void SmppSession::handle_bind(const smpp::Pdu& pdu) {
  const auto& bind = std::get<smpp::Bind>(pdu.body);
  smpp::Pdu response{smpp::response_to(pdu.command), smpp::status::kOk, pdu.sequence, {}};
  const auto refuse = [&](std::uint32_t status, bool close) {
    response.status = status;
    send(response);
    closed_ = close;
  };
  if (account_ != nullptr) return refuse(smpp::status::kAlreadyBound, false);
  const auto found = std::find_if(accounts_.begin(), accounts_.end(),
                                  [&](const Account& each) { return each.system_id == bind.system_id; });
  if (found == accounts_.end()) return refuse(smpp::status::kInvalidSystemId, true);
  if (found->password.reveal() != bind.password.reveal()) return refuse(smpp::status::kInvalidPassword, true);
  account_ = &*found;
  receives_ = pdu.command != smpp::Command::BindTransmitter;
  sends_ = pdu.command != smpp::Command::BindReceiver;
  response.body = smpp::BindResp{kSystemId, {{smpp::tag::kInterfaceVersion, {smpp::kInterfaceVersion}}}};
  send(response);
  events_.emplace_back(Bound{account_, receives_});
}

void SmppSession::handle_submit(Instant now, const smpp::Pdu& pdu) {
  const auto& submit = std::get<smpp::Message>(pdu.body);
  if (!sends_) return answer(pdu.sequence, smpp::status::kInvalidBindStatus, "");
  if (is_throttled(now)) return answer(pdu.sequence, smpp::status::kThrottled, "");
  auto message = to_message(submit, *account_);
  if (!message) return answer(pdu.sequence, message.error(), "");
  const std::uint8_t wish = submit.registered_delivery & smpp::kReceiptMask;
  events_.emplace_back(Submitted{pdu.sequence, std::move(*message), submit.validity,
                                 wish == smpp::kReceiptAlways      ? ReceiptWish::Always
                                 : wish == smpp::kReceiptOnFailure ? ReceiptWish::OnFailure
                                                                   : ReceiptWish::None});
}

bool SmppSession::is_throttled(Instant now) {
  if (settings_.submits_per_second == 0) return false;
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    in_second_ = 0;
  }
  return ++in_second_ > settings_.submits_per_second;
}

void SmppSession::answer(std::uint32_t sequence, std::uint32_t status, const std::string& message_id) {
  smpp::Pdu pdu{smpp::Command::SubmitSmResp, status, sequence, {}};
  if (status == smpp::status::kOk) pdu.body = smpp::MessageResp{message_id};
  send(pdu);
}

void SmppSession::handle_response(Instant now, const smpp::Pdu& pdu) {
  const auto found = std::find_if(pending_.begin(), pending_.end(),
                                  [&](const Pending& pending) { return pending.sequence == pdu.sequence; });
  if (found == pending_.end()) return;
  const std::optional<CopyId> copy = found->copy;
  pending_.erase(found);
  if (pdu.command == smpp::Command::UnbindResp) {
    closed_ = true;
    return;
  }
  if (copy) {
    const bool later = pdu.status == smpp::status::kTemporaryReceiverError || pdu.status == smpp::status::kThrottled ||
                       pdu.status == smpp::status::kMessageQueueFull;
    events_.emplace_back(Handled{*copy, pdu.status == smpp::status::kOk ? Centre::Outcome::Delivered
                                        : later                        ? Centre::Outcome::TryAgain
                                                                       : Centre::Outcome::Refused});
  }
  fill_window(now);
}

void SmppSession::deliver(Instant now, CopyId copy, const Message& message) {
  waiting_.push_back({copy, to_deliver_sm(message)});
  fill_window(now);
}

void SmppSession::tell(Instant now, const Receipt& receipt, UnixSeconds submitted, UnixSeconds ended) {
  const smpp::MessageState state = receipt.fate == Fate::Delivered ? smpp::MessageState::Delivered
                                   : receipt.fate == Fate::Expired ? smpp::MessageState::Expired
                                                                   : smpp::MessageState::Undeliverable;
  const std::string id = std::to_string(receipt.id.value);
  smpp::Message message;
  message.source = address_of(receipt.receiver);
  message.destination = address_of(receipt.sender);
  message.esm_class = smpp::kEsmReceipt;
  message.short_message = to_bytes(smpp::receipt_text({id, state}, submitted, ended));
  Bytes id_value = to_bytes(id);
  id_value.push_back(0);
  message.tlvs = {{smpp::tag::kReceiptedMessageId, std::move(id_value)},
                  {smpp::tag::kMessageState, {static_cast<std::uint8_t>(state)}}};
  waiting_.push_back({std::nullopt, std::move(message)});
  fill_window(now);
}

void SmppSession::fill_window(Instant now) {
  while (!waiting_.empty() && pending_.size() < settings_.window) {
    smpp::Pdu pdu;
    pdu.command = smpp::Command::DeliverSm;
    pdu.body = std::move(waiting_.front().message);
    const auto copy = waiting_.front().copy;
    waiting_.pop_front();
    request(now, std::move(pdu), copy);
  }
}

void SmppSession::request(Instant now, smpp::Pdu pdu, std::optional<CopyId> copy) {
  pdu.sequence = ++sequence_;
  send(pdu);
  pending_.push_back({sequence_, copy, now + settings_.response_wait});
}

void SmppSession::end(Instant now) {
  if (account_ == nullptr) {
    closed_ = true;
    return;
  }
  smpp::Pdu pdu;
  pdu.command = smpp::Command::Unbind;
  request(now, pdu, std::nullopt);
}

std::vector<CopyId> SmppSession::unhandled() const {
  std::vector<CopyId> copies;
  for (const Pending& pending : pending_) {
    if (pending.copy) copies.push_back(*pending.copy);
  }
  for (const Waiting& waiting : waiting_) {
    if (waiting.copy) copies.push_back(*waiting.copy);
  }
  return copies;
}

void SmppSession::handle_timeout(Instant now) {
  if (closed_) return;
  if (account_ == nullptr) {
    if (bind_until_ <= now) closed_ = true;
    return;
  }
  if (!pending_.empty() && pending_.front().until <= now) {
    closed_ = true;
  } else if (enquire_at_ <= now) {
    enquire_at_ = now + settings_.enquire_every;
    smpp::Pdu pdu;
    pdu.command = smpp::Command::EnquireLink;
    request(now, pdu, std::nullopt);
  }
}

std::optional<Instant> SmppSession::deadline() const {
  if (closed_) return std::nullopt;
  if (account_ == nullptr) return bind_until_;
  return pending_.empty() ? enquire_at_ : std::min(enquire_at_, pending_.front().until);
}

}  // namespace drover::smsc
