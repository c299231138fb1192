// SPDX-License-Identifier: Apache-2.0
// Which messages came already, and what they were answered (RFC 7252 §4.5).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/chunk_pool.hpp"
#include "base/sequence_queue.hpp"
#include "base/slot_index.hpp"
#include "base/time.hpp"
#include "coap/message/message.hpp"
#include "coap/parameters.hpp"
#include "coap/reliability/keyed_hash.hpp"
#include "transport/datagram.hpp"

namespace drover::coap {

/// What is to be done with a duplicate.
enum class Standing : std::uint8_t {
  Undecided,         ///< a response that is neither accepted nor rejected yet: silence
  Open,              ///< delivered and not answered, its acknowledgement not sent: silence
  OpenForLong,       ///< as Open, and no empty acknowledgement will be sent
  OpenAcknowledged,  ///< delivered and not answered, acknowledged empty: the empty acknowledgement again
  OpenSilent,        ///< a non-confirmable request that is not answered: silence
  Answered,          ///< the kept datagram again
  Recomputable,      ///< the answer was too large to keep: the request is delivered again
  Acknowledged,      ///< acknowledged empty for good: the empty acknowledgement again
  Rejected,          ///< the Reset again
  Silent,            ///< a non-confirmable message that is dealt with
};

/// The answer to a message, without its message id (which is the entry's). Up to kInline bytes need no allocation.
class KeptAnswer {
 public:
  static constexpr std::size_t kInline =
      24;  ///< a datagram of 26 bytes: 2.01 with a token of 8 and /rd/ plus ten characters
  static constexpr std::size_t kIdAt = 2;  ///< RFC 7252 §3: the message id is the third and fourth byte
  static constexpr std::size_t kIdSize = 2;

  KeptAnswer() = default;
  ~KeptAnswer() { clear(); }
  KeptAnswer(const KeptAnswer&) = delete;
  KeptAnswer& operator=(const KeptAnswer&) = delete;

  /// `datagram` is a whole encoded message of at most 65535 bytes.
  void keep(ByteView datagram);
  [[nodiscard]] Bytes datagram(MessageId id) const;
  void clear();
  /// Bytes allocated outside of the entry.
  [[nodiscard]] std::size_t allocated() const { return size_ > kInline ? size_ : 0; }

  /// A number to remember while there is no answer yet.
  void set_note(std::uint32_t note);
  [[nodiscard]] std::uint32_t note() const;

 private:
  [[nodiscard]] std::uint8_t* outside() const;

  std::uint16_t size_ = 0;
  std::array<std::uint8_t, kInline> bytes_{};  ///< or the pointer to them when size_ > kInline
};

struct DeduplicationEntry {
  transport::PeerAddress peer;
  std::uint32_t expires = 0;  ///< in ticks of a millisecond, modulo 2^32
  std::uint32_t older = 0;    ///< neighbours in the list of the same lifetime
  std::uint32_t newer = 0;    ///< or the next free entry
  std::uint32_t ring = 0;     ///< the next newer entry of the same peer and lifetime; of the newest: the oldest
  MessageId id;
  std::uint16_t ring_size = 0;  ///< in the newest entry of a ring: how many are in it
  KeptAnswer answer;
  Standing standing = Standing::Undecided;
  std::uint8_t lifetime : 2 = 0;  ///< Deduplication::Lifetime
  bool safe : 1 = false;          ///< a GET or FETCH: its answer may be computed again (RFC 7252 §4.5)
};
// 0.82 entries a device (an Update every 300 s, EXCHANGE_LIFETIME 247 s) of 72 bytes are 59 bytes, two indexes of 6
// bytes a cell at a load of 0.41 to 0.81 are 12 to 24: 71 to 83 bytes a device at the worst moment, 75 at 100,000
// devices.
static_assert(sizeof(DeduplicationEntry) == 72);

/// The table of messages received within EXCHANGE_LIFETIME (confirmable) or NON_LIFETIME, over SMS within
/// SmsParameters::lifetime. Nothing is kept for a peer beyond its entries. A limit is met by forgetting the oldest answered entry (of all, or of the peer); one that waits
/// for its answer is never forgotten before its time, so that no request is delivered twice while somebody works on it.
/// The limit for a peer counts its confirmable and its non-confirmable messages apart, those over SMS together.
class Deduplication {
 public:
  static constexpr std::uint32_t kNone = SlotIndex::kNone;
  /// Answers outside of their entries, all peers: 64 MiB, as much as 2^20 entries take themselves; the oldest go first.
  static constexpr std::size_t kAllocatedMax = std::size_t{64} << 20;

