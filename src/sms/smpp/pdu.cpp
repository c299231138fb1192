// SPDX-License-Identifier: Apache-2.0
#include "sms/smpp/pdu.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>
#include <utility>

#include "base/reader.hpp"

namespace drover::sms::smpp {
namespace {

struct StatusName {
  std::uint32_t status;
  const char* name;
};

// SMPP v3.4 §5.1.3, table 5-2.
constexpr std::array kStatusNames{
    StatusName{0x00, "ESME_ROK"},
    StatusName{0x01, "ESME_RINVMSGLEN"},
    StatusName{0x02, "ESME_RINVCMDLEN"},
    StatusName{0x03, "ESME_RINVCMDID"},
    StatusName{0x04, "ESME_RINVBNDSTS"},
    StatusName{0x05, "ESME_RALYBND"},
    StatusName{0x06, "ESME_RINVPRTFLG"},
    StatusName{0x07, "ESME_RINVREGDLVFLG"},
    StatusName{0x08, "ESME_RSYSERR"},
    StatusName{0x0A, "ESME_RINVSRCADR"},
    StatusName{0x0B, "ESME_RINVDSTADR"},
    StatusName{0x0C, "ESME_RINVMSGID"},
    StatusName{0x0D, "ESME_RBINDFAIL"},
    StatusName{0x0E, "ESME_RINVPASWD"},
    StatusName{0x0F, "ESME_RINVSYSID"},
    StatusName{0x11, "ESME_RCANCELFAIL"},
    StatusName{0x13, "ESME_RREPLACEFAIL"},
    StatusName{0x14, "ESME_RMSGQFUL"},
    StatusName{0x15, "ESME_RINVSERTYP"},
    StatusName{0x33, "ESME_RINVNUMDESTS"},
    StatusName{0x34, "ESME_RINVDLNAME"},
    StatusName{0x40, "ESME_RINVDESTFLAG"},
    StatusName{0x42, "ESME_RINVSUBREP"},
    StatusName{0x43, "ESME_RINVESMCLASS"},
    StatusName{0x44, "ESME_RCNTSUBDL"},
    StatusName{0x45, "ESME_RSUBMITFAIL"},
    StatusName{0x48, "ESME_RINVSRCTON"},
    StatusName{0x49, "ESME_RINVSRCNPI"},
    StatusName{0x50, "ESME_RINVDSTTON"},
    StatusName{0x51, "ESME_RINVDSTNPI"},
    StatusName{0x53, "ESME_RINVSYSTYP"},
    StatusName{0x54, "ESME_RINVREPFLAG"},
    StatusName{0x55, "ESME_RINVNUMMSGS"},
    StatusName{0x58, "ESME_RTHROTTLED"},
    StatusName{0x61, "ESME_RINVSCHED"},
    StatusName{0x62, "ESME_RINVEXPIRY"},
    StatusName{0x63, "ESME_RINVDFTMSGID"},
    StatusName{0x64, "ESME_RX_T_APPN"},
    StatusName{0x65, "ESME_RX_P_APPN"},
    StatusName{0x66, "ESME_RX_R_APPN"},
    StatusName{0x67, "ESME_RQUERYFAIL"},
    StatusName{0xC0, "ESME_RINVOPTPARSTREAM"},
    StatusName{0xC1, "ESME_ROPTPARNOTALLWD"},
    StatusName{0xC2, "ESME_RINVPARLEN"},
    StatusName{0xC3, "ESME_RMISSINGOPTPARAM"},
    StatusName{0xC4, "ESME_RINVOPTPARAMVAL"},
    StatusName{0xFE, "ESME_RDELIVERYFAILURE"},
    StatusName{0xFF, "ESME_RUNKNOWNERR"},
};

/// Reads fields one after the other; the first that doesn't fit is remembered, and all after it are empty.
class Fields {
 public:
  explicit Fields(ByteView body) : reader_(body) {}

