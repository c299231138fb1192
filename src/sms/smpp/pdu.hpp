// SPDX-License-Identifier: Apache-2.0
// Protocol data units of SMPP 3.4, both directions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace drover::sms::smpp {

/// "SMPP v3.4" sections are those of the SMPP Protocol Specification v3.4, issue 1.2.
inline constexpr std::uint8_t kInterfaceVersion = 0x34;
inline constexpr std::size_t kHeaderSize = 16;
/// A whole PDU. 254 octets of short_message, or a message_payload of a few short messages, and the other fields.
inline constexpr std::size_t kPduMax = 8192;
inline constexpr std::size_t kShortMessageMax = 254;  ///< octets of short_message (SMPP v3.4 §5.2.22)
inline constexpr std::size_t kTlvsMax = 64;           ///< optional parameters of one PDU

// Characters of a C-Octet String, without its NUL (SMPP v3.4 §4.1.1, §4.4.1, §4.4.2).
inline constexpr std::size_t kSystemIdMax = 15;
inline constexpr std::size_t kPasswordMax = 8;
inline constexpr std::size_t kSystemTypeMax = 12;
inline constexpr std::size_t kAddressRangeMax = 40;
inline constexpr std::size_t kServiceTypeMax = 5;
inline constexpr std::size_t kAddressMax = 20;
inline constexpr std::size_t kTimeMax = 16;
inline constexpr std::size_t kMessageIdMax = 64;

/// command_id (SMPP v3.4 §5.1.2.1).
enum class Command : std::uint32_t {
  BindReceiver = 0x00000001,
  BindTransmitter = 0x00000002,
  SubmitSm = 0x00000004,
  DeliverSm = 0x00000005,
  Unbind = 0x00000006,
  BindTransceiver = 0x00000009,
  EnquireLink = 0x00000015,
  GenericNack = 0x80000000,
  BindReceiverResp = 0x80000001,
  BindTransmitterResp = 0x80000002,
  SubmitSmResp = 0x80000004,
  DeliverSmResp = 0x80000005,
  UnbindResp = 0x80000006,
  BindTransceiverResp = 0x80000009,
  EnquireLinkResp = 0x80000015,
};
constexpr bool is_response(Command command) { return (static_cast<std::uint32_t>(command) & 0x80000000U) != 0; }
/// The one that answers `request`.
constexpr Command response_to(Command request) {
  return static_cast<Command>(static_cast<std::uint32_t>(request) | 0x80000000U);
}

/// command_status (SMPP v3.4 §5.1.3): what is used here by name; any other value is kept as it is.
namespace status {
inline constexpr std::uint32_t kOk = 0x00;
inline constexpr std::uint32_t kInvalidMessageLength = 0x01;
inline constexpr std::uint32_t kInvalidCommandLength = 0x02;
inline constexpr std::uint32_t kInvalidCommand = 0x03;
inline constexpr std::uint32_t kInvalidBindStatus = 0x04;
inline constexpr std::uint32_t kAlreadyBound = 0x05;
inline constexpr std::uint32_t kInvalidSource = 0x0A;
inline constexpr std::uint32_t kInvalidDestination = 0x0B;
inline constexpr std::uint32_t kBindFailed = 0x0D;
inline constexpr std::uint32_t kInvalidPassword = 0x0E;
inline constexpr std::uint32_t kInvalidSystemId = 0x0F;
inline constexpr std::uint32_t kMessageQueueFull = 0x14;
inline constexpr std::uint32_t kThrottled = 0x58;
inline constexpr std::uint32_t kInvalidExpiry = 0x62;
inline constexpr std::uint32_t kTemporaryReceiverError = 0x64;
}  // namespace status
/// "ESME_RTHROTTLED"; "status 0x00000442" for what SMPP 3.4 gives no name.
std::string status_name(std::uint32_t status);

/// Tags of optional parameters (SMPP v3.4 §5.3.2).
namespace tag {
inline constexpr std::uint16_t kReceiptedMessageId = 0x001E;
inline constexpr std::uint16_t kSarReference = 0x020C;
inline constexpr std::uint16_t kInterfaceVersion = 0x0210;
inline constexpr std::uint16_t kMessagePayload = 0x0424;
inline constexpr std::uint16_t kMessageState = 0x0427;
}  // namespace tag

