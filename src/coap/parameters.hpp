// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/time.hpp"
#include "transport/datagram.hpp"

namespace drover::coap {

/// What takes the place of RFC 7252 §4.8 where messages travel as short messages: CoAP's retransmission is disabled
/// (Transport "SMS Binding"), and the timers are minutes (RFC 7925 appendix A). The octets are those of CoAP messages.
struct SmsParameters {
  /// A confirmable message is sent once; without an acknowledgement or a response it is given up after so long. A
  /// non-confirmable request waits for its response as long.
  Duration response_wait = std::chrono::minutes(5);
  /// For EXCHANGE_LIFETIME, NON_LIFETIME and Parameters::body_lifetime. The network may deliver a short message twice,
  /// and late.
  Duration lifetime = std::chrono::hours(1);
  /// As Parameters::piggyback_wait; not set: response_wait. From there on an empty acknowledgement would arrive when
  /// the peer has given up, so none is sent, and the response is piggybacked however late it is.
  std::optional<Duration> piggyback_wait;

  /// What one short message takes without security (133 with WDP ports), as secured packet with AES, and as DTLS record
  /// of AES-128-CCM-8 (104 with WDP ports): Transport "Header Definitions (for one SMS)". Bodies are cut to it.
  std::size_t message_plain = 140;
  std::size_t message_packet = 96;
  std::size_t message_dtls = 111;
  /// What the carrier takes at all, in several of them: for messages whose options leave no room for a block of 16
  /// bytes in one. Records of DTLS aren't cut. At least as much as what one takes.
  std::size_t message_plain_max = std::size_t{4} * 134;
  std::size_t message_packet_max = 494;
  std::size_t message_dtls_max = 111;

  friend bool operator==(const SmsParameters&, const SmsParameters&) = default;
};

/// How long a message may be, in octets.
struct MessageBudget {
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();
  std::size_t preferred = kUnlimited;  ///< one short message
  std::size_t most = kUnlimited;       ///< past it nothing is sent
  [[nodiscard]] bool is_limited() const { return most != kUnlimited; }
};

/// Transmission parameters of RFC 7252 §4.8 and the limits of this implementation. Set once, before traffic.
struct Parameters {
  // RFC 7252 §4.8, Table 2
  Duration ack_timeout = std::chrono::seconds(2);
  std::uint32_t ack_random_permille = 1500;  ///< ACK_RANDOM_FACTOR 1.5, in thousandths: no floats where replay matters
  std::uint32_t max_retransmit = 4;
  std::uint32_t nstart = 1;
  Duration max_latency = std::chrono::seconds(100);

  /// How long a request may stay unanswered before its empty acknowledgement goes out (a separate response follows).
  Duration piggyback_wait = std::chrono::seconds(1);

  std::uint8_t block_szx = 6;              ///< preferred block size 2^(szx+4): 1024
  std::size_t body_max = 1 << 20;          ///< collected body of a request or response: 1 MiB, 4.13 past it
  std::size_t request_body_max = 1 << 20;  ///< the same for a request of a peer; where body_max is less, that
  bool stream_requests = false;            ///< deliver RequestBlockArrived instead of collecting Block1 bodies
  Duration body_lifetime =
      std::chrono::seconds(247);  ///< an unfinished or re-readable block-wise body is kept that long
  std::size_t bodies_max =
      4096;  ///< block-wise bodies at once, all peers: past it an upload gets 5.03, truncation never
  std::size_t bodies_max_per_peer = 4;
  /// What all of these bodies hold at once: 64 MiB, as buffers that grow by doubling at most twice that. A peer isn't
  /// proven to be anybody yet: bodies_max whole bodies of body_max would be 4 GiB.
  std::size_t bodies_bytes_max = std::size_t{64} << 20;