  /// A C-Octet String of at most `max` characters, and its NUL.
  std::string text(const char* name, std::size_t max) {
    const ByteView rest = reader_.rest();
    const ByteView window = rest.first(std::min(rest.size(), max + 1));
    const auto nul = std::find(window.begin(), window.end(), std::uint8_t{0});
    if (nul == window.end()) {
      fail(name);
      return {};
    }
    const auto length = static_cast<std::size_t>(nul - window.begin());
    const auto taken = reader_.bytes(length + 1);
    return std::string(as_text(taken->first(length)));
  }
  std::uint8_t octet(const char* name) {
    const auto value = reader_.u8();
    if (!value) fail(name);
    return value.value_or(0);
  }
  Bytes octets(const char* name, std::size_t count) {
    const auto taken = reader_.bytes(count);
    if (!taken) {
      fail(name);
      return {};
    }
    return {taken->begin(), taken->end()};
  }
  Address address(const char* name, std::size_t max) {
    Address address;
    address.ton = octet(name);
    address.npi = octet(name);
    address.digits = text(name, max);
    return address;
  }
  /// All that is left.
  std::vector<Tlv> tlvs() {
    std::vector<Tlv> all;
    while (!failed() && !reader_.empty()) {
      const auto tag = reader_.u16();
      const auto length = reader_.u16();
      if (!tag || !length || all.size() == kTlvsMax) {
        fail("optional parameters");
        break;
      }
      all.push_back({*tag, octets("optional parameters", *length)});
    }
    return all;
  }
  void fail(const char* name) {
    if (wrong_ == nullptr) wrong_ = name;
    reader_ = ByteReader(ByteView{});
  }
  [[nodiscard]] bool empty() const { return reader_.empty(); }
  [[nodiscard]] bool failed() const { return wrong_ != nullptr; }
  [[nodiscard]] const char* wrong() const { return wrong_; }

 private:
  ByteReader reader_;
  const char* wrong_ = nullptr;
};

Bind read_bind(Fields& fields) {
  Bind bind;
  bind.system_id = fields.text("system_id", kSystemIdMax);
  bind.password = Secret<std::string>(fields.text("password", kPasswordMax));
  bind.system_type = fields.text("system_type", kSystemTypeMax);
  bind.interface_version = fields.octet("interface_version");
  bind.range = fields.address("address_range", kAddressRangeMax);
  // Optional parameters aren't foreseen (§4.1.5), and are skipped.
  static_cast<void>(fields.tlvs());
  return bind;
}

BindResp read_bind_resp(Fields& fields, std::uint32_t status) {
  BindResp response;
  if (status != status::kOk && fields.empty()) return response;
  response.system_id = fields.text("system_id", kSystemIdMax);
  response.tlvs = fields.tlvs();
  return response;
}

Message read_message(Fields& fields) {
  Message message;
  message.service_type = fields.text("service_type", kServiceTypeMax);
  message.source = fields.address("source_addr", kAddressMax);
  message.destination = fields.address("destination_addr", kAddressMax);
  message.esm_class = fields.octet("esm_class");
  message.protocol_id = fields.octet("protocol_id");
  message.priority = fields.octet("priority_flag");
  message.schedule = fields.text("schedule_delivery_time", kTimeMax);
  message.validity = fields.text("validity_period", kTimeMax);
  message.registered_delivery = fields.octet("registered_delivery");
  message.replace = fields.octet("replace_if_present_flag");
  message.data_coding = fields.octet("data_coding");
  message.default_message = fields.octet("sm_default_msg_id");
  const std::uint8_t length = fields.octet("sm_length");
  if (length > kShortMessageMax) fields.fail("sm_length");
  message.short_message = fields.octets("short_message", length);
  message.tlvs = fields.tlvs();
  return message;
}

MessageResp read_message_resp(Fields& fields, std::uint32_t status) {
  MessageResp response;
  if (status != status::kOk && fields.empty()) return response;
  response.message_id = fields.text("message_id", kMessageIdMax);
  response.tlvs = fields.tlvs();
  return response;
}

class Writer {
 public:
  void text(const std::string& text, [[maybe_unused]] std::size_t max) {
    assert(text.size() <= max);
    assert(text.find('\0') == std::string::npos);
    out_.bytes(as_bytes(text));
    out_.u8(0);
  }
  void address(const Address& address, std::size_t max) {
    out_.u8(address.ton);
    out_.u8(address.npi);
    text(address.digits, max);
  }
  void tlvs(const std::vector<Tlv>& tlvs) {
    for (const Tlv& tlv : tlvs) {
      out_.u16(tlv.tag);
      out_.u16(static_cast<std::uint16_t>(tlv.value.size()));
      out_.bytes(tlv.value);
    }
  }
  void u8(std::uint8_t value) { out_.u8(value); }
  void bytes(ByteView view) { out_.bytes(view); }
  [[nodiscard]] ByteView view() const { return out_.view(); }

