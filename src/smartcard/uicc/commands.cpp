// SPDX-License-Identifier: Apache-2.0
// What is done with files, the PIN, and short messages.
#include <algorithm>
#include <utility>

#include "security/cipher/block_cipher.hpp"
#include "smartcard/messages.hpp"
#include "smartcard/uicc/card.hpp"

namespace drover::smartcard::uicc {
namespace {

constexpr Status kToolkitBusy{0x9300};         // TS 102 221 §10.2.1.1
constexpr std::uint16_t kTriesLeft = 0x63C0;   // §11.1.9.2
constexpr std::size_t kPinSize = 8;            // filled with FF (§9.5.1)

// P2 of SELECT (§11.1.1.2).
constexpr std::uint8_t kReturned = 0x0C, kNothing = 0x0C, kControlParameters = 0x04;

constexpr std::uint8_t kShortIdentifier = 0x80;  // P1 of READ BINARY
constexpr std::uint8_t kAbsolute = 0x04;         // P2 of READ RECORD

constexpr std::uint8_t kNextBlock = 0x80;        // P1 of GET DATA: what is left of a message
constexpr std::uint8_t kLastBlock = 0x80;        // P1 of STORE DATA (GlobalPlatform §11.11.2.1)
/// With the address, the tag and the length.
constexpr std::size_t kStoredMax = kCardMessageMax;

}  // namespace

Response Card::select(const Call& call) {
  const std::uint8_t returned = call.command.p2 & kReturned;
  if (returned != 0 && returned != kNothing && returned != kControlParameters) return only(status::kWrongP1P2);
  Channel& channel = this->channel(call);
  Selection selection = channel.selection;
  if (const Status found = files_.select(selection, call.command); found != status::kDone) return only(found);
  Bytes answer = returned == kNothing ? Bytes() : files_.control_parameters(selection);
  channel.selection = selection;
  if (call.command.p1 == kByName) {
    channel.session.reset();
    channel.handed_out = 0;
    channel.stored.clear();
    channel.next_block = 0;
  }
  return {std::move(answer), status::kDone};
}

bool Card::may_read(const Call& call, const File& file) const {
  if (file.needs_pin && !image_.pin.empty() && !pin_verified_) return false;
  return !file.needs_secure_channel || call.is_secured;
}

Response Card::read_binary(const Call& call) {
  const Command& command = call.command;
  const File* file = files_.file(channel(call).selection);
  if (!command.data.empty()) return only(status::kWrongLength);
  if ((command.p1 & kShortIdentifier) != 0) return only(status::kFileNotFound);
  if (file == nullptr) return only(status::kNoFileSelected);
  if (file->record_size > 0) return only(status::kIncompatibleFile);
  if (!may_read(call, *file)) return only(status::kSecurityNotSatisfied);
  const std::size_t offset = std::size_t{command.p1} << 8 | command.p2;
  const ByteView content = files_.content(channel(call).selection);
  if (offset >= content.size()) return only(status::kWrongOffset);
  const std::size_t most = call.is_secured ? scp03::kResponseDataMax : kExpectedMax;
  const std::size_t wanted = std::min<std::size_t>(command.expected.value_or(kExpectedMax), most);
  const ByteView part = content.subspan(offset, std::min(wanted, content.size() - offset));
  return {Bytes(part.begin(), part.end()), status::kDone};
}

Response Card::read_record(const Call& call) {
  const Command& command = call.command;
  const File* file = files_.file(channel(call).selection);
  if (!command.data.empty()) return only(status::kWrongLength);
  if (command.p2 != kAbsolute) return only(status::kWrongP1P2);
  if (file == nullptr) return only(status::kNoFileSelected);
  if (file->record_size == 0) return only(status::kIncompatibleFile);
  if (!may_read(call, *file)) return only(status::kSecurityNotSatisfied);
  const ByteView content = files_.content(channel(call).selection);
  if (command.p1 == 0 || command.p1 * file->record_size > content.size()) return only(status::kRecordNotFound);
  const ByteView record = content.subspan((command.p1 - 1u) * file->record_size, file->record_size);
  if (call.is_secured && record.size() > scp03::kResponseDataMax) return only(status::kWrongLength);
  return {Bytes(record.begin(), record.end()), status::kDone};
}

/// Without data it tells how many tries are left.
Response Card::verify_pin(const Call& call) {
  const Command& command = call.command;
  if (command.p1 != 0) return only(status::kWrongP1P2);
  if (image_.pin.empty() || command.p2 != image_.pin_reference) return only(status::kReferenceNotFound);
  const auto tries = [this] { return only({static_cast<std::uint16_t>(kTriesLeft | std::min(pin_tries_, 15u))}); };
  if (pin_tries_ == 0) return only(status::kPinBlocked);
  if (command.data.empty()) return tries();
  if (command.data.size() != kPinSize) return only(status::kWrongLength);
  Secret<Bytes> pin(to_bytes(image_.pin.reveal()));
  Bytes padded = pin.reveal();
  padded.resize(kPinSize, 0xFF);
  pin = Secret<Bytes>(std::move(padded));
  --pin_tries_;
  pin_verified_ = security::cipher::equal(command.data, pin.reveal());
  if (!pin_verified_) return tries();
  pin_tries_ = image_.pin_tries;
  return only(status::kDone);
}

// ---- the LwM2M application

/// A message that is longer than an answer goes in several: without the secure channel by GET RESPONSE, with it by GET
/// DATA whose P1 has b8. It stays until all of it was handed out.
Response Card::get_data(const Call& call) {
  Channel& channel = this->channel(call);
  const Command& command = call.command;
  if (!files_.is_sms_application(channel.selection) || !messages_) return only(status::kReferenceNotFound);
  if (!command.data.empty()) return only(status::kWrongLength);
  const bool continues = command.p1 == (image_.sms->get_data_p1 | kNextBlock) && command.p1 != image_.sms->get_data_p1;
  if ((command.p1 != image_.sms->get_data_p1 && !continues) || command.p2 != image_.sms->get_data_p2) {
    return only(status::kReferenceNotFound);
  }
  if (image_.sms->needs_secure_channel && !call.is_secured) return only(status::kSecurityNotSatisfied);
  const Bytes* message = messages_->next_message();
  if (!continues) channel.handed_out = 0;
  if (message == nullptr || (continues && channel.handed_out == 0) || channel.handed_out >= message->size()) {
    return only(status::kReferenceNotFound);
  }
  const std::size_t rest = message->size() - channel.handed_out;
  const std::size_t size = call.is_secured ? std::min(rest, scp03::kResponseDataMax) : rest;
  if (auto wrong = wrong_length(call, size)) return *std::move(wrong);
  const auto begin = message->begin() + static_cast<std::ptrdiff_t>(channel.handed_out);
  Bytes part(begin, begin + static_cast<std::ptrdiff_t>(size));
  channel.handed_out += size;
  if (channel.handed_out == message->size()) {
    channel.handed_out = 0;
    messages_->remove_message();
    // Another channel that was in the middle of it isn't in the middle of the next one.
    for (auto& other : channels_) {
      if (other) other->handed_out = 0;
    }
  }
  return {std::move(part), status::kDone};
}

Response Card::store_data(const Call& call) {
  Channel& channel = this->channel(call);
  const Command& command = call.command;
  if (!files_.is_sms_application(channel.selection) || !messages_) return only(status::kConditionsNotSatisfied);
  if (image_.sms->needs_secure_channel && !call.is_secured) return only(status::kSecurityNotSatisfied);
  if (command.p2 == 0) {
    channel.stored.clear();
    channel.next_block = 0;
  }
  Bytes& stored = channel.stored;
  const bool in_order = command.p2 == channel.next_block;
  if (!in_order || stored.size() + command.data.size() > kStoredMax) {
    stored.clear();
    channel.next_block = 0;
    return only(in_order ? status::kNoMemory : status::kWrongP1P2);
  }
  stored.insert(stored.end(), command.data.begin(), command.data.end());
  ++channel.next_block;
  if ((command.p1 & kLastBlock) == 0) return only(status::kDone);
  const Bytes message = std::exchange(stored, {});
  channel.next_block = 0;
  return only(messages_->send(message));
}

// ---- the terminal

Response Card::envelope(const Call& call) {
  if (!messages_) return only(status::kUnknownInstruction);
  const auto deliver = toolkit::read_sms_download(call.command);
  if (!deliver) return only(status::kWrongData);
  if (messages_->take(*deliver)) return only(status::kDone);
  return only(kToolkitBusy);
}

Response Card::fetch(const Call& call) {
  auto command = messages_ && call.command.data.empty() ? messages_->proactive() : std::nullopt;
  if (!command || call.command.p1 != 0 || call.command.p2 != 0) return only(status::kConditionsNotSatisfied);
  if (auto wrong = wrong_length(call, command->size())) return *std::move(wrong);
  messages_->fetched();
  return {*std::move(command), status::kDone};
}

/// STATUS (§11.1.2): the terminal looks whether the card is there and wants something.
Response Card::status_of(const Call& call) {
  if (call.command.p2 == kNothing) return only(status::kDone);
  if (call.command.p2 != 0) return only(status::kWrongP1P2);
  return {files_.control_parameters({channel(call).selection.folder}), status::kDone};
}

Response Card::terminal_response(const Call& call) {
  const auto response = toolkit::read_terminal_response(call.command);
  if (!response) return only(status::kWrongData);
  if (!messages_ || !messages_->is_fetched()) return only(status::kConditionsNotSatisfied);
  messages_->answered(*response);
  return only(status::kDone);
}

}  // namespace drover::smartcard::uicc
