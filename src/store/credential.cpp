// SPDX-License-Identifier: Apache-2.0
#include "store/credential.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "store/openssl.hpp"

namespace drover::store {

namespace {

constexpr std::size_t kFingerprintDigits = 2 * SHA256_DIGEST_LENGTH;

tl::unexpected<Refusal> invalid(const char* field, std::string reason) {
  return tl::unexpected(Refusal{Refusal::Why::Invalid, field, std::move(reason)});
}

/// As tools print it: AA:BB:...
std::string without_colons(std::string_view text) {
  std::string digits;
  for (const char character : text) {
    if (character == ':') continue;
    digits += character >= 'A' && character <= 'F' ? static_cast<char>(character - 'A' + 'a') : character;
  }
  return digits;
}

Answer<std::string> check_public_key(const std::string& der) {
  const ByteView bytes = as_bytes(der);
  if (bytes.empty() || bytes.size() > kPublicKeyMax) {
    return invalid("public_key", "a public key must be a SubjectPublicKeyInfo of at most " +
                                     std::to_string(kPublicKeyMax) + " bytes");
  }
  const unsigned char* at = bytes.data();
  const openssl::Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(bytes.size())));
  if (key == nullptr || at != bytes.data() + bytes.size()) {
    ERR_clear_error();
    return invalid("public_key", "a public key must be one SubjectPublicKeyInfo (RFC 7250), DER");
  }
  return der;
}

}  // namespace

std::optional<Refusal> check_text(const std::string& text, const char* field, std::size_t most) {
  const bool control = std::any_of(text.begin(), text.end(), [](char character) {
    const auto byte = static_cast<std::uint8_t>(character);
    return byte < 0x20 || byte == 0x7F;
  });
  if (text.size() <= most && is_utf8(text) && !control) return std::nullopt;
  return Refusal{Refusal::Why::Invalid, field,
                 std::string(field) + " must be at most " + std::to_string(most) +
                     " bytes of UTF-8 without control characters"};
}

Answer<NewCredential> checked(NewCredential credential) {
  if (auto wrong = check_text(credential.endpoint, "endpoint", kEndpointMax)) return tl::unexpected(std::move(*wrong));
  if (auto wrong = check_text(credential.label, "label", kLabelMax)) return tl::unexpected(std::move(*wrong));
  if (auto wrong = check_text(credential.issuer, "issuer", kIssuerMax)) return tl::unexpected(std::move(*wrong));
  if (credential.kind != IdentityKind::Psk && !credential.key.empty()) {
    return invalid("key", "only a pre-shared key has a secret key here");
  }
  if (credential.kind == IdentityKind::PublicKey) {
    if (auto key = check_public_key(credential.identity); !key) return tl::unexpected(std::move(key.error()));
    if (credential.endpoint.empty()) return invalid("endpoint", "a raw public key has no name: it needs an endpoint");
    return credential;
  }
  const std::size_t most = credential.kind == IdentityKind::Psk ? security::kPskIdentityMax : security::Identity::kNameMax;
  if (credential.identity.empty()) return invalid("identity", "identity must not be empty");
  if (auto wrong = check_text(credential.identity, "identity", most)) return tl::unexpected(std::move(*wrong));
  if (credential.kind == IdentityKind::Certificate) {
    std::string digits = without_colons(credential.identity);
    if (is_fingerprint(digits)) credential.identity = std::move(digits);
    return credential;
  }
  if (credential.key.empty() || credential.key.reveal().size() > security::kPskMax) {
    return invalid("key", "a pre-shared key must be 1 to " + std::to_string(security::kPskMax) + " bytes");
  }
  return credential;
}

std::string fingerprint(ByteView der) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(der.data(), der.size(), digest.data());
  return to_hex(digest);
}

bool is_fingerprint(std::string_view identity) {
  return identity.size() == kFingerprintDigits && identity.find_first_not_of("0123456789abcdef") == std::string::npos;
}

const char* to_string(Purpose purpose) {
  return purpose == Purpose::Server ? "server" : "bootstrap";
}

std::optional<Purpose> parse_purpose(std::string_view text) {
  for (const Purpose purpose : {Purpose::Server, Purpose::Bootstrap}) {
    if (text == to_string(purpose)) return purpose;
  }
  return std::nullopt;
}

std::optional<IdentityKind> parse_kind(std::string_view text) {
  for (const IdentityKind kind : {IdentityKind::Psk, IdentityKind::PublicKey, IdentityKind::Certificate}) {
    if (text == security::to_string(kind)) return kind;
  }
  return std::nullopt;
}

}  // namespace drover::store
