// SPDX-License-Identifier: Apache-2.0
#include "security/client_hello.hpp"

#include <algorithm>

#include "base/reader.hpp"

namespace drover::security {
namespace {

constexpr std::uint8_t kClientHello = 1;
constexpr std::uint8_t kHelloVerifyRequest = 3;
constexpr std::size_t kRandomSize = 32;
constexpr std::size_t kSessionIdMax = 32;
/// DTLS 1.0 and 1.2 on the wire; a first ClientHello may come with either (RFC 6347 §4.2.1).
constexpr std::uint8_t kMajor = 0xFE;

enum ExtensionType : std::uint16_t {
  kServerName = 0,
  kClientCertificateType = 19,
  kServerCertificateType = 20,
  kConnectionId = 54,
};

/// A vector with a length of `width` bytes in front (RFC 5246 §4.3).
std::optional<ByteView> take_vector(ByteReader& reader, std::size_t width) {
  const auto size = reader.uint(width);
  if (!size) return std::nullopt;
  return reader.bytes(*size);
}

/// Types that nobody knows here are left out.
bool read_types(ByteReader body, std::vector<CertificateType>& types) {
  const auto list = take_vector(body, 1);
  if (!list || list->empty() || !body.empty()) return false;
  types.clear();
  for (const std::uint8_t type : *list) {
    if (type == 0 || type == 2) types.push_back(static_cast<CertificateType>(type));
  }
  return true;
}

bool read_server_name(ByteReader body, std::string_view& name) {
  const auto list = take_vector(body, 2);
  if (!list || !body.empty()) return false;
  ByteReader names(*list);
  while (!names.empty()) {
    const auto type = names.u8();
    const auto text = take_vector(names, 2);
    if (!type || !text) return false;
    if (*type == 0 && name.empty()) name = as_text(*text);
  }
  return true;
}

bool read_extension(std::uint64_t type, ByteView body, ClientHello& hello) {
  switch (type) {
    case kClientCertificateType: return read_types(ByteReader(body), hello.client_types);
    case kServerCertificateType: return read_types(ByteReader(body), hello.server_types);
    case kServerName: return read_server_name(ByteReader(body), hello.server_name);
    case kConnectionId: {
      ByteReader reader(body);
      hello.has_connection_id = take_vector(reader, 1).has_value() && reader.empty();
      return hello.has_connection_id;
    }
    default: return true;
  }
}

bool read_extensions(ByteReader& reader, ClientHello& hello) {
  if (reader.empty()) return true;
  const auto all = take_vector(reader, 2);
  if (!all || !reader.empty()) return false;
  ByteReader extensions(*all);
  while (!extensions.empty()) {
    const auto type = extensions.u16();
    const auto body = take_vector(extensions, 2);
    if (!type || !body || !read_extension(*type, *body, hello)) return false;
  }
  return true;
}

bool read_body(ByteView body, ClientHello& hello) {
  ByteReader reader(body);
  hello.body = body;
  const auto major = reader.u8();
  if (!major || *major != kMajor || !reader.u8()) return false;
  const auto random = reader.bytes(kRandomSize);
  const auto session = take_vector(reader, 1);
  const auto cookie = take_vector(reader, 1);
  const auto suites = take_vector(reader, 2);
  const auto compressions = take_vector(reader, 1);
  if (!random || !session || session->size() > kSessionIdMax || !cookie || !suites || suites->size() % 2 != 0 ||
      !compressions) {
    return false;
  }
  hello.random = *random;
  hello.session_id = *session;
  hello.cookie = *cookie;
  ByteReader list(*suites);
  while (const auto suite = list.u16()) hello.suites.push_back(*suite);
  return read_extensions(reader, hello);
}

}  // namespace

std::optional<RecordHeader> parse_record(ByteView datagram, std::size_t connection_id_size) {
  ByteReader reader(datagram);
  const auto type = reader.u8();
  const auto major = reader.u8();
  const auto minor = reader.u8();
  const auto epoch = reader.u16();
  const auto sequence = reader.uint(6);
  if (!sequence || *major != kMajor || (*minor != 0xFD && *minor != 0xFF)) return std::nullopt;
  const bool has_id = *type == static_cast<std::uint8_t>(ContentType::ConnectionId);
  if (!has_id && (*type < 20 || *type > 23)) return std::nullopt;
  const auto id = reader.bytes(has_id ? connection_id_size : 0);
  if (!id) return std::nullopt;
  const auto fragment = take_vector(reader, 2);
  if (!fragment) return std::nullopt;
  return RecordHeader{static_cast<ContentType>(*type), *epoch,    *sequence, *id,
                      *fragment,                       datagram.size() - reader.remaining()};
}

std::optional<ClientHello> parse_client_hello(ByteView datagram) {
  const auto record = parse_record(datagram, 0);
  if (!record || record->type != ContentType::Handshake || record->epoch != 0 || record->size != datagram.size()) {
    return std::nullopt;
  }
  ByteReader reader(record->fragment);
  const auto type = reader.u8();
  const auto length = reader.uint(3);
  const auto sequence = reader.u16();
  const auto offset = reader.uint(3);
  const auto fragment_length = reader.uint(3);
  if (!fragment_length || *type != kClientHello || *offset != 0 || *fragment_length != *length ||
      reader.remaining() != *length) {
    return std::nullopt;
  }
  ClientHello hello;
  hello.record_sequence = record->sequence;
  hello.message_sequence = *sequence;
  if (!read_body(reader.rest(), hello)) return std::nullopt;
  return hello;
}

Bytes ClientHello::without_cookie() const {
  // The cookie's length and bytes are cut out of the middle.
  const std::size_t before = 2 + kRandomSize + 1 + session_id.size();
  const ByteView tail = body.subspan(before + 1 + cookie.size());
  Bytes bytes(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(before));
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  return bytes;
}

Bytes hello_verify_request(const ClientHello& hello, ByteView cookie) {
  const std::size_t body = 2 + 1 + cookie.size();
  constexpr std::size_t kHandshakeHeader = 12;
  // DTLS 1.0 in both versions, whatever is negotiated later (RFC 6347 §4.2.1).
  constexpr std::uint16_t kVersion = 0xFEFF;
  ByteWriter writer;
  writer.u8(static_cast<std::uint8_t>(ContentType::Handshake));
  writer.u16(kVersion);
  writer.u16(0);
  writer.uint(hello.record_sequence, 6);
  writer.u16(static_cast<std::uint16_t>(kHandshakeHeader + body));
  writer.u8(kHelloVerifyRequest);
  writer.uint(body, 3);
  writer.u16(hello.message_sequence);
  writer.uint(0, 3);
  writer.uint(body, 3);
  writer.u16(kVersion);
  writer.u8(static_cast<std::uint8_t>(cookie.size()));
  writer.bytes(cookie);
  return writer.take();
}

}  // namespace drover::security
