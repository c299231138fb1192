// SPDX-License-Identifier: Apache-2.0
// One security association between two endpoints: datagrams in and out on one side, plaintext on the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "security/credentials.hpp"
#include "security/identity.hpp"

namespace drover::security {

/// What carries the records of an association.
enum class Path : std::uint8_t {
  Network,
  Sms,  ///< short messages: 140 bytes each, minutes long (RFC 7925 appendix A)
};

enum class AssociationState : std::uint8_t { Handshaking, Established, Closed };

/// What a datagram was to the association.
enum class Arrival : std::uint8_t {
  Ignored,   ///< nothing of it was authentic or new
  Accepted,  ///< an authentic record that a newer one had overtaken, or a handshake message
  Newest,    ///< an authentic record, newer than all before it: its source is where the peer is now (RFC 9146 §6)
};

/// How far an established association's records have come (RFC 6347 §4.1): epoch in the upper 16 bits, sequence number
/// below.
struct RecordCounters {
  std::uint64_t sent = 0;      ///< of the next record that is sent
  std::uint64_t received = 0;  ///< the highest that was accepted, without its epoch
};

/// Drive it by the one contract: one handle_* or send(), then drain poll_datagram() and poll_plaintext(), then wait for
/// deadline(). One thread at a time. Never throws or blocks on what peers send.
class Association {
 public:
  virtual ~Association() = default;

  virtual Arrival handle_datagram(Instant now, ByteView datagram) = 0;
  virtual void handle_timeout(Instant now) = 0;
  /// One plaintext becomes one record. An error while not Established, or when it is longer than a record may be.
  virtual Result<void> send(Instant now, ByteView plaintext) = 0;
  /// Says goodbye (close_notify) when established; Closed afterwards.
  virtual void close(Instant now) = 0;

  virtual std::optional<Bytes> poll_datagram() = 0;
  virtual std::optional<Bytes> poll_plaintext() = 0;
  [[nodiscard]] virtual std::optional<Deadline> deadline() const = 0;

  [[nodiscard]] virtual AssociationState state() const = 0;
  /// Why it is Closed, in one sentence: "the peer closed it", "wrong pre-shared key or identity".
  [[nodiscard]] virtual const std::string& reason() const = 0;
  /// Of the peer; None before Established.
  [[nodiscard]] virtual const Identity& peer() const = 0;
  /// The entry of CredentialSource that the peer used.
  [[nodiscard]] virtual CredentialId credential() const = 0;
  /// For logs: "TLS_PSK_WITH_AES_128_CCM_8"; "" before Established.
  [[nodiscard]] virtual std::string suite() const = 0;
  [[nodiscard]] virtual bool is_resumed() const = 0;
  /// The peer's records carry a Connection ID (RFC 9146).
  [[nodiscard]] virtual bool has_connection_id() const = 0;

  /// Of an established association.
  [[nodiscard]] virtual RecordCounters counters() const = 0;

  /// True when release() would succeed: an established AEAD association with nothing under way, whose peer has shown
  /// that it has our last flight.
  [[nodiscard]] virtual bool is_releasable() const = 0;
  /// The association as bytes, for the same kind of engine to go on with. It is moved, not copied: this one is Closed
  /// afterwards and sends nothing more, since two of them would use the same nonces; for the same reason the bytes are
  /// good for one use.
  virtual Result<Secret<Bytes>> release() = 0;
  /// What a client can resume with after the association is gone (session id or ticket); empty when there is none.
  [[nodiscard]] virtual Secret<Bytes> session() const = 0;
};

}  // namespace drover::security
