// SPDX-License-Identifier: Apache-2.0
// A DTLS client and a DTLS server in memory, with a virtual clock between them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "security/client_hello.hpp"
#include "security/dtls/provider.hpp"
#include "security/dtls/test_pki.hpp"

namespace drover::security::testing {

/// Credentials that a test lists.
class KnownPeers final : public CredentialSource {
 public:
  std::map<std::string, std::string, std::less<>> psks;  ///< identity to key; the credential is 1
  std::vector<Bytes> public_keys;                         ///< credential 2
  std::string public_key_endpoint;                        ///< whom they are mapped to
  bool any_certificate = true;
  std::set<std::uint64_t> removed;

  [[nodiscard]] std::optional<KnownPsk> find_psk(std::string_view identity) const override {
    const auto found = psks.find(identity);
    if (found == psks.end()) return std::nullopt;
    return KnownPsk{CredentialId{1}, Secret<Bytes>(to_bytes(found->second))};
  }
  [[nodiscard]] std::optional<CredentialId> find_public_key(ByteView key) const override {
    for (const Bytes& known : public_keys) {
      if (std::equal(known.begin(), known.end(), key.begin(), key.end())) return CredentialId{2};
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<CredentialId> find_certificate(const Identity&) const override {
    return any_certificate ? std::optional<CredentialId>(CredentialId{}) : std::nullopt;
  }
  [[nodiscard]] bool holds(CredentialId credential, const Identity&) const override {
    return !removed.contains(credential.value);
  }
  [[nodiscard]] bool may_be(CredentialId credential, const Identity& identity, std::string_view endpoint) const override {
    if (credential == CredentialId{2} && endpoint == public_key_endpoint) return true;
    if (identity.name == endpoint) return true;
    return std::find(identity.names.begin(), identity.names.end(), endpoint) != identity.names.end();
  }
  [[nodiscard]] bool is_protected(std::string_view endpoint) const override { return psks.contains(endpoint); }
  [[nodiscard]] std::uint64_t revision() const override { return removed.size(); }
};

/// Every record's keys and nonce, and the key log.
class Witness final : public dtls::Watcher {
 public:
  void key_log(const Secret<std::string>& line) override { lines.push_back(line.reveal()); }
  void sealed(std::uint64_t keys, std::uint64_t sequence, ByteView record) override {
    const auto [entry, is_new] = sealed_.try_emplace({keys, sequence}, Bytes(record.begin(), record.end()));
    // A flight that is sent again is protected anew under new numbers; equal bytes would be no new use.
    if (!is_new && entry->second != Bytes(record.begin(), record.end())) ++reused;
  }
  [[nodiscard]] std::size_t count() const { return sealed_.size(); }

  std::vector<std::string> lines;
  std::size_t reused = 0;

 private:
  std::map<std::pair<std::uint64_t, std::uint64_t>, Bytes> sealed_;
};

/// Passes datagrams between two associations until nothing moves.
inline void exchange(Instant now, Association& a, Association& b, std::vector<Bytes>* seen = nullptr) {
  for (bool busy = true; busy;) {
    busy = false;
    while (const auto datagram = a.poll_datagram()) {
      if (seen != nullptr) seen->push_back(*datagram);
      b.handle_datagram(now, *datagram);
      busy = true;
    }
    while (const auto datagram = b.poll_datagram()) {
      if (seen != nullptr) seen->push_back(*datagram);
      a.handle_datagram(now, *datagram);
      busy = true;
    }
  }
}

}  // namespace drover::security::testing
