// SPDX-License-Identifier: Apache-2.0
// All associations of one DTLS server port, or of one shard of it: who is who, what is idle, and what is too much.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/keyed_hash.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "base/slot_index.hpp"
#include "base/time.hpp"
#include "base/timers.hpp"
#include "security/acceptor.hpp"
#include "security/association.hpp"
#include "security/cookies.hpp"
#include "security/credentials.hpp"
#include "security/handle.hpp"
#include "transport/datagram.hpp"

namespace drover::security {

struct ListenerSettings {
  std::uint8_t shard = 0;
  std::size_t shards = 1;  ///< at most 256
  /// An association that nothing was heard of or sent to for so long is put away as bytes.
  Duration park_after = std::chrono::seconds(10);
  /// One that nobody holds goes when it has been idle for so long.
  Duration unheld_max = std::chrono::minutes(10);
  Duration sms_unheld_max = std::chrono::hours(1);  ///< the same over SMS, where its first message takes minutes
  /// Associations in all, at most kHandleSlots.
  std::size_t associations_max = std::size_t{1} << 24;
  /// Established associations that can't be put away (CBC): the one that was idle longest goes.
  std::size_t unparkable_max = 1024;
  /// Handshakes under way in all, and of the peers of one network: 24 bits of an IPv4, 56 of an IPv6 address, a whole
  /// MSISDN. A ClientHello past it isn't answered: it is repeated.
  std::size_t handshakes_max = 8192;
  std::size_t handshakes_per_network_max = 256;
  /// poll_change() says what has to be kept so that associations outlive the process, however it ends.
  bool kept = false;
  /// Associations whose credentials are looked at again at a time, after some were removed.
  std::size_t checks_at_a_time = 256;
};

// ---- what happened, to be polled ------------------------------------------------------------------------------------

struct AssociationOpened {
  transport::PeerAddress name;  ///< Kind::Association; stands for the peer until AssociationClosed
  transport::PeerAddress address;
  Identity peer;
  CredentialId credential;
  std::string suite;
  bool resumed = false;
  bool has_connection_id = false;
};
struct AssociationClosed {
  transport::PeerAddress name;
  transport::PeerAddress address;
  std::string reason;
};
/// A handshake failed. Nobody learnt anything but that.
struct HandshakeRefused {
  transport::PeerAddress address;
  std::string reason;
};
using ListenerEvent = std::variant<AssociationOpened, AssociationClosed, HandshakeRefused>;

struct Plaintext {
  transport::PeerAddress from;  ///< the association's name
  Bytes bytes;
};

/// A datagram whose Connection ID names another shard.
struct Misdirected {
  std::uint8_t shard = 0;
  transport::PeerAddress from;
  Bytes bytes;
};

// ---- what outlives the process, to be polled ------------------------------------------------------------------------

/// An association as it may go on in a later process: `past` is ahead of what was sent, and isn't behind what was
/// received. The newest one of a handle counts.
struct AssociationKept {
  std::uint64_t handle = 0;
  transport::PeerAddress address;
  RecordCounters past;
  Secret<Bytes> released;
};
/// The counters or the address of one that was kept moved on.
struct AssociationCounted {
  std::uint64_t handle = 0;
  transport::PeerAddress address;
  RecordCounters past;
};
struct AssociationGone {
  std::uint64_t handle = 0;
};
using ListenerChange = std::variant<AssociationKept, AssociationCounted, AssociationGone>;

struct ListenerCounters {
  std::uint64_t garbage = 0;      ///< datagrams that are no records, or of nobody
  std::uint64_t unauthentic = 0;  ///< records for an association that it ignored: changed, replayed, too old
  std::uint64_t hellos = 0, cookies_sent = 0, handshakes = 0, resumptions = 0, refused = 0, limited = 0;
  std::uint64_t parked = 0, unparked = 0, moved_addresses = 0, misdirected = 0;
  std::size_t associations = 0, live = 0, handshaking = 0;
};

/// Drive it by the one contract: call one handle_* or one command, then drain every poll_* until all are empty, then
/// wait until deadline(). One thread at a time; no call blocks, throws on peer input or calls back. The cost of a
/// datagram doesn't grow with the number of associations.
///
/// Associations are named by a PeerAddress of Kind::Association, which stays when the peer's network address changes.
/// Those over SMS have names with is_sms(); their peers have no Connection IDs and stay at their MSISDN.
/// Nothing is answered to what isn't a ClientHello or authentic; a ClientHello without a good cookie is answered by
/// fewer bytes than it has and leaves nothing behind (RFC 6347 §4.2.1). A new association from the address of an old
/// one ends the old one when its handshake has succeeded, not before (RFC 6347 §4.2.8).
class Listener {
 public:
  /// `acceptor`, `source` and `rng` outlive it.
  Listener(const ListenerSettings& settings, Acceptor& acceptor, const CredentialSource& source, Rng& rng);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// `datagram.from` is the network address, Kind::Dtls, or that of short messages, Kind::SmsDtls.
  void handle_datagram(Instant now, const transport::Datagram& datagram);
  void handle_timeout(Instant now);
  /// Protects and sends a message to an association; dropped without a word when it is gone.
  void send(Instant now, const transport::PeerAddress& name, ByteView plaintext);
  /// Says goodbye and forgets it; AssociationClosed follows.
  void close(Instant now, const transport::PeerAddress& name, const std::string& reason);
  /// A held association stays however long it is idle.
  void hold(Instant now, const transport::PeerAddress& name, bool held);

