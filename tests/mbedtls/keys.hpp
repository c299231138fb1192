// SPDX-License-Identifier: Apache-2.0
// Key pairs and certificates for the tests, made by libcrypto: what Mbed TLS takes must not come from itself.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace drover::tests {

struct KeyPair {
  std::shared_ptr<EVP_PKEY> key;
  Bytes private_key;  ///< PrivateKeyInfo (PKCS #8), DER
  Bytes public_key;   ///< SubjectPublicKeyInfo, DER
};

KeyPair make_ec_key(const char* curve = "P-256");
KeyPair make_rsa_key();

/// A certificate of `subject` for `key`, DER, signed by `issuer_key`; with `size` other than 0 a comment makes it exactly
/// that long.
Bytes make_certificate(const std::string& subject, const KeyPair& key, const std::string& issuer,
                       const KeyPair& issuer_key, bool authority, std::size_t size = 0);

/// What all handshakes of these tests use.
struct Material {
  KeyPair server = make_ec_key(), client = make_ec_key(), stranger = make_ec_key(), authority = make_ec_key();
  Bytes anchor = make_certificate("anchor", authority, "anchor", authority, true);
  std::vector<Bytes> server_chain = {make_certificate("server", server, "anchor", authority, false)};
  std::vector<Bytes> client_chain = {make_certificate("client", client, "anchor", authority, false)};
};
const Material& material();

}  // namespace drover::tests
