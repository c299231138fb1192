// SPDX-License-Identifier: Apache-2.0
#include "smartcard/toolkit.hpp"

#include <algorithm>
#include <utility>

#include "base/reader.hpp"
#include "smartcard/channel.hpp"

namespace drover::smartcard::toolkit {
namespace {

// BER-TLV templates (TS 102 223 §9.2; TS 31.111 §9.1) and COMPREHENSION-TLV objects (TS 102 223 §9.3; TS 31.111 §9.3),
// which may have the flag that they are to be understood.
constexpr std::uint8_t kProactiveTemplate = 0xD0, kSmsDownloadTemplate = 0xD1;
constexpr std::uint8_t kComprehension = 0x80;
constexpr std::uint8_t kCommandDetails = 0x01, kDeviceIdentities = 0x02, kResult = 0x03;
constexpr std::uint8_t kAddress = 0x06, kSmsTpdu = 0x0B;
constexpr std::uint8_t kUiccDevice = 0x81, kTerminalDevice = 0x82, kNetworkDevice = 0x83;
constexpr std::uint8_t kInternational = 0x91;
constexpr std::size_t kServiceCentreDigitsMax = 20;
constexpr std::uint8_t kToolkitClass = 0x80;
constexpr std::uint8_t kLongForm = 0x80, kOneMore = 0x81;

tl::unexpected<Error> malformed(std::string reason) {
  return peer_error(0, std::move(reason));
}

void put(ByteWriter& writer, std::uint8_t tag, ByteView value) {
  writer.u8(tag);
  if (value.size() >= kLongForm) writer.u8(kOneMore);
  writer.u8(static_cast<std::uint8_t>(value.size()));
  writer.bytes(value);
}

struct Object {
  std::uint8_t tag = 0;
  ByteView value;
};

/// Lengths of one octet, or of two that begin with 81: nothing here is longer.
Result<Object> read(ByteReader& reader) {
  const auto tag = reader.u8();
  auto length = reader.u8();
  if (length == kOneMore) {
    length = reader.u8();
  } else if (length && *length >= kLongForm) {
    return malformed("an object with a length that nothing here has");
  }
  if (!tag || !length) return malformed("an object without its length");
  const auto value = reader.bytes(*length);
  if (!value) return malformed("an object that is cut off");
  return Object{*tag, *value};
}

/// The objects in a template, which has to be all there is; of equal ones the first counts.
Result<std::vector<Object>> read_objects(ByteView bytes) {
  constexpr std::size_t kObjectsMax = 32;
  std::vector<Object> objects;
  ByteReader reader(bytes);
  while (!reader.empty()) {
    auto object = read(reader);
    if (!object) return tl::unexpected(std::move(object.error()));
    if (objects.size() == kObjectsMax) return malformed("more objects than any command has");
    object->tag &= static_cast<std::uint8_t>(~kComprehension);
    objects.push_back(*object);
  }
  return objects;
}

Result<std::vector<Object>> read_template(ByteView bytes, std::uint8_t tag) {
  ByteReader reader(bytes);
  const auto whole = read(reader);
  if (!whole) return tl::unexpected(whole.error());
  if (whole->tag != tag) return malformed("another template than was expected");
  if (!reader.empty()) return malformed("octets behind the template");
  return read_objects(whole->value);
}

std::optional<ByteView> find(const std::vector<Object>& objects, std::uint8_t tag) {
  const auto found = std::ranges::find(objects, tag, &Object::tag);
  if (found == objects.end()) return std::nullopt;
  return found->value;
}

/// Digits as semi-octets (TS 102 223 §8.1), in front of them type-of-number and numbering plan.
Result<Bytes> address(const std::string& digits) {
  const bool fine = digits.size() <= kServiceCentreDigitsMax &&
                    std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!fine) return tl::unexpected(Error{Fault::Us, 0, "a service centre's address is up to 20 digits"});
  Bytes octets{kInternational};
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const auto low = static_cast<unsigned>(digits[i] - '0');
    const unsigned high = i + 1 < digits.size() ? static_cast<unsigned>(digits[i + 1] - '0') : 0xFU;
    octets.push_back(static_cast<std::uint8_t>(high << 4U | low));
  }
  return octets;
}

CardResult<Response> done(CardResult<Response> response, const char* what) {
  if (!response || response->status.is_success()) return response;
  return card_error(CardError::Kind::Refused, std::string(what) + ": " + response->status.describe(),
                    response->status.value);
}

}  // namespace

// ---- what goes to the card and comes from it

Result<Command> sms_download(ByteView deliver, const std::string& service_centre) {
  ByteWriter objects;
  const std::uint8_t devices[] = {kNetworkDevice, kUiccDevice};
  put(objects, kComprehension | kDeviceIdentities, devices);
  if (!service_centre.empty()) {
    const auto octets = address(service_centre);
    if (!octets) return tl::unexpected(octets.error());
    put(objects, kComprehension | kAddress, *octets);
  }
  constexpr std::size_t kAround = 6;  // tags and lengths of the short message and the whole
  if (deliver.size() + objects.size() + kAround > kDataMax) {
    return tl::unexpected(Error{Fault::Us, 0, "a short message that is longer than a command"});
  }
  put(objects, kComprehension | kSmsTpdu, deliver);
  ByteWriter whole;
  put(whole, kSmsDownloadTemplate, objects.view());
  return Command{kToolkitClass, ins::kEnvelope, 0, 0, whole.take(), {}};
}