  Deduplication(const Parameters& parameters, const KeyedHash& hash);
  Deduplication(const Deduplication&) = delete;
  Deduplication& operator=(const Deduplication&) = delete;

  /// The slot of the message, or kNone when it is new or its lifetime is over.
  std::uint32_t find(Instant now, const transport::PeerAddress& peer, MessageId id);
  /// Adds `message`, which find() didn't know, as Undecided. kNone when every entry that would have to go still waits
  /// for its answer.
  std::uint32_t insert(Instant now, const transport::PeerAddress& peer, const Message& message);

  [[nodiscard]] const DeduplicationEntry& operator[](std::uint32_t slot) const { return at(slot); }

  /// Makes an entry Open with an acknowledgement due at `due` (not before that of any other entry, those over SMS and
  /// the others apart).
  void open(std::uint32_t slot, Instant due);
  /// Ends Open or forgets a kept answer.
  void settle(std::uint32_t slot, Standing standing);
  void settle_with_answer(std::uint32_t slot, ByteView datagram);

  /// The next Open entry whose acknowledgement is due, or kNone. It must be settled.
  std::uint32_t next_due(Instant now);
  [[nodiscard]] std::optional<Instant> next_acknowledgement() const;

  /// Forgets up to `count_max` entries whose lifetime is over.
  void expire(Instant now, std::size_t count_max);
  [[nodiscard]] std::optional<Instant> next_expiry() const;
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Bytes held, allocator overhead apart.
  [[nodiscard]] std::size_t memory() const;

 private:
  using Entry = DeduplicationEntry;
  static constexpr std::uint32_t kChunk =
      512;  ///< entries: 36 kB, so that growth copies nothing and small tables stay small
  /// Each has its own list, in which the next to expire comes first.
  enum Lifetime : std::uint8_t { kConfirmable, kNonConfirmable, kSms };
  static constexpr std::size_t kLifetimes = 3;

  struct List {
    std::uint32_t oldest = kNone;
    std::uint32_t newest = kNone;
    std::int64_t lifetime_ticks = 0;
    std::int64_t newest_expires = 0;  ///< ticks, not reduced: the reference by which `expires` is widened
  };
  struct DueAcknowledgement {
    Instant due;
    std::uint32_t slot;  ///< kNone when it isn't due any more
  };
  using DueAcknowledgements = SequenceQueue<DueAcknowledgement>;

  [[nodiscard]] Entry& at(std::uint32_t slot) { return entries_[slot]; }
  [[nodiscard]] const Entry& at(std::uint32_t slot) const { return entries_[slot]; }
  [[nodiscard]] std::uint64_t message_hash(std::uint32_t slot) const;
  [[nodiscard]] std::uint64_t ring_hash(const transport::PeerAddress& peer, std::size_t lifetime) const;
  [[nodiscard]] std::uint32_t newest_in_ring(const transport::PeerAddress& peer, std::size_t lifetime) const;
  [[nodiscard]] std::int64_t widened_expiry(std::uint32_t slot) const;
  [[nodiscard]] bool is_open(std::uint32_t slot) const;

  bool make_room(const transport::PeerAddress& peer, std::size_t lifetime);
  bool forget_oldest_of_ring(std::uint32_t newest);
  bool forget_oldest();
  void remove(std::uint32_t slot);
  void join_ring(std::uint32_t slot);
  void leave_ring(std::uint32_t slot);
  void join_list(std::uint32_t slot);
  void leave_list(std::uint32_t slot);
  void close_acknowledgement(std::uint32_t slot);
  [[nodiscard]] DueAcknowledgements& acknowledgements_of(std::uint32_t slot) {
    return acknowledgements_[at(slot).lifetime == kSms ? 1 : 0];
  }

  KeyedHash hash_;
  std::size_t entries_max_;
  std::size_t ring_max_;
  ChunkPool<Entry, kChunk> entries_;
  std::size_t size_ = 0;
  std::size_t allocated_ = 0;
  std::array<List, kLifetimes> lists_;
  ShardedSlotIndex messages_;  ///< by peer and message id
  ShardedSlotIndex rings_;     ///< by peer and lifetime: the newest entry
  std::array<DueAcknowledgements, 2> acknowledgements_;  ///< the second: over SMS
};

}  // namespace drover::coap