  std::size_t requests_max_per_peer = 64;   ///< of ours, waiting for a slot of NSTART or for a response
  std::size_t deduplication_max = 1 << 20;  ///< entries in all; the oldest goes first
  std::size_t deduplication_max_per_peer = 128;
  std::size_t observations_max_per_peer =
      1024;  ///< that a peer has with us: past it Observe is ignored (RFC 7641 §4.1)

  /// RFC 7641 §4.5 ends an observation whose confirmable notification isn't acknowledged. A protocol whose peers count
  /// on it until they are told otherwise (LwM2M Core §5.5.1) keeps it and gets NotificationTimedOut.
  bool observations_survive_timeout = false;

  SmsParameters sms;  ///< for peers with PeerAddress::is_sms()

  bool report_drops = false;  ///< wrong packets can be polled (stack::Endpoint::poll_drop()); they are counted anyway

  friend bool operator==(const Parameters&, const Parameters&) = default;

  // RFC 7252 §4.8.2, derived
  [[nodiscard]] Duration max_transmit_span() const { return backed_off(max_retransmit); }
  [[nodiscard]] Duration max_transmit_wait() const { return backed_off(max_retransmit + 1); }
  [[nodiscard]] Duration processing_delay() const { return ack_timeout; }
  [[nodiscard]] Duration max_rtt() const { return 2 * max_latency + processing_delay(); }
  [[nodiscard]] Duration exchange_lifetime() const {
    return max_transmit_span() + 2 * max_latency + processing_delay();
  }
  [[nodiscard]] Duration non_lifetime() const { return max_transmit_span() + max_latency; }

  // What holds for a peer
  [[nodiscard]] Duration max_transmit_wait(const transport::PeerAddress& peer) const {
    return peer.is_sms() ? sms.response_wait : max_transmit_wait();
  }
  [[nodiscard]] Duration exchange_lifetime(const transport::PeerAddress& peer) const {
    return peer.is_sms() ? sms.lifetime : exchange_lifetime();
  }
  [[nodiscard]] Duration body_lifetime_of(const transport::PeerAddress& peer) const {
    return peer.is_sms() ? sms.lifetime : body_lifetime;
  }
  [[nodiscard]] MessageBudget message_budget(const transport::PeerAddress& peer) const {
    if (!peer.is_sms()) return {};
    switch (peer.kind) {
      case transport::Kind::Sms: return {sms.message_plain, sms.message_plain_max};
      case transport::Kind::SmsPacket: return {sms.message_packet, sms.message_packet_max};
      default: return {sms.message_dtls, sms.message_dtls_max};
    }
  }

 private:
  /// ACK_TIMEOUT * (2^doublings - 1) * ACK_RANDOM_FACTOR. Twenty doublings of two seconds are 24 days: more would only
  /// overflow.
  [[nodiscard]] Duration backed_off(std::uint32_t doublings) const {
    constexpr std::uint32_t kDoublingsMax = 20;
    const std::int64_t steps = (std::int64_t{1} << (doublings < kDoublingsMax ? doublings : kDoublingsMax)) - 1;
    return ack_timeout * steps * std::int64_t{ack_random_permille} / 1000;
  }
};

/// What was received, sent and thrown away. Each counter only grows.
struct Counters {
  std::uint64_t datagrams_in = 0;
  std::uint64_t datagrams_out = 0;
  std::uint64_t malformed = 0;            ///< not a message: dropped or reset
  std::uint64_t bad_option = 0;           ///< unknown or ill-formed critical option
  std::uint64_t duplicates = 0;           ///< answered again or dropped (RFC 7252 §4.5)
  std::uint64_t unmatched = 0;            ///< response, ACK or Reset that fits nothing
  std::uint64_t stale_notifications = 0;  ///< older than one already delivered (RFC 7641 §3.4)
  std::uint64_t notifications_lost = 0;   ///< not delivered: the rest of a body in blocks couldn't be fetched
  std::uint64_t retransmissions = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t refused = 0;  ///< over a limit of ours
};

}  // namespace drover::coap
