// SPDX-License-Identifier: Apache-2.0
// Two endpoints and a link between them that loses, repeats and reorders datagrams from a seed. Virtual time.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "stack/endpoint.hpp"

namespace drover::testing {

struct LinkFaults {
  std::uint32_t loss_percent = 0;
  std::uint32_t repeat_percent = 0;
  Duration delay_min = std::chrono::milliseconds(10);
  Duration delay_max = std::chrono::milliseconds(10);
};

class Pair {
 public:
  using OnEvent = std::function<void(int side, coap::Event event)>;

  Pair(const coap::Parameters& parameters, std::uint64_t seed, const LinkFaults& faults, OnEvent on_event)
      : rng(seed), faults_(faults), on_event_(std::move(on_event)) {
    ends.emplace_back(parameters, rng);
    ends.emplace_back(parameters, rng);
  }

  static transport::PeerAddress address(int side) {
    return transport::PeerAddress::v4(0xC0000201U, static_cast<std::uint16_t>(5683 + side));
  }

  /// Everything that is to be done now; call it after each command.
  void drain() {
    for (bool busy = true; busy;) {
      busy = false;
      for (int side = 0; side < 2; ++side) {
        stack::Endpoint& end = ends[static_cast<std::size_t>(side)];
        while (auto transmit = end.poll_transmit()) {
          busy = true;
          put(std::move(*transmit), side);
        }
        while (auto event = end.poll_event()) {
          busy = true;
          on_event_(side, std::move(*event));
        }
      }
    }
  }

  /// Runs until nothing is left to be done before `end`; false when it took more steps than that.
  bool run_until(Instant end, int steps_max = 200000) {
    drain();
    for (int step = 0; step < steps_max; ++step) {
      std::optional<Instant> next;
      const auto consider = [&next](Instant at) { next = next ? std::min(*next, at) : at; };
      if (!flying_.empty()) consider(flying_.begin()->first.first);
      for (const stack::Endpoint& one : ends) {
        if (const auto deadline = one.deadline()) consider(deadline->at);
      }
      if (!next || *next > end) {
        now = end;
        return true;
      }
      now = std::max(now, *next);
      while (!flying_.empty() && flying_.begin()->first.first <= now) {
        const auto [side, bytes] = std::move(flying_.begin()->second);
        flying_.erase(flying_.begin());
        ends[static_cast<std::size_t>(1 - side)].handle_datagram(now, {places[static_cast<std::size_t>(side)], bytes});
        drain();
      }
      for (stack::Endpoint& one : ends) {
        const auto deadline = one.deadline();
        if (deadline && deadline->at <= now) one.handle_timeout(now);
      }
      drain();
    }
    return false;
  }

  SplitMix rng;
  std::vector<stack::Endpoint> ends;
  Instant now{std::chrono::seconds(1000)};
  std::array<transport::PeerAddress, 2> places{address(0), address(1)};  ///< of each side; changed before anything is sent
  std::size_t longest = 0;                                           ///< datagram, in bytes
  std::size_t datagrams = 0;

 private:
  void put(transport::Transmit transmit, int side) {
    EXPECT_EQ(transmit.to, places[static_cast<std::size_t>(1 - side)]);
    longest = std::max(longest, transmit.bytes.size());
    ++datagrams;
    const bool repeated = rng.below(100) < faults_.repeat_percent;
    for (int copy = 0; copy <= (repeated ? 1 : 0); ++copy) {
      if (rng.below(100) < faults_.loss_percent) continue;
      const auto spread = static_cast<std::uint32_t>((faults_.delay_max - faults_.delay_min).count());
      const Instant arrives = now + faults_.delay_min + Duration(rng.below(spread + 1));
      flying_.emplace(std::pair{arrives, order_++}, std::pair{side, transmit.bytes});
    }
  }

  LinkFaults faults_;
  OnEvent on_event_;
  std::map<std::pair<Instant, std::uint64_t>, std::pair<int, Bytes>> flying_;
  std::uint64_t order_ = 0;
};

}  // namespace drover::testing
