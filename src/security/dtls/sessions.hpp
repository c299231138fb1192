// SPDX-License-Identifier: Apache-2.0
// What a server needs to resume a session: kept by id (RFC 5246 §7.3), or given away in a ticket (RFC 5077).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "security/credentials.hpp"
#include "security/identity.hpp"

namespace drover::security::dtls {

/// A session with what its handshake proved, since a resumption proves nothing anew.
struct ProvedSession {
  Identity peer;
  CredentialId credential;
  Secret<Bytes> session;  ///< as the library saves it

  [[nodiscard]] Secret<Bytes> pack() const;
  static std::optional<ProvedSession> unpack(ByteView packed);
};

/// Sessions by id, the oldest first out.
class Sessions {
 public:
  void configure(std::size_t max, Duration lifetime) {
    max_ = max;
    lifetime_ = lifetime;
  }
  void keep(Instant now, ByteView id, ProvedSession session);
  [[nodiscard]] const ProvedSession* find(Instant now, ByteView id) const;
  void drop(ByteView id);
  [[nodiscard]] std::size_t size() const { return by_id_.size(); }

 private:
  struct Kept {
    ProvedSession session;
    Instant until;
    std::uint64_t order;
  };
  std::map<std::string, Kept, std::less<>> by_id_;
  std::map<std::uint64_t, std::string> by_age_;
  std::uint64_t next_order_ = 0;
  std::size_t max_ = 0;
  Duration lifetime_{};
};

/// AES-256-GCM under a key of the day, made from the shared secret: a key that leaks opens two days' tickets.
class Tickets {
 public:
  /// Room that seal() adds.
  static constexpr std::size_t kOverhead = 4 + 12 + 16;
  explicit Tickets(const Secret<Bytes>& secret) : secret_(secret) {}
  [[nodiscard]] bool enabled() const { return !secret_.empty(); }
  /// `day` counts from anywhere; a ticket opens on its day and the day after.
  [[nodiscard]] std::optional<Bytes> seal(std::uint32_t day, Rng& rng, ByteView plain) const;
  [[nodiscard]] std::optional<Secret<Bytes>> open(std::uint32_t day, ByteView ticket) const;

 private:
  const Secret<Bytes>& secret_;
};

}  // namespace drover::security::dtls
