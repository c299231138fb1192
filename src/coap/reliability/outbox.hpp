// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "coap/parameters.hpp"
#include "coap/reliability/drain_queue.hpp"
#include "coap/reliability/drops.hpp"
#include "coap/reliability/reliability.hpp"
#include "transport/datagram.hpp"

namespace drover::coap {

/// What the parts of the message layer have to say to the outside.
struct Outbox {
  explicit Outbox(const Parameters& parameters) : drops(parameters.report_drops) {}

  DrainQueue<transport::Transmit> transmits;
  DrainQueue<MessageEvent> events;
  Drops drops;
  Counters counters;

  void transmit(const transport::PeerAddress& peer, Bytes datagram) {
    ++counters.datagrams_out;
    transmits.push({peer, std::move(datagram)});
  }
};

}  // namespace drover::coap
