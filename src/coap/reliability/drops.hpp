// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include "coap/reliability/drain_queue.hpp"
#include "transport/datagram.hpp"

namespace drover::coap {

/// A wrong packet that was dropped, or answered with nothing but a Reset or an error. What is counted in
/// Counters::malformed, bad_option, unmatched, stale_notifications and, where a peer is over a limit, refused.
struct Drop {
  transport::PeerAddress peer;
  const char* why = "";  ///< a literal, without anything the peer sent
};

/// Drops that wait for who asked for them (Parameters::report_drops); the oldest go when nobody takes them.
class Drops {
 public:
  /// Drained behind each datagram, one or two are all there is; 64 of 40 bytes bound what a caller that drains once a
  /// batch (32 datagrams) can miss.
  static constexpr std::size_t kCountMax = 64;

  explicit Drops(bool reported) : reported_(reported) {}

  void note(const transport::PeerAddress& peer, const char* why) {
    if (!reported_) return;
    if (waiting_.size() == kCountMax) waiting_.pop();
    waiting_.push({peer, why});
  }
  std::optional<Drop> poll() { return waiting_.pop(); }

 private:
  DrainQueue<Drop> waiting_;
  bool reported_;
};

}  // namespace drover::coap