  std::optional<transport::Transmit> poll_transmit();
  std::optional<Plaintext> poll_plaintext();
  std::optional<ListenerEvent> poll_event();
  std::optional<Misdirected> poll_misdirected();
  /// With ListenerSettings::kept. To be polled last, and to be on disk before what poll_transmit() gave leaves: so no
  /// number of a record is used twice, and none is accepted twice, over any end of the process.
  std::optional<ListenerChange> poll_change();
  [[nodiscard]] std::optional<Deadline> deadline() const;

  struct Peer {
    Identity identity;
    CredentialId credential;
    transport::PeerAddress address;
  };
  /// Nothing when the association is gone or still in its handshake.
  [[nodiscard]] std::optional<Peer> peer(const transport::PeerAddress& name) const;
  [[nodiscard]] std::optional<transport::PeerAddress> address(const transport::PeerAddress& name) const;

  /// Before the process ends: closes those that weren't kept, so that their peers needn't find out by silence.
  void say_goodbye(Instant now);
  /// Takes one up under the name that it had. False when the place is taken, the bytes are of another version, or the
  /// credential is gone. Ascending by handle nothing is searched.
  bool adopt(Instant now, AssociationKept kept);

  [[nodiscard]] ListenerCounters counters() const;
  /// What limits for each network count by: 24 bits of an IPv4, 56 of an IPv6 address, a whole MSISDN.
  static std::uint64_t network(const transport::PeerAddress& address);
  /// Bytes of what is kept for parked associations, for the figures: places and indexes included, allocator excluded.
  [[nodiscard]] std::size_t parked_memory() const;

 private:
  using Slot = std::uint32_t;
  /// An association's bytes, in exactly as much memory.
  struct Parked {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::uint32_t size = 0;
    [[nodiscard]] ByteView view() const { return {bytes.get(), size}; }
    void assign(ByteView from);
    void wipe();
  };
  struct Place {
    transport::PeerAddress address;
    std::unique_ptr<Association> live;
    Parked parked;
    std::uint32_t nonce = 0;  ///< kHandleNonceBits; 0: the place is free
    Instant used{};
    std::uint32_t checked = 0;  ///< low bits of the source's revision when the credential was looked at
    bool held = false;
    bool established = false;
    bool indexed = false;  ///< by_address_ has it
    bool kept = false;     ///< on disk
    bool changed = false;  ///< changed_ has it
    RecordCounters past;   ///< as on disk; `sent` is ahead
  };

  void handle_hello(Instant now, const transport::Datagram& datagram, const ClientHello& hello);
  void handle_without_id(Instant now, const transport::Datagram& datagram);
  void handle_with_id(Instant now, const transport::Datagram& datagram, ByteView id);
  void begin(Instant now, const transport::Datagram& datagram, const ClientHello& hello);
  Arrival deliver(Instant now, Slot slot, const transport::Datagram& datagram);
  /// Takes out of an association what it has to say; it may be gone afterwards.
  void drain(Instant now, Slot slot);
  void established(Instant now, Slot slot);
  void move_to(Slot slot, const transport::PeerAddress& address);
  Association* wake(Instant now, Slot slot);
  void park(Instant now, Slot slot);
  void schedule(Instant now, Slot slot);
  void tend(Instant now, Slot slot);
  void limit_unparkable(Instant now);
  void check_credentials(Instant now);
  void count(Slot slot);
  void change(Slot slot);
  std::optional<AssociationKept> keep(Instant now, Slot slot);
  [[nodiscard]] bool still_holds(Slot slot) const;
  void end(Instant now, Slot slot, const std::string& reason);
  void free(Slot slot);
  std::optional<Slot> take_place();
  void index(Slot slot);
  void unindex(Slot slot);
  [[nodiscard]] Slot find(const transport::PeerAddress& address) const;
  [[nodiscard]] std::optional<Slot> find_name(const transport::PeerAddress& name) const;
  [[nodiscard]] Handle handle(Slot slot) const;
  [[nodiscard]] transport::PeerAddress name(Slot slot) const;
  [[nodiscard]] Duration unheld_max(Slot slot) const;
  [[nodiscard]] std::uint64_t hash(const transport::PeerAddress& address) const;

  ListenerSettings settings_;
  Acceptor& acceptor_;
  const CredentialSource& source_;
  Cookies cookies_;
  KeyedHash hash_;
  std::uint32_t next_nonce_;  ///< the last one that was given
  std::deque<Place> places_;
  std::vector<Slot> free_;
  ShardedSlotIndex by_address_;  ///< established ones
  Timers timers_;
  struct Handshake {
    Slot slot;
    Bytes random;  ///< of its ClientHello
  };
  std::unordered_map<transport::PeerAddress, Handshake> handshakes_;
  std::unordered_map<std::uint64_t, std::uint32_t> handshakes_of_network_;
  std::vector<Slot> unparkable_;
  std::uint64_t revision_;
  Slot check_next_ = 0;
  bool checking_ = false;

  std::deque<transport::Transmit> transmits_;
  std::deque<Plaintext> plaintexts_;
  std::deque<ListenerEvent> events_;
  std::deque<Misdirected> misdirected_;
  std::vector<Slot> changed_;
  std::deque<AssociationGone> gone_;
  Instant now_{};  ///< of the last call that had one
  ListenerCounters counters_;
};

}  // namespace drover::security
