// SPDX-License-Identifier: Apache-2.0
// Between CoAP's datagrams and a carrier's short messages: protection, concatenation, and who is heard at all. Client
// and server use the same one. Sans-IO.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "security/sps/parameters.hpp"
#include "sms/message.hpp"
#include "transport/datagram.hpp"

namespace drover::sms {

/// How a peer may be heard over SMS, and is spoken to. Kinds that aren't allowed are dropped without an answer
/// (Transport "SMS Channel Security").
struct Peer {
  bool plain = false;  ///< CoAP without security: Kind::Sms
  bool dtls = false;   ///< records of DTLS: Kind::SmsDtls
  /// Secured packets: Kind::SmsPacket. `key` names these keys in counters and never comes back for others.
  struct Packets {
    std::uint64_t key = 0;
    security::sps::Parameters parameters;
    security::sps::Keys keys;
    /// The peer's end-point is its smartcard: messages to it are of class 2 for USIM data download (Transport
    /// "Smartcard End-Point"), which a modem hands to the card and to nobody else.
    bool on_smartcard = false;
  };
  std::optional<Packets> packets = {};
};

/// Counters of one key, which never go back: each is on disk before it is used (ETSI TS 102 225 §5.1.4).
struct Counters {
  std::uint64_t reserved = 0;  ///< may be sent up to this one without saving again
  std::uint64_t received = 0;  ///< highest that was taken; 0: none
  friend bool operator==(const Counters&, const Counters&) = default;
};

/// Whom this side knows. Calls are cheap and don't block. It outlives the gateway.
class Peers {
 public:
  virtual ~Peers() = default;
  /// Nothing: a stranger, whose messages are ignored.
  [[nodiscard]] virtual std::optional<Peer> find(std::string_view msisdn) const = 0;
  /// What was saved of that key; zeros for a new one. Asked once a key, when it is first used.
  [[nodiscard]] virtual Counters counters(std::uint64_t key) const = 0;
};

/// Counters that the owner is to put on disk; what waits for them goes on with Gateway::saved(). They are given once,
/// and the next ones of that key when these are saved, so an owner whose disk fails tries again.
struct SaveCounters {
  std::uint64_t key = 0;
  Counters counters;
};

/// Something worth a line in a log, or an event. Without secrets.
struct GatewayNote {
  std::string msisdn;
  std::string text;
};

/// Parts of a message that comes; one with more isn't put together.
inline constexpr std::size_t kPartsTakenMax = 16;

struct GatewaySettings {
  /// Short messages a CoAP message may be cut into; DTLS records aren't cut. One that comes may have kPartsTakenMax, if
  /// that's more.
  std::size_t segments_max = 4;
  /// WDP port of ours, said in each message and asked of each one that came, secured packets excepted: their TAR says
  /// whom they are for. A peer whose own port is the same has port 0 in its PeerAddress. 0: none; messages with ports
  /// are for somebody else then.
  std::uint16_t port = 0;
  std::uint8_t coap_tag = security::sps::kCoapTag;
  Duration validity = std::chrono::minutes(5);          ///< TP-VP
  Duration reassembly_wait = std::chrono::minutes(10);  ///< for the missing segments of a message
  std::size_t reassemblies_max = 1024;                  ///< unfinished messages of all peers; the oldest goes
  std::size_t reassemblies_max_per_peer = 4;
  std::size_t unsaved_max = 1024;  ///< messages that wait for counters to be saved; past it they are dropped
  std::uint64_t reserve = 64;      ///< counters reserved at once
};

struct GatewayCounters {
  std::uint64_t messages_in = 0, messages_out = 0;  ///< CoAP messages and records
  std::uint64_t segments_in = 0, segments_out = 0;  ///< short messages
  std::uint64_t strangers = 0;                      ///< of nobody known, or in a way that isn't theirs
  std::uint64_t unprotected = 0;                    ///< secured packets that aren't what the key says
  std::uint64_t replayed = 0;                       ///< secured packets whose counter isn't higher
  std::uint64_t reflected = 0;  ///< our own, of this process: those of an earlier one aren't known any more
  std::uint64_t malformed = 0;
  std::uint64_t reassembly_timeouts = 0;  ///< unfinished messages whose time was over, or whose place newer ones took
  std::uint64_t too_large = 0;            ///< not sent: more segments than may be
  std::uint64_t unsent = 0;    ///< not sent: to nobody known, in a way that isn't theirs, or the key is used up
  std::uint64_t unsaved = 0;   ///< dropped in either direction, since too many wait for counters to be saved
  std::uint64_t receipts = 0;  ///< proofs of receipt that came
};

/// CoAP octets that a message to a peer of that kind may have in `segments` short messages: 140 in one without security
/// (133 with ports), 134 in each of several; 111 behind a DTLS record of AES-128-CCM-8, in one; 96 in one secured
/// packet with AES (Transport "Header Definitions (for one SMS)").
std::size_t capacity(transport::Kind kind, std::size_t segments, bool ports,
                     security::sps::Algorithm algorithm = security::sps::Algorithm::Aes);

/// Drive it by the one contract. One thread at a time.
class Gateway {
 public:
  /// `peers` and `rng` outlive it.
  Gateway(GatewaySettings settings, const Peers& peers, Rng& rng);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// To Kind::Sms, SmsDtls or SmsPacket. What can't be sent is dropped and counted, as any datagram may be lost.
  void send(Instant now, const transport::Transmit& transmit);
  void handle_delivery(Instant now, const ShortMessage& message);
  void handle_report(Instant now, const Report& report);
  /// The counters of that key are on disk, up to what was said last.
  void saved(Instant now, std::uint64_t key);

  std::optional<Submission> poll_submission();
  /// From Kind::Sms, SmsDtls or SmsPacket: CoAP, records, or CoAP that was protected.
  std::optional<transport::Transmit> poll_datagram();
  std::optional<SaveCounters> poll_save();
  std::optional<GatewayNote> poll_note();

  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Deadline> deadline() const;
  [[nodiscard]] const GatewayCounters& counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drover::sms
