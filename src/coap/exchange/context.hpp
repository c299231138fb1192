// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "coap/exchange/fifo.hpp"
#include "coap/exchange/keys.hpp"
#include "coap/exchange/types.hpp"
#include "coap/parameters.hpp"
#include "coap/reliability/reliability.hpp"

namespace drover::coap {

/// What the two roles of the exchange layer share: values flow down into `reliability` and up into `events`.
struct Context {
  const Parameters& parameters;
  Reliability& reliability;
  Fifo<Event> events;
  TokenSource tokens;
  std::uint64_t seed;  ///< of the hash maps

  Context(const Parameters& parameters_in, Reliability& reliability_in, Rng& rng)
      : parameters(parameters_in), reliability(reliability_in), tokens(rng), seed(rng.next()) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Counters& counters() { return reliability.counters(); }
};

}  // namespace drover::coap
