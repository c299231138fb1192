// SPDX-License-Identifier: Apache-2.0
// Both ends of DTLS with fixed keys and a fixed seed, so that an input means the same in every run.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "security/dtls/provider.hpp"
#include "security/dtls/test_peers.hpp"

namespace drover::fuzz {

inline void check(bool holds, int line = __builtin_LINE()) {
  if (holds) return;
  std::fprintf(stderr, "check of line %d\n", line);
  std::abort();
}

enum class Credential : std::uint8_t { Psk, RawKey, Certificate };

/// Made once a process: keys and certificates differ from run to run, what is fuzzed with them doesn't depend on their bytes.
struct Peers {
  Peers() {
    known.psks["a"] = "0123456789abcdef";
    known.public_keys = {device_key.public_key()};
    own.raw_key = server_key.raw();
    own.certificate = server_certificate.credential();
    own.trust_anchors = {root.der()};
    parameters.ticket_secret = Secret<Bytes>(Bytes(32, 7));
    acceptor = std::move(*provider().acceptor(own, known));
    for (const bool over_sms : {false, true}) {
      const auto add = [&](Credential credential, const security::ClientCredential& made) {
        const security::Path path = over_sms ? security::Path::Sms : security::Path::Network;
        connectors[over_sms][static_cast<std::size_t>(credential)] = std::move(*provider().connector(made, "h", path));
      };
      add(Credential::Psk, {security::PskCredential{"a", Secret<Bytes>(to_bytes("0123456789abcdef"))}, {}});
      add(Credential::RawKey, {device_key.raw(), server_key.public_key()});
      add(Credential::Certificate, {device_certificate.credential(), root.der()});
    }
  }
  security::dtls::DtlsProvider provider() {
    security::dtls::DtlsProvider made(parameters, rng);
    made.set_wall_clock(std::chrono::seconds(security::testing::kTestNow));
    return made;
  }
  security::Connector& connector(Credential credential, bool over_sms = false) {
    return *connectors[over_sms][static_cast<std::size_t>(credential)];
  }

  SplitMix rng{1};
  security::dtls::Parameters parameters;
  security::testing::KnownPeers known;
  security::testing::KeyPair device_key, server_key;
  security::testing::Issued root = security::testing::issue({.common_name = "root", .authority = true});
  security::testing::Issued server_certificate = security::testing::issue({.common_name = "h", .alternative_names = "DNS:h"}, &root);
  security::testing::Issued device_certificate = security::testing::issue({.common_name = "a"}, &root);
  security::ServerCredentials own;
  std::unique_ptr<security::Acceptor> acceptor;
  std::unique_ptr<security::Connector> connectors[2][3];
};

inline Peers& peers() {
  static Peers made;
  return made;
}

}  // namespace drover::fuzz