  void operator()(const std::monostate&) {}
  void operator()(const Unknown&) {}
  void operator()(const Bind& bind) {
    text(bind.system_id, kSystemIdMax);
    text(bind.password.reveal(), kPasswordMax);
    text(bind.system_type, kSystemTypeMax);
    u8(bind.interface_version);
    address(bind.range, kAddressRangeMax);
  }
  void operator()(const BindResp& response) {
    text(response.system_id, kSystemIdMax);
    tlvs(response.tlvs);
  }
  void operator()(const Message& message) {
    text(message.service_type, kServiceTypeMax);
    address(message.source, kAddressMax);
    address(message.destination, kAddressMax);
    u8(message.esm_class);
    u8(message.protocol_id);
    u8(message.priority);
    text(message.schedule, kTimeMax);
    text(message.validity, kTimeMax);
    u8(message.registered_delivery);
    u8(message.replace);
    u8(message.data_coding);
    u8(message.default_message);
    assert(message.short_message.size() <= kShortMessageMax);
    u8(static_cast<std::uint8_t>(message.short_message.size()));
    bytes(message.short_message);
    tlvs(message.tlvs);
  }
  void operator()(const MessageResp& response) {
    text(response.message_id, kMessageIdMax);
    tlvs(response.tlvs);
  }

 private:
  ByteWriter out_;
};

}  // namespace

std::string status_name(std::uint32_t status) {
  for (const StatusName& each : kStatusNames) {
    if (each.status == status) return each.name;
  }
  char text[sizeof("status 0x00000000")];
  std::snprintf(text, sizeof text, "status 0x%08X", static_cast<unsigned>(status));
  return text;
}

const Tlv* find(const std::vector<Tlv>& tlvs, std::uint16_t tag) {
  const auto found = std::find_if(tlvs.begin(), tlvs.end(), [tag](const Tlv& tlv) { return tlv.tag == tag; });
  return found == tlvs.end() ? nullptr : &*found;
}

ByteView Message::user_data() const {
  const Tlv* payload = find(tlvs, tag::kMessagePayload);
  return payload != nullptr && short_message.empty() ? ByteView(payload->value) : ByteView(short_message);
}

std::optional<Header> decode_header(ByteView bytes) {
  ByteReader reader(bytes);
  const auto length = reader.uint(4);
  const auto command = reader.uint(4);
  const auto status = reader.uint(4);
  const auto sequence = reader.uint(4);
  if (!sequence) return std::nullopt;
  return Header{static_cast<std::uint32_t>(*length), static_cast<Command>(*command),
                static_cast<std::uint32_t>(*status), static_cast<std::uint32_t>(*sequence)};
}

Result<Pdu> decode(ByteView bytes) {
  const auto header = decode_header(bytes);
  if (!header) return peer_error(0, "an SMPP header that ends too early");
  if (header->length != bytes.size()) return peer_error(0, "command_length isn't the PDU's");
  Pdu pdu{header->command, header->status, header->sequence, {}};
  Fields fields(bytes.subspan(kHeaderSize));
  switch (header->command) {
    case Command::BindReceiver:
    case Command::BindTransmitter:
    case Command::BindTransceiver: pdu.body = read_bind(fields); break;
    case Command::BindReceiverResp:
    case Command::BindTransmitterResp:
    case Command::BindTransceiverResp: pdu.body = read_bind_resp(fields, header->status); break;
    case Command::SubmitSm:
    case Command::DeliverSm: pdu.body = read_message(fields); break;
    case Command::SubmitSmResp:
    case Command::DeliverSmResp: pdu.body = read_message_resp(fields, header->status); break;
    case Command::Unbind:
    case Command::UnbindResp:
    case Command::EnquireLink:
    case Command::EnquireLinkResp:
    case Command::GenericNack: break;  // what stands behind their header means nothing
    default: pdu.body = Unknown{}; break;
  }
  if (fields.failed()) return peer_error(0, std::string("SMPP: ") + fields.wrong() + " isn't well-formed");
  return pdu;
}

Bytes encode(const Pdu& pdu) {
  Writer body;
  std::visit(body, pdu.body);
  ByteWriter out;
  out.reserve(kHeaderSize + body.view().size());
  out.uint(kHeaderSize + body.view().size(), 4);
  out.uint(static_cast<std::uint32_t>(pdu.command), 4);
  out.uint(pdu.status, 4);
  out.uint(pdu.sequence, 4);
  out.bytes(body.view());
  return out.take();
}

}  // namespace drover::sms::smpp
