// SPDX-License-Identifier: Apache-2.0
#include "sms/smpp/esme.hpp"

#include <algorithm>
#include <cassert>
#include <string_view>

#include "base/take_front.hpp"
#include "sms/tpdu.hpp"
#include "transport/datagram.hpp"

namespace drover::sms::smpp {
namespace {

constexpr std::uint8_t kOctetsUnspecified = 0x02;
constexpr std::uint32_t kSequenceMax = 0x7FFFFFFF;  // SMPP v3.4 §5.1.4
/// A message that is valid for five minutes may still be told of some time later.
constexpr Duration kReceiptGrace = std::chrono::hours(1);

bool is_retryable(std::uint32_t status) {
  return status == status::kThrottled || status == status::kMessageQueueFull;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.size() <= transport::kMsisdnDigitsMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Digits, with or without the "+" of the international form.
std::optional<std::string> msisdn_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (!is_digits(text)) return std::nullopt;
  return std::string(text);
}

/// 8-bit data: octets unspecified (SMPP v3.4 §5.2.19), or what the network's own coding calls so.
bool is_data(std::uint8_t data_coding) {
  return data_coding == kOctetsUnspecified || tpdu::alphabet_of(data_coding) == tpdu::Alphabet::Octets;
}

tl::unexpected<Error> wrong_setting(std::string reason) {
  return tl::unexpected(Error{Fault::Us, 0, std::move(reason)});
}

bool fits(std::string_view text, std::size_t max) {
  return text.size() <= max && text.find('\0') == std::string_view::npos;
}

}  // namespace

Result<void> EsmeSettings::check() const {
  const auto at_most = [](const char* name, std::size_t max) {
    return wrong_setting(std::string(name) + " has at most " + std::to_string(max) + " characters in SMPP 3.4");
  };
  if (system_id.empty()) return wrong_setting("an SMSC wants a system id");
  if (!fits(system_id, kSystemIdMax)) return at_most("a system id", kSystemIdMax);
  if (!fits(password.reveal(), kPasswordMax)) return at_most("a password", kPasswordMax);
  if (!fits(system_type, kSystemTypeMax)) return at_most("a system type", kSystemTypeMax);
  if (!fits(range.digits, kAddressRangeMax)) return at_most("an address range", kAddressRangeMax);
  if (!service_number.empty() && !is_digits(service_number)) {
    return wrong_setting("a service number is 1 to " + std::to_string(transport::kMsisdnDigitsMax) + " digits");
  }
  if (window == 0 || window > kWindowMax) {
    return wrong_setting("a window is 1 to " + std::to_string(kWindowMax) + " short messages");
  }
  return {};
}

Esme::Esme(EsmeSettings settings, Rng& rng)
    : settings_(std::move(settings)), rng_(rng), line_wait_(settings_.retry_first), pause_(settings_.retry_first) {
  assert(settings_.check().has_value());
}

// ---- submissions ----------------------------------------------------------------------------------------------------

void Esme::submit(Instant now, Submission submission) {
  const auto refuse = [&](const char* reason) {
    ++counters_.failed;
    reports_.push_back({submission.id, Report::What::Failed, reason});
  };
  if (ending_) return refuse("the line to the SMSC is being closed");
  if (outgoing_.size() >= kSubmissionsMax) return refuse("queue full");
  if (submission.message.user_data.size() > kUserDataMax) return refuse("too large for a short message");
  const auto digits = msisdn_of(submission.message.msisdn);
  if (!digits) return refuse("not the number of a subscriber");
  submission.message.msisdn = *digits;
  const Key key = next_key_++;
  const Instant expires = now + submission.validity;
  outgoing_.emplace(key, Outgoing{std::move(submission), expires});
  waiting_.insert(key);
  expiries_.insert({expires, key});
  fill_window(now);
}

std::optional<ShortMessage> Esme::poll_delivery() { return take_front(deliveries_); }
std::optional<Report> Esme::poll_report() { return take_front(reports_); }
std::optional<Bytes> Esme::poll_line_output() { return take_front(output_); }

void Esme::fill_window(Instant now) {
  while (takes_orders() && !paused_until_ && !waiting_.empty() && pending_.size() < settings_.window) {
    const Key key = *waiting_.begin();
    waiting_.erase(waiting_.begin());
    send_submission(now, key);
  }
}

void Esme::send_submission(Instant now, Key key) {
  Outgoing& outgoing = outgoing_.at(key);
  if (outgoing.tries++ > 0) ++counters_.retried;
  Pdu pdu;
  pdu.body = to_submit_sm(now, outgoing);
  request(now, Command::SubmitSm, std::move(pdu), key);
}

Message Esme::to_submit_sm(Instant now, const Outgoing& outgoing) const {
  const ShortMessage& from = outgoing.submission.message;
  Message message;
  if (!settings_.service_number.empty()) {
    message.source = {settings_.source_ton, settings_.source_npi, settings_.service_number};
  }
  message.destination = {settings_.destination_ton, settings_.destination_npi, from.msisdn};
  message.esm_class = from.has_header ? kEsmHeader : 0;
  message.protocol_id = from.pid;
  message.validity = relative_time(std::max<Duration>(outgoing.expires - now, std::chrono::seconds(1)));
  message.registered_delivery = settings_.receipts ? kReceiptAlways : 0;
  message.data_coding = from.dcs;
  message.short_message = from.user_data;
  return message;
}

void Esme::handle_submit_response(Instant now, Key key, const Pdu& pdu) {
  const auto found = outgoing_.find(key);
  if (found == outgoing_.end()) {
    // Its validity ended meanwhile, and was reported.
  } else if (pdu.status == status::kOk && pdu.command != Command::GenericNack) {
    pause_ = settings_.retry_first;
    const auto* response = std::get_if<MessageResp>(&pdu.body);
    take(now, key, response != nullptr ? response->message_id : std::string());
  } else if (is_retryable(pdu.status)) {
    throttle(now, key, pdu.status);
  } else {
    fail(key, status_name(pdu.status));
  }
  fill_window(now);
}

void Esme::take(Instant now, Key key, const std::string& message_id) {
  const auto found = outgoing_.find(key);
  const SubmissionId id = found->second.submission.id;
  const Instant until = found->second.expires + kReceiptGrace;
  ++counters_.sent;
  reports_.push_back({id, Report::What::Taken});
  expiries_.erase({found->second.expires, key});
  outgoing_.erase(found);
  if (!settings_.receipts || message_id.empty()) return;
  if (awaited_.size() == kReceiptsMax) {
    awaited_.erase(awaited_ends_.begin()->second);
    awaited_ends_.erase(awaited_ends_.begin());
  }
  if (const auto old = awaited_.find(message_id); old != awaited_.end()) {
    awaited_ends_.erase({old->second.until, message_id});
    awaited_.erase(old);
  }
  awaited_.emplace(message_id, Awaited{id, until});
  awaited_ends_.insert({until, message_id});
  const auto early = std::find_if(early_receipts_.begin(), early_receipts_.end(),
                                  [&](const Receipt& receipt) { return receipt.message_id == message_id; });
  if (early == early_receipts_.end()) return;
  const Receipt receipt = *early;
  early_receipts_.erase(early);
  handle_receipt(now, receipt);
}

void Esme::fail(Key key, std::string reason) {
  const auto found = outgoing_.find(key);
  ++counters_.failed;
  reports_.push_back({found->second.submission.id, Report::What::Failed, std::move(reason)});
  expiries_.erase({found->second.expires, key});
  waiting_.erase(key);
  outgoing_.erase(found);
}

/// The SMSC means all of us, so nothing else is sent meanwhile either.
void Esme::throttle(Instant now, Key key, std::uint32_t status) {
  const bool first = !paused_until_;
  if (first) {
    paused_until_ = now + drawn(pause_);
    pause_ = std::min(2 * pause_, settings_.retry_max);
  }
  if (*paused_until_ >= outgoing_.at(key).expires) {
    fail(key, status_name(status) + " for as long as it was valid");
  } else {
    waiting_.insert(key);
  }
}

void Esme::handle_receipt(Instant now, const Receipt& receipt) {
  if (!is_final(receipt.state)) return;
  const auto found = awaited_.find(receipt.message_id);
  if (found == awaited_.end()) {
    const auto submits = [](const Pending& each) { return each.command == Command::SubmitSm; };
    if (!settings_.receipts || std::none_of(pending_.begin(), pending_.end(), submits)) return;
    if (early_receipts_.size() == kEarlyReceiptsMax) early_receipts_.pop_front();
    early_receipts_.push_back(receipt);
    return;
  }
  const bool delivered = receipt.state == MessageState::Delivered;
  reports_.push_back({found->second.id, delivered ? Report::What::Delivered : Report::What::Lost,
                      delivered ? std::string() : std::string(to_string(receipt.state))});
  awaited_ends_.erase({found->second.until, receipt.message_id});
  awaited_.erase(found);
  forget_receipts(now);
}

void Esme::forget_receipts(Instant now) {
  while (!awaited_ends_.empty() && awaited_ends_.begin()->first <= now) {
    awaited_.erase(awaited_ends_.begin()->second);
    awaited_ends_.erase(awaited_ends_.begin());
  }
}

// ---- the line -------------------------------------------------------------------------------------------------------

void Esme::line_opened(Instant now) {
  if (line_ != Line::Wanted) return;
  if (had_line_) ++counters_.restarts;
  had_line_ = true;
  line_ = Line::Binding;
  stream_.clear();
  Pdu pdu;
  pdu.body = Bind{settings_.system_id, settings_.password, settings_.system_type, kInterfaceVersion, settings_.range};
  request(now, Command::BindTransceiver, std::move(pdu));
}

void Esme::line_closed(Instant now, std::string reason) {
  // What closed it on our side says more than the owner can.
  if (line_ != Line::Closing || reason_.empty()) reason_ = std::move(reason);
  stream_.clear();
  output_.clear();
  for (const Pending& pending : pending_) {
    if (outgoing_.contains(pending.key)) waiting_.insert(pending.key);
  }
  pending_.clear();
  early_receipts_.clear();
  wait_for_line(now);
}

void Esme::wait_for_line(Instant now) {
  if (ending_) {
    give_up_waiting();
    line_ = Line::Closed;
    return;
  }
  line_ = Line::Waiting;
  line_again_ = now + drawn(line_wait_);
  line_wait_ = std::min(2 * line_wait_, std::max(settings_.retry_max, settings_.refused_retry));
}

/// From its upper half, so that many don't come back in step.
Duration Esme::drawn(Duration wait) {
  const auto half = wait.count() / 2;
  const auto bound = static_cast<std::uint32_t>(std::min<std::int64_t>(half + 1, UINT32_MAX));
  return wait - Duration(static_cast<Duration::rep>(rng_.below(bound)));
}

void Esme::close_line(std::string reason) {
  if (line_ == Line::Closing) return;
  reason_ = std::move(reason);
  line_ = Line::Closing;
}

void Esme::line_received(Instant now, ByteView bytes) {
  if (line_ != Line::Binding && line_ != Line::Bound && line_ != Line::Unbinding) return;
  stream_.append(bytes);
  while (line_ != Line::Closing) {
    const auto pdu = stream_.poll();
    if (!pdu) break;
    enquire_at_ = now + settings_.enquire_every;
    handle(now, *pdu);
  }
  if (stream_.is_broken() && line_ != Line::Closing) {
    ++counters_.malformed;
    send({Command::GenericNack, status::kInvalidCommandLength, 0});
    close_line("the SMSC sent something that isn't SMPP");
  }
}

void Esme::handle(Instant now, ByteView bytes) {
  const auto pdu = decode(bytes);
  if (!pdu) {
    ++counters_.malformed;
    const auto header = decode_header(bytes);
    if (is_response(header->command)) return close_line("the SMSC sent a response that can't be read");
    send({Command::GenericNack, status::kInvalidCommandLength, header->sequence});
    return;
  }
  if (is_response(pdu->command)) {
    handle_response(now, *pdu);
  } else {
    handle_request(now, *pdu);
  }
}

void Esme::handle_request(Instant now, const Pdu& pdu) {
  switch (pdu.command) {
    case Command::DeliverSm: return handle_deliver(now, pdu);
    case Command::EnquireLink: return respond(pdu, status::kOk);
    case Command::Unbind:
      respond(pdu, status::kOk);
      return close_line("the SMSC unbound us");
    default:
      ++counters_.malformed;
      send({Command::GenericNack, status::kInvalidCommand, pdu.sequence});
  }
}

void Esme::handle_response(Instant now, const Pdu& pdu) {
  const auto found = std::find_if(pending_.begin(), pending_.end(),
                                  [&](const Pending& pending) { return pending.sequence == pdu.sequence; });
  // What isn't an answer to anything: late, or to what we couldn't have asked.
  if (found == pending_.end()) return;
  if (pdu.command != Command::GenericNack && pdu.command != response_to(found->command)) {
    ++counters_.malformed;
    return;
  }
  const Pending pending = *found;
  pending_.erase(found);
  switch (pending.command) {
    case Command::BindTransceiver: return handle_bind_response(now, pdu);
    case Command::SubmitSm: return handle_submit_response(now, pending.key, pdu);
    case Command::Unbind: return close_line("unbound");
    default: break;  // enquire_link: any answer shows that somebody is there
  }
  fill_window(now);
}

void Esme::handle_bind_response(Instant now, const Pdu& pdu) {
  if (pdu.status != status::kOk || pdu.command == Command::GenericNack) {
    line_wait_ = std::max(2 * line_wait_, 2 * settings_.refused_retry);
    return close_line("the SMSC refuses us: " + status_name(pdu.status));
  }
  line_ = Line::Bound;
  reason_.clear();
  line_wait_ = settings_.retry_first;
  pause_ = settings_.retry_first;
  paused_until_.reset();
  enquire_at_ = now + settings_.enquire_every;
  fill_window(now);
}

/// Answered first, so that an SMSC never waits for what is behind us.
void Esme::handle_deliver(Instant now, const Pdu& pdu) {
  const auto& message = std::get<Message>(pdu.body);
  if (line_ == Line::Binding) return respond(pdu, status::kInvalidBindStatus);
  if ((message.esm_class & kEsmTypeMask) != 0) {
    respond(pdu, status::kOk);
    if ((message.esm_class & kEsmTypeMask) != kEsmReceipt) return;  // acknowledgements of users, and what is on its way
    const auto receipt = read_receipt(message);
    if (!receipt) {
      ++counters_.malformed;
    } else {
      handle_receipt(now, *receipt);
    }
    return;
  }
  const ByteView user_data = message.user_data();
  if (user_data.size() > kUserDataMax) {
    ++counters_.malformed;
    return respond(pdu, status::kInvalidMessageLength);
  }
  if (deliveries_.size() >= kDeliveriesMax) return respond(pdu, status::kTemporaryReceiverError);
  respond(pdu, status::kOk);
  const auto msisdn = msisdn_of(message.source.digits);
  if (!msisdn || !is_data(message.data_coding)) {
    ++counters_.foreign;
    return;
  }
  // Segments without a header of their own can't be put together by whom they are for.
  if (find(message.tlvs, tag::kSarReference) != nullptr) {
    ++counters_.malformed;
    return;
  }
  ++counters_.received;
  deliveries_.push_back({*msisdn, message.protocol_id, message.data_coding, (message.esm_class & kEsmHeader) != 0,
                         Bytes(user_data.begin(), user_data.end())});
}

void Esme::request(Instant now, Command command, Pdu pdu, Key key) {
  sequence_ = sequence_ == kSequenceMax ? 1 : sequence_ + 1;
  pdu.command = command;
  pdu.sequence = sequence_;
  send(pdu);
  pending_.push_back({sequence_, command, key, now + settings_.response_wait});
}

void Esme::respond(const Pdu& request, std::uint32_t status) {
  Pdu pdu{response_to(request.command), status, request.sequence, {}};
  if (request.command == Command::DeliverSm) pdu.body = MessageResp{};  // its message_id is empty (§4.6.2)
  send(pdu);
}

void Esme::send(const Pdu& pdu) { output_.push_back(encode(pdu)); }

void Esme::give_up_waiting() {
  while (!waiting_.empty()) fail(*waiting_.begin(), "the line to the SMSC is closed");
}

void Esme::unbind(Instant now) {
  if (ending_) return;
  ending_ = true;
  give_up_waiting();
  if (line_ == Line::Bound) {
    line_ = Line::Unbinding;
    request(now, Command::Unbind, {});
  } else if (line_ == Line::Binding) {
    close_line("given up");
  } else if (line_ != Line::Closing) {
    line_ = Line::Closed;
  }
}

// ---- time -----------------------------------------------------------------------------------------------------------

void Esme::handle_timeout(Instant now) {
  forget_receipts(now);
  while (!expiries_.empty() && expiries_.begin()->first <= now) {
    const Key key = expiries_.begin()->second;
    fail(key, waiting_.contains(key) ? "not sent for as long as it was valid: " + state()
                                     : "not answered by the SMSC for as long as it was valid");
  }
  if (line_ == Line::Waiting && line_again_ <= now) line_ = Line::Wanted;
  if (!pending_.empty() && pending_.front().until <= now && line_ != Line::Closing) {
    const auto found = outgoing_.find(pending_.front().key);
    if (found != outgoing_.end() && ++found->second.unanswered == kUnansweredMax) {
      fail(found->first, "the SMSC doesn't answer");
    }
    close_line("the SMSC doesn't answer");
  }
  if (line_ != Line::Bound) return;
  if (paused_until_ && *paused_until_ <= now) {
    paused_until_.reset();
    fill_window(now);
  }
  if (enquire_at_ <= now) {
    enquire_at_ = now + settings_.enquire_every;
    request(now, Command::EnquireLink, {});
  }
}

std::optional<Deadline> Esme::deadline() const {
  std::optional<Deadline> next;
  const auto consider = [&next](Instant at, Reason reason) {
    if (!next || at < next->at) next = Deadline{at, reason};
  };
  if (line_ == Line::Closed) return next;
  if (!expiries_.empty()) consider(expiries_.begin()->first, Reason::ExchangeEnd);
  if (!awaited_ends_.empty()) consider(awaited_ends_.begin()->first, Reason::Forget);
  if (line_ == Line::Waiting) consider(line_again_, Reason::Line);
  if (line_ == Line::Binding || line_ == Line::Bound || line_ == Line::Unbinding) {
    if (!pending_.empty()) consider(pending_.front().until, Reason::Line);
  }
  if (line_ == Line::Bound) {
    consider(enquire_at_, Reason::Line);
    if (paused_until_) consider(*paused_until_, Reason::Line);
  }
  return next;
}

std::string Esme::state() const {
  const std::string why = reason_.empty() ? "" : ": " + reason_;
  switch (line_) {
    case Line::Waiting: return "waits to connect to the SMSC again" + why;
    case Line::Wanted: return "connects to the SMSC" + why;
    case Line::Binding: return "binds at the SMSC";
    case Line::Bound: return paused_until_ ? "bound, and held back by the SMSC" : "bound";
    case Line::Unbinding: return "unbinds";
    case Line::Closing: return "closes its connection to the SMSC" + why;
    case Line::Closed: return "closed" + why;
  }
  return "";
}

}  // namespace drover::sms::smpp
