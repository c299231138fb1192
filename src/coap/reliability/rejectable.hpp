// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/sequence_queue.hpp"
#include "base/slot_index.hpp"
#include "base/time.hpp"
#include "coap/reliability/keyed_hash.hpp"
#include "coap/reliability/reliability.hpp"

namespace drover::coap {

/// Which of the two Rejectables of a message layer, by the lifetime of what it remembers.
enum class RejectableOf : std::uint8_t { Network, Sms };

/// Non-confirmable messages of ours that the peer may still answer with Reset, for NON_LIFETIME (RFC 7252 §4.3). The
/// oldest goes when there are too many: its Reset is then unmatched, and the next notification to that peer is rejected
/// anew.
class Rejectable {
 public:
  /// 2^16 of about 60 bytes: 4 MB. At 450 a second none is forgotten before its 145 s are over.
  static constexpr std::size_t kCountMax = std::size_t{1} << 16;

  Rejectable(RejectableOf of, Duration lifetime, const KeyedHash& hash)
      : name_(kName | (of == RejectableOf::Sms ? kSmsName : 0)), lifetime_(lifetime), hash_(hash) {}

  TransmissionId remember(Instant now, const transport::PeerAddress& peer, MessageId id) {
    if (const auto slot = find(peer, id); slot != kNone) end(sent_.widen(slot));  // the ids have come around
    if (sent_.size() >= kCountMax) end(sent_.front_number());
    drop_ended();
    std::uint64_t number = sent_.push({peer, id, now + lifetime_, false});
    if (static_cast<std::uint32_t>(number) == kNone) {
      sent_[number].ended = true;  // that number can't be in the index
      number = sent_.push({peer, id, now + lifetime_, false});
    }
    index_.insert(hash_of(number), static_cast<std::uint32_t>(number),
                  [this](std::uint32_t slot) { return hash_of_slot(slot); });
    return TransmissionId{name_ | number};
  }

  void cancel(TransmissionId transmission) {
    if (!is_name(transmission)) return;
    const std::uint64_t number = transmission.value & ~(kName | kSmsName);
    if (sent_.holds(number) && !sent_[number].ended) end(number);
    drop_ended();
  }

  std::optional<TransmissionId> match(Instant now, const transport::PeerAddress& peer, MessageId id) {
    const std::uint32_t slot = find(peer, id);
    if (slot == kNone) return std::nullopt;
    const std::uint64_t number = sent_.widen(slot);
    const bool in_time = now <= sent_[number].expires;
    end(number);
    drop_ended();
    if (!in_time) return std::nullopt;
    return TransmissionId{name_ | number};
  }

  void expire(Instant now, std::size_t count_max) {
    for (; count_max > 0 && !sent_.empty() && sent_.front().expires < now; --count_max) {
      end(sent_.front_number());
      drop_ended();
    }
  }

  [[nodiscard]] std::optional<Instant> next_expiry() const {
    if (sent_.empty()) return std::nullopt;
    return sent_.front().expires;
  }
  [[nodiscard]] std::size_t size() const { return sent_.size(); }

  /// Whether this class gave the name, Transmissions gives those without the bit.
  static bool is_name(TransmissionId transmission) { return (transmission.value & kName) != 0; }
  /// Of a name: which one gave it.
  static RejectableOf whose(TransmissionId transmission) {
    return (transmission.value & kSmsName) != 0 ? RejectableOf::Sms : RejectableOf::Network;
  }

 private:
  static constexpr std::uint64_t kName = std::uint64_t{1} << 63;
  static constexpr std::uint64_t kSmsName = std::uint64_t{1} << 62;
  static constexpr std::uint32_t kNone = SlotIndex::kNone;

  struct Sent {
    transport::PeerAddress peer;
    MessageId id;
    Instant expires;
    bool ended;
  };

  [[nodiscard]] std::uint64_t hash_of(std::uint64_t number) const {
    return hash_.of(hash_.of(sent_[number].peer), sent_[number].id);
  }
  [[nodiscard]] std::uint64_t hash_of_slot(std::uint32_t slot) const { return hash_of(sent_.widen(slot)); }
  [[nodiscard]] std::uint32_t find(const transport::PeerAddress& peer, MessageId id) const {
    return index_.find(hash_.of(hash_.of(peer), id), [&](std::uint32_t slot) {
      const Sent& sent = sent_[sent_.widen(slot)];
      return sent.id == id && sent.peer == peer;
    });
  }
  void end(std::uint64_t number) {
    if (sent_[number].ended) return;
    index_.erase(hash_of(number), static_cast<std::uint32_t>(number),
                 [this](std::uint32_t slot) { return hash_of_slot(slot); });
    sent_[number].ended = true;
  }
  void drop_ended() {
    while (!sent_.empty() && sent_.front().ended) sent_.pop();
  }

  std::uint64_t name_;  ///< what its names have beside the number
  Duration lifetime_;
  KeyedHash hash_;
  SequenceQueue<Sent> sent_;
  SlotIndex index_;  ///< the low half of the numbers of those that haven't ended, by peer and message id
};

}  // namespace drover::coap
