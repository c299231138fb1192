// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

namespace drover::security::dtls {

/// Looks over the shoulder of associations: for captures and for the checks of tests. Called on the thread that drives
/// the association.
class Watcher {
 public:
  virtual ~Watcher() = default;
  /// One line of the key log format that Wireshark reads ("CLIENT_RANDOM ..."), without its end of line.
  virtual void key_log(const Secret<std::string>& line) = 0;
  /// A record was protected. `keys` is equal for records under the same keys in the same direction; `sequence` is epoch
  /// and sequence number (RFC 6347 §4.1), from which the nonce is made (RFC 6655 §3): it must never repeat.
  virtual void sealed(std::uint64_t keys, std::uint64_t sequence, ByteView record) = 0;
};

/// What is different over SMS (RFC 7925 appendix A): a datagram is one short message, which isn't concatenated.
struct SmsParameters {
  /// As in Parameters; at least 9 s. With these a flight goes out at once and after 1, 3 and 7 minutes, and the
  /// handshake fails after 15.
  Duration retransmit_first = std::chrono::seconds(60);
  Duration retransmit_max = std::chrono::minutes(8);
  Duration handshake_max = std::chrono::minutes(30);
  /// Longest datagram, in handshakes and behind them: TP-UD, 133 with WDP ports.
  std::uint16_t datagram_max = 140;
};

struct Parameters {
  /// The first and the longest wait for the peer's flight; it doubles in between (RFC 7925 §11).
  Duration retransmit_first = std::chrono::seconds(9);
  Duration retransmit_max = std::chrono::seconds(60);
  /// A handshake that takes longer than that has failed.
  Duration handshake_max = std::chrono::seconds(120);
  /// Longest datagram of a handshake, in bytes; longer messages are fragmented (RFC 6347 §4.2.3).
  std::uint16_t mtu = 1152;
  /// TLS_PSK_WITH_AES_128_CBC_SHA256 and TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256. Their associations can't be released.
  bool cbc = true;
  bool gcm = true;  ///< TLS_*_WITH_AES_128_GCM_SHA256
  /// RFC 9146: a connector offers it, an acceptor takes it where it is offered.
  bool connection_id = true;
  /// How long a session can be resumed.
  Duration session_lifetime = std::chrono::hours(24);
  /// Sessions that an acceptor remembers for peers without tickets (RFC 5246 §7.3); the oldest goes first.
  std::size_t sessions_max = 1024;
  /// A ClientHello without extensions that its credential doesn't need: server name (RFC 6066 §3), signature algorithms
  /// (RFC 5246 §7.4.1.4.1) beyond the one of P-256, tickets.
  bool short_hello = false;
  /// Sessions can be resumed, by id or ticket.
  bool resumption = true;
  /// Protects tickets (RFC 5077): 32 bytes that every acceptor of a server shares, also over its restarts. Empty: no
  /// tickets.
  Secret<Bytes> ticket_secret;
  Watcher* watcher = nullptr;
  /// Messages behind the handshake may not be longer than `mtu` either.
  bool mtu_for_all = false;

  SmsParameters sms;
  /// The parameters of associations over SMS. AES-128-CCM-8 alone: its records leave the 111 octets of Transport "Header
  /// Definitions (for one SMS)". No resumption: with a pre-shared key it takes more short messages than a handshake.
  [[nodiscard]] Parameters over_sms() const {
    Parameters made = *this;
    made.retransmit_first = sms.retransmit_first;
    made.retransmit_max = sms.retransmit_max;
    made.handshake_max = sms.handshake_max;
    made.mtu = sms.datagram_max;
    made.mtu_for_all = true;
    made.cbc = false;
    made.gcm = false;
    made.connection_id = false;
    made.resumption = false;
    made.short_hello = true;
    return made;
  }
};

}  // namespace drover::security::dtls
