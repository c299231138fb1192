// SPDX-License-Identifier: Apache-2.0
#include "client/security_values.hpp"

#include <string>

#include "base/reader.hpp"

namespace drover::client {
namespace {

using drover::security::CertificateCredential;
using drover::security::ClientCredential;
using drover::security::PskCredential;
using drover::security::RawKeyCredential;

constexpr std::size_t kChainMax = 8;  // certificates; past it a chain is a mistake

tl::unexpected<Error> bad(std::string reason) {
  return tl::unexpected(Error{Fault::Environment, 0, std::move(reason)});
}

/// The length of the DER element at the front of `bytes` with its tag (X.690 §8.1.3); 0 when it isn't a SEQUENCE that
/// fits there.
std::size_t sequence_size(ByteView bytes) {
  constexpr std::uint8_t kSequence = 0x30;
  constexpr std::uint8_t kLong = 0x80;
  constexpr std::size_t kLengthBytesMax = 4;
  if (bytes.size() < 2 || bytes[0] != kSequence) return 0;
  std::size_t length = bytes[1];
  std::size_t head = 2;
  if (length >= kLong) {
    const std::size_t count = length - kLong;
    if (count == 0 || count > kLengthBytesMax || bytes.size() < head + count) return 0;
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length << 8 | bytes[head + i];
    head += count;
  }
  return length <= bytes.size() - head ? head + length : 0;
}

}  // namespace

SecurityValues read_security_values(lwm2m::InstanceId instance,
                                    const std::function<std::optional<lwm2m::Value>(const lwm2m::Path&)>& get) {
  const lwm2m::Path path(SecurityObject::kObject, instance);
  const auto bytes = [&](lwm2m::ResourceId id) {
    const auto value = get(path.child(id));
    const auto* opaque = value ? std::get_if<lwm2m::Opaque>(&*value) : nullptr;
    return opaque == nullptr ? Bytes() : opaque->bytes;
  };
  SecurityValues values;
  const auto mode = get(path.child(SecurityObject::kMode));
  if (const auto* number = mode ? std::get_if<std::int64_t>(&*mode) : nullptr) values.mode = *number;
  values.identity = bytes(SecurityObject::kIdentity);
  values.server_key = bytes(SecurityObject::kServerKey);
  values.key = Secret<Bytes>(bytes(SecurityObject::kSecretKey));
  return values;
}

std::uint64_t SecurityValues::fingerprint() const {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a: it tells changes of one's own values, nobody chooses them
  const auto mix = [&](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  mix(static_cast<std::uint8_t>(mode));
  for (const Bytes* bytes : {&identity, &server_key, &key.reveal()}) {
    for (int shift = 0; shift < 32; shift += 8) mix(static_cast<std::uint8_t>(bytes->size() >> shift));
    for (const std::uint8_t byte : *bytes) mix(byte);
  }
  return hash;
}

Secret<Bytes> SecurityValues::pack() const {
  ByteWriter writer;
  writer.u8(static_cast<std::uint8_t>(mode));
  for (const Bytes* bytes : {&identity, &server_key, &key.reveal()}) {
    writer.uint(bytes->size(), 4);
    writer.bytes(*bytes);
  }
  return Secret<Bytes>(writer.take());
}

std::optional<SecurityValues> SecurityValues::unpack(ByteView packed) {
  ByteReader reader(packed);
  SecurityValues values;
  const auto mode = reader.u8();
  if (!mode) return std::nullopt;
  values.mode = *mode;
  Bytes key;
  for (Bytes* bytes : {&values.identity, &values.server_key, &key}) {
    const auto size = reader.uint(4);
    const auto content = size ? reader.bytes(static_cast<std::size_t>(*size)) : std::nullopt;
    if (!content) return std::nullopt;
    bytes->assign(content->begin(), content->end());
  }
  values.key = Secret<Bytes>(std::move(key));
  return reader.remaining() == 0 ? std::optional(std::move(values)) : std::nullopt;
}

Result<std::vector<Bytes>> split_certificates(ByteView bytes) {
  std::vector<Bytes> chain;
  while (!bytes.empty()) {
    const std::size_t size = sequence_size(bytes);
    if (size == 0) return bad("the certificate isn't DER");
    if (chain.size() == kChainMax) return bad("there are more than " + std::to_string(kChainMax) + " certificates");
    chain.emplace_back(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    bytes = bytes.subspan(size);
  }
  return chain;
}

Result<ClientCredential> to_credential(const SecurityValues& values) {
  using Object = SecurityObject;
  if (values.key.empty()) return bad("resource 5 (Secret Key) is empty");
  if (values.identity.empty()) return bad("resource 3 (Public Key or Identity) is empty");
  if (values.mode == Object::kPreSharedKey) {
    return ClientCredential{PskCredential{std::string(as_text(values.identity)), values.key}, {}};
  }
  if (values.server_key.empty()) return bad("resource 4 (Server Public Key) is empty");
  if (values.mode == Object::kRawPublicKey) {
    return ClientCredential{RawKeyCredential{values.identity, values.key}, values.server_key};
  }
  if (values.mode != Object::kCertificate) return bad("the security mode isn't 0 to 3");
  auto chain = split_certificates(values.identity);
  if (!chain) return tl::unexpected(chain.error());
  return ClientCredential{CertificateCredential{std::move(*chain), values.key}, values.server_key};
}

}  // namespace drover::client