/// An optional parameter. Those that nobody knows are kept, in their order, so that they can be passed on or skipped.
struct Tlv {
  std::uint16_t tag = 0;
  Bytes value = {};
  friend bool operator==(const Tlv&, const Tlv&) = default;
};
/// The first one with that tag; null when there is none.
const Tlv* find(const std::vector<Tlv>& tlvs, std::uint16_t tag);

/// TON and NPI (SMPP v3.4 §5.2.5, §5.2.6).
inline constexpr std::uint8_t kTonUnknown = 0;
inline constexpr std::uint8_t kTonInternational = 1;
inline constexpr std::uint8_t kNpiIsdn = 1;

struct Address {
  std::uint8_t ton = kTonUnknown;
  std::uint8_t npi = kTonUnknown;
  std::string digits = {};
  friend bool operator==(const Address&, const Address&) = default;
};

/// bind_receiver, bind_transmitter, bind_transceiver (§4.1).
struct Bind {
  std::string system_id;
  Secret<std::string> password;
  std::string system_type;
  std::uint8_t interface_version = kInterfaceVersion;
  Address range;
};

/// Their responses.
struct BindResp {
  std::string system_id;
  std::vector<Tlv> tlvs = {};
};

/// esm_class (§5.2.12).
inline constexpr std::uint8_t kEsmTypeMask = 0x3C;
inline constexpr std::uint8_t kEsmReceipt = 0x04;  ///< of what kEsmTypeMask leaves: an SMSC's delivery receipt
inline constexpr std::uint8_t kEsmHeader = 0x40;   ///< UDHI: short_message begins with a user data header
/// registered_delivery (§5.2.17).
inline constexpr std::uint8_t kReceiptMask = 0x03;
inline constexpr std::uint8_t kReceiptAlways = 0x01;
inline constexpr std::uint8_t kReceiptOnFailure = 0x02;

/// submit_sm (§4.4.1) and deliver_sm (§4.6.1).
struct Message {
  std::string service_type = {};
  Address source = {};
  Address destination = {};
  std::uint8_t esm_class = 0;
  std::uint8_t protocol_id = 0;
  std::uint8_t priority = 0;
  std::string schedule = {};  ///< schedule_delivery_time
  std::string validity = {};  ///< validity_period
  std::uint8_t registered_delivery = 0;
  std::uint8_t replace = 0;
  std::uint8_t data_coding = 0;
  std::uint8_t default_message = 0;
  Bytes short_message = {};
  std::vector<Tlv> tlvs = {};

  /// short_message, or message_payload where there is one (§5.3.2.32); valid as long as this is.
  [[nodiscard]] ByteView user_data() const;
  friend bool operator==(const Message&, const Message&) = default;
};

/// submit_sm_resp and deliver_sm_resp. A refusal may come without a body (§4.4.2): `message_id` is empty then.
struct MessageResp {
  std::string message_id = {};
  std::vector<Tlv> tlvs = {};
};

/// A command that isn't among those above; its body isn't looked at.
struct Unknown {};

struct Header {
  std::uint32_t length = 0;  ///< of the whole PDU
  Command command{};
  std::uint32_t status = status::kOk;
  std::uint32_t sequence = 0;
};

struct Pdu {
  Command command{};
  std::uint32_t status = status::kOk;
  std::uint32_t sequence = 0;
  /// monostate: enquire_link, unbind, their responses and generic_nack have no body.
  std::variant<std::monostate, Bind, BindResp, Message, MessageResp, Unknown> body = {};
};

/// The first kHeaderSize octets; nothing when there are fewer.
std::optional<Header> decode_header(ByteView bytes);
/// One whole PDU. Fault::Peer, with the field that is wrong, when its fields and its length don't fit one another.
Result<Pdu> decode(ByteView bytes);
/// Texts that are too long for their field, and user data over kShortMessageMax, are bugs of the caller.
Bytes encode(const Pdu& pdu);

}  // namespace drover::sms::smpp