Result<Bytes> read_sms_download(const Command& envelope) {
  if (envelope.ins != ins::kEnvelope || envelope.p1 != 0 || envelope.p2 != 0) return malformed("no ENVELOPE");
  const auto objects = read_template(envelope.data, kSmsDownloadTemplate);
  if (!objects) return tl::unexpected(objects.error());
  const auto tpdu = find(*objects, kSmsTpdu);
  if (!tpdu) return malformed("an ENVELOPE without a short message");
  return Bytes(tpdu->begin(), tpdu->end());
}

Result<ProactiveCommand> parse_proactive(ByteView fetched) {
  const auto objects = read_template(fetched, kProactiveTemplate);
  if (!objects) return tl::unexpected(objects.error());
  const auto details = find(*objects, kCommandDetails);
  if (!details || details->size() != 3) return malformed("a proactive command without its details");
  ProactiveCommand command{{}, (*details)[0], (*details)[1], (*details)[2]};
  const auto tpdu = find(*objects, kSmsTpdu);
  if (command.type != kSendShortMessage) return command;
  if (!tpdu) return malformed("SEND SHORT MESSAGE without a short message");
  command.submit.assign(tpdu->begin(), tpdu->end());
  return command;
}

Bytes encode_proactive(const ProactiveCommand& command) {
  const bool sends = command.type == kSendShortMessage;
  ByteWriter objects;
  const std::uint8_t details[] = {command.number, command.type, command.qualifier};
  const std::uint8_t devices[] = {kUiccDevice, sends ? kNetworkDevice : kTerminalDevice};
  put(objects, kComprehension | kCommandDetails, details);
  put(objects, kComprehension | kDeviceIdentities, devices);
  if (sends) put(objects, kComprehension | kSmsTpdu, command.submit);
  ByteWriter whole;
  put(whole, kProactiveTemplate, objects.view());
  return whole.take();
}

Command terminal_response(const ProactiveCommand& command, std::uint8_t result) {
  ByteWriter objects;
  const std::uint8_t details[] = {command.number, command.type, command.qualifier};
  const std::uint8_t devices[] = {kTerminalDevice, kUiccDevice};
  put(objects, kComprehension | kCommandDetails, details);
  put(objects, kComprehension | kDeviceIdentities, devices);
  // A terminal that is busy or that can't says why in a second octet; 00 is "no specific cause" (§8.12.2).
  constexpr std::uint8_t kNoCause = 0x00;
  const bool has_cause = result == kTerminalBusy || result == kNetworkBusy || result == kSmsError;
  const std::uint8_t general[] = {result, kNoCause};
  put(objects, kComprehension | kResult, ByteView(general).first(has_cause ? 2 : 1));
  return {kToolkitClass, ins::kTerminalResponse, 0, 0, objects.take(), {}};
}

Result<TerminalResponse> read_terminal_response(const Command& command) {
  if (command.ins != ins::kTerminalResponse) return malformed("no TERMINAL RESPONSE");
  const auto objects = read_objects(command.data);
  if (!objects) return tl::unexpected(objects.error());
  const auto details = find(*objects, kCommandDetails);
  const auto result = find(*objects, kResult);
  if (!details || details->size() != 3) return malformed("an answer without its command's details");
  if (!result || result->empty()) return malformed("an answer without a result");
  return TerminalResponse{(*details)[0], (*details)[1], (*details)[2], (*result)[0]};
}

/// TS 102 223 §5.2. Octet 1: profile download (b1), SMS-PP data download (b2); octet 3: MORE TIME (b4); octet 4: SEND
/// SHORT MESSAGE (b2).
Command terminal_profile() {
  return {kToolkitClass, ins::kTerminalProfile, 0, 0, {0x03, 0x00, 0x08, 0x02}, {}};
}

// ---- with a terminal

CardResult<bool> deliver(Terminal& terminal, ByteView tpdu, const std::string& service_centre, Trace* trace) {
  const auto command = sms_download(tpdu, service_centre);
  if (!command) return card_error(CardError::Kind::Malformed, command.error().reason);
  const auto response = done(exchange(terminal, *command, trace), "ENVELOPE");
  if (!response) return tl::unexpected(response.error());
  return response->status.sw1() == 0x91;
}

CardResult<ProactiveCommand> fetch(Terminal& terminal, std::uint8_t size, Trace* trace) {
  const std::uint16_t expected = size == 0 ? std::uint16_t{kExpectedMax} : size;
  const auto response =
      done(exchange(terminal, {kToolkitClass, ins::kFetch, 0, 0, {}, expected}, trace), "FETCH");
  if (!response) return tl::unexpected(response.error());
  auto command = parse_proactive(response->data);
  if (!command) return card_error(CardError::Kind::Malformed, command.error().reason);
  return std::move(*command);
}

CardResult<std::optional<std::uint8_t>> answer(Terminal& terminal, const ProactiveCommand& command, std::uint8_t result,
                                               Trace* trace) {
  const auto response = done(exchange(terminal, terminal_response(command, result), trace), "TERMINAL RESPONSE");
  if (!response) return tl::unexpected(response.error());
  if (response->status.sw1() != 0x91) return std::nullopt;
  return response->status.sw2();
}

}  // namespace drover::smartcard::toolkit
