// SPDX-License-Identifier: Apache-2.0
#include "smartcard/uicc/sms_application.hpp"

#include <algorithm>

#include "base/reader.hpp"
#include "smartcard/messages.hpp"
#include "sms/tpdu.hpp"
#include "sms/user_data.hpp"

namespace drover::smartcard::uicc {

namespace sps = security::sps;
namespace tpdu = sms::tpdu;

namespace {

/// The card has no clock: what is unfinished goes when its place is needed.
constexpr Duration kWait = std::chrono::hours(1);
constexpr std::uint8_t kSubmitWithHeader = 0x41;    // SMS-SUBMIT, TP-UDHI, no TP-VP (3GPP TS 23.040 §9.2.2.2)
constexpr std::uint8_t kReceiptInSubmit = 0x20;     // SPI, second octet (TS 102 225 §5.1.1)
constexpr std::size_t kMessageHeader = 3;           // tag, and a length of 16 bits
constexpr std::uint8_t kTemporary = 0x20, kResultKind = 0xF0;  // general results 2x (TS 102 223 §8.12)

}  // namespace

std::optional<std::size_t> address_size(ByteView bytes) {
  if (bytes.empty() || bytes[0] > tpdu::kAddressDigitsMax) return std::nullopt;
  const std::size_t size = 2 + (std::size_t{bytes[0]} + 1) / 2;
  if (size > bytes.size()) return std::nullopt;
  return size;
}

MessageStore::MessageStore(const SmsApplication& application, Rng& rng)
    : sends_receipts_(sps::asks_receipt(application.parameters) &&
                      (application.parameters.spi2 & kReceiptInSubmit) != 0),
      coap_tag_(application.coap_tag),
      reassembly_({kWait, kUnfinishedMax, kUnfinishedMax, kPartsMax}, rng) {
  if (auto codec = sps::Codec::make(application.parameters, application.keys)) codec_.emplace(std::move(*codec));
}

// ---- in

bool MessageStore::take(ByteView octets) {
  if (inbox_.size() >= kInboxMax) return false;
  const auto deliver = tpdu::decode_deliver(octets);
  if (!deliver || deliver->data.pid != sms::kPidUsimDataDownload || !sms::is_8bit(deliver->data.dcs)) return true;
  const auto user_data = sms::parse_user_data(deliver->data.octets, deliver->data.has_header);
  if (!user_data) return true;
  const ByteView behind_type = octets.subspan(1);
  const ByteView originator = behind_type.first(address_size(behind_type).value_or(0));
  if (!user_data->header.concatenation) {
    if (user_data->header.packet == sms::PacketType::Command) take_packet(originator, user_data->text);
  } else if (user_data->header.concatenation->count <= kPartsMax) {
    const auto whole = reassembly_.add(Instant{}, to_hex(originator), *user_data);
    if (whole && whole->header.packet == sms::PacketType::Command) take_packet(originator, whole->text);
  }
  return true;
}

/// "If decryption or integrity verification failed, SMS MUST be discarded."
void MessageStore::take_packet(ByteView originator, ByteView packet) {
  if (!codec_) return;
  const auto command = codec_->decode_command(packet);
  // Both sides have the same keys: a packet of our own would be right, too.
  if (!command || command->counter <= counters_.received || std::ranges::count(own_, command->checksum) > 0) return;
  counters_.received = command->counter;
  const auto coap = sps::unwrap(coap_tag_, command->data);
  if (!coap || originator.size() + kMessageHeader + coap->size() > kCardMessageMax) return;
  ByteWriter message;
  message.bytes(originator);
  message.u8(coap_tag_);
  message.u16(static_cast<std::uint16_t>(coap->size()));
  message.bytes(*coap);
  inbox_.push_back(message.take());
  if (!sends_receipts_) return;
  const auto receipt = codec_->encode_response(command->counter, sps::Status::Done, {});
  if (!receipt || !has_room(receipt->bytes.size(), sms::PacketType::Response)) return;
  queue(originator, sms::PacketType::Response, *receipt);
}

// ---- out

Status MessageStore::send(ByteView message) {
  const auto size = address_size(message);
  if (!size) return status::kWrongData;
  ByteReader reader(message.subspan(*size));
  const auto tag = reader.u8();
  const auto length = reader.u16();
  if (!length || *tag != coap_tag_ || *length != reader.remaining()) return status::kWrongData;
  if (!codec_) return status::kConditionsNotSatisfied;
  const Bytes data = sps::wrap(coap_tag_, reader.rest());
  // The counter is used up only by what can be sent.
  const auto packet = codec_->encode_command(counters_.sent + 1, data);
  if (!packet) return status::kConditionsNotSatisfied;
  if (!has_room(packet->bytes.size(), sms::PacketType::Command)) return status::kNoMemory;
  ++counters_.sent;
  remember_own(packet->checksum);
  queue(message.first(*size), sms::PacketType::Command, *packet);
  return status::kDone;
}

bool MessageStore::has_room(std::size_t packet_size, sms::PacketType type) const {
  return outbox_.size() < kOutboxMax && packet_size <= sms::room(kOutboxMax - outbox_.size(), false, type);
}

void MessageStore::queue(ByteView destination, sms::PacketType type, const sps::Packet& packet) {
  ++last_packet_;
  for (const Bytes& user_data : sms::split(packet.bytes, std::nullopt, type, ++reference_)) {
    ByteWriter submit;
    submit.u8(kSubmitWithHeader);
    submit.u8(0);  // TP-MR: the terminal's
    submit.bytes(destination);
    submit.u8(sms::kPidUsimDataDownload);
    submit.u8(sms::kDcs8BitClass2);
    submit.u8(static_cast<std::uint8_t>(user_data.size()));
    submit.bytes(user_data);
    outbox_.push_back({last_packet_, 0, submit.take()});
  }
}

void MessageStore::remember_own(const sps::Checksum& checksum) {
  if (own_.size() >= kOwnKept) own_.pop_front();
  own_.push_back(checksum);
}

std::optional<Bytes> MessageStore::proactive() const {
  if (outbox_.empty() || waits_) return std::nullopt;
  return toolkit::encode_proactive({outbox_.front().submit, number_, toolkit::kSendShortMessage, 0});
}

void MessageStore::answered(const toolkit::TerminalResponse& response) {
  if (!is_fetched_ || response.number != number_ || response.type != toolkit::kSendShortMessage) return;
  is_fetched_ = false;
  number_ = number_ == 0xFE ? std::uint8_t{1} : static_cast<std::uint8_t>(number_ + 1);
  Waiting& first = outbox_.front();
  if (response.result < kTemporary) {
    outbox_.pop_front();
  } else if ((response.result & kResultKind) == kTemporary && ++first.tries < kSendTries) {
    waits_ = true;
  } else {
    drop_first_packet();
  }
}

/// A packet without one of its parts is nothing.
void MessageStore::drop_first_packet() {
  const std::uint64_t packet = outbox_.front().packet;
  while (!outbox_.empty() && outbox_.front().packet == packet) outbox_.pop_front();
}

void MessageStore::reset() {
  is_fetched_ = false;
  waits_ = false;
}

}  // namespace drover::smartcard::uicc
