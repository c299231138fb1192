// SPDX-License-Identifier: Apache-2.0
#include "smartcard/apdu.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include "base/reader.hpp"

namespace drover::smartcard {
namespace {

constexpr std::size_t kStatusSize = 2;

tl::unexpected<Error> out_of_range(const char* reason) { return tl::unexpected(Error{Fault::Us, 0, reason}); }

/// ISO/IEC 7816-4 §5.1.3, TS 102 221 §10.2.1. An entry whose mask leaves SW2 out stands for all of its SW1.
struct Meaning {
  std::uint16_t value;
  std::uint16_t mask;
  const char* text;
};
constexpr std::array kMeanings = {
    Meaning{0x9000, 0xFFFF, "done"},
    Meaning{0x9100, 0xFF00, "done, a proactive command waits"},
    Meaning{0x9300, 0xFFFF, "the card is busy"},
    Meaning{0x6100, 0xFF00, "more octets wait"},
    Meaning{0x6200, 0xFFFF, "a warning, nothing changed"},
    Meaning{0x6281, 0xFFFF, "part of the data may be wrong"},
    Meaning{0x6282, 0xFFFF, "the file ended before"},
    Meaning{0x6283, 0xFFFF, "the file is deactivated"},
    Meaning{0x6285, 0xFFFF, "the file is in termination state"},
    Meaning{0x6200, 0xFF00, "a warning"},
    Meaning{0x63C0, 0xFFF0, "wrong, tries are left"},
    Meaning{0x6300, 0xFF00, "a warning"},
    Meaning{0x6400, 0xFF00, "an execution error"},
    Meaning{0x6500, 0xFF00, "an execution error, something changed"},
    Meaning{0x6700, 0xFFFF, "wrong length"},
    Meaning{0x6881, 0xFFFF, "logical channel not supported"},
    Meaning{0x6882, 0xFFFF, "secure messaging not supported"},
    Meaning{0x6800, 0xFF00, "function of the class not supported"},
    Meaning{0x6981, 0xFFFF, "incompatible with the file's structure"},
    Meaning{0x6982, 0xFFFF, "security status not satisfied"},
    Meaning{0x6983, 0xFFFF, "PIN blocked"},
    Meaning{0x6984, 0xFFFF, "referenced data can't be used"},
    Meaning{0x6985, 0xFFFF, "conditions of use not satisfied"},
    Meaning{0x6986, 0xFFFF, "no file selected"},
    Meaning{0x6987, 0xFFFF, "secure messaging objects missing"},
    Meaning{0x6988, 0xFFFF, "secure messaging objects wrong"},
    Meaning{0x6900, 0xFF00, "command not allowed"},
    Meaning{0x6A80, 0xFFFF, "wrong data"},
    Meaning{0x6A81, 0xFFFF, "function not supported"},
    Meaning{0x6A82, 0xFFFF, "file not found"},
    Meaning{0x6A83, 0xFFFF, "record not found"},
    Meaning{0x6A84, 0xFFFF, "no memory left"},
    Meaning{0x6A86, 0xFFFF, "wrong P1 or P2"},
    Meaning{0x6A88, 0xFFFF, "referenced data not found"},
    Meaning{0x6A00, 0xFF00, "wrong parameters"},
    Meaning{0x6B00, 0xFF00, "wrong offset or parameters"},
    Meaning{0x6C00, 0xFF00, "wrong expected length"},
    Meaning{0x6D00, 0xFF00, "unknown instruction"},
    Meaning{0x6E00, 0xFF00, "unknown class"},
    Meaning{0x6F00, 0xFF00, "technical problem"},
};

}  // namespace

std::string Status::describe() const {
  std::array<char, 5> digits{};
  std::snprintf(digits.data(), digits.size(), "%04X", static_cast<unsigned>(value));
  std::string text = digits.data();
  for (const Meaning& meaning : kMeanings) {
    if ((value & meaning.mask) == meaning.value) return text + " (" + meaning.text + ")";
  }
  return text;
}

Result<Bytes> encode(const Command& command) {
  if (command.data.size() > kDataMax) return out_of_range("a command with more data than Lc can say");
  if (command.expected && (*command.expected == 0 || *command.expected > kExpectedMax)) {
    return out_of_range("a command that expects what Le can't say");
  }
  ByteWriter writer;
  writer.reserve(6 + command.data.size());
  for (const std::uint8_t octet : {command.cla, command.ins, command.p1, command.p2}) writer.u8(octet);
  if (!command.data.empty()) {
    writer.u8(static_cast<std::uint8_t>(command.data.size()));
    writer.bytes(command.data);
  }
  if (command.expected) writer.u8(static_cast<std::uint8_t>(*command.expected));
  return writer.take();
}

Bytes encode(const Response& response) {
  ByteWriter writer;
  writer.reserve(response.data.size() + kStatusSize);
  writer.bytes(response.data);
  writer.u16(response.status.value);
  return writer.take();
}

Result<Command> decode_command(ByteView bytes) {
  ByteReader reader(bytes);
  const auto header = reader.bytes(4);
  if (!header) return peer_error(0, "a command without a whole header");
  Command command{.cla = (*header)[0], .ins = (*header)[1], .p1 = (*header)[2], .p2 = (*header)[3]};
  if (reader.empty()) return command;
  const auto expected = [](std::uint8_t octet) {
    return octet == 0 ? static_cast<std::uint16_t>(kExpectedMax) : std::uint16_t{octet};
  };
  const std::uint8_t length = *reader.u8();
  if (reader.empty()) {
    command.expected = expected(length);
    return command;
  }
  if (length == 0) return peer_error(0, "a command with an extended length, or without the data that follow");
  const auto data = reader.bytes(length);
  if (!data) return peer_error(0, "a command whose data are cut off");
  command.data.assign(data->begin(), data->end());
  if (const auto octet = reader.u8()) command.expected = expected(*octet);
  if (!reader.empty()) return peer_error(0, "a command with octets behind its end");
  return command;
}

Result<Response> decode_response(ByteView bytes) {
  if (bytes.size() < kStatusSize) return peer_error(0, "an answer without a status");
  if (bytes.size() > kExpectedMax + kStatusSize) return peer_error(0, "an answer longer than any can be");
  const ByteView data = bytes.first(bytes.size() - kStatusSize);
  return Response{Bytes(data.begin(), data.end()), Status{*ByteReader(bytes.last(kStatusSize)).u16()}};
}

}  // namespace drover::smartcard
