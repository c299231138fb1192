// SPDX-License-Identifier: Apache-2.0
// Keys and certificates from files, as a DTLS server or client takes them.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "security/credentials.hpp"

namespace drover::store {

inline constexpr std::size_t kKeyFileMax = std::size_t{1} << 20;  ///< bytes of one file

// Each takes PEM or DER. Errors name `where`, and nothing of the content.

/// SubjectPublicKeyInfo (RFC 5280 §4.1), DER.
Result<Bytes> parse_public_key(ByteView content, const std::string& where);
/// From OneAsymmetricKey (RFC 5958; PKCS #8 is its first version) or ECPrivateKey (RFC 5915, SEC 1): OneAsymmetricKey of
/// the first version, DER. Of an elliptic curve, as all cipher suites here ask for; not encrypted.
Result<Secret<Bytes>> parse_private_key(ByteView content, const std::string& where);
/// One or, in PEM, several; DER.
Result<std::vector<Bytes>> parse_certificates(ByteView content, const std::string& where);

/// The SubjectPublicKeyInfo of a private key in DER, and of a certificate in DER.
Result<Bytes> public_key_of(const Secret<Bytes>& private_key, const std::string& where);
Result<Bytes> public_key_of_certificate(ByteView certificate, const std::string& where);

struct ServerCredentialFiles {
  std::string certificate;      ///< the server's own first, then those up to the trust anchor
  std::string private_key;      ///< of the certificate
  std::string raw_public_key;   ///< may be left out: the private key tells it
  std::string raw_private_key;  ///< for raw public keys
  std::vector<std::string> trust_anchors;
  friend bool operator==(const ServerCredentialFiles&, const ServerCredentialFiles&) = default;
};
/// Each kind that isn't named stays empty. An error when a file can't be read (Fault::Environment), isn't what it should
/// be, or a private key doesn't belong to its certificate or public key.
Result<security::ServerCredentials> read_server_credentials(const ServerCredentialFiles& files);

}  // namespace drover::store
