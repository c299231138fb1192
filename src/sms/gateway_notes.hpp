// SPDX-License-Identifier: Apache-2.0
// What the gateway has to tell, bounded: peers and strangers choose how often it happens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "base/take_front.hpp"
#include "base/time.hpp"
#include "sms/gateway.hpp"

namespace drover::sms {

class GatewayNotes {
 public:
  /// Of each span of time; the next one says how many were left out.
  static constexpr std::size_t kNotesMax = 32;
  static constexpr Duration kSpan = std::chrono::minutes(1);

  void add(Instant now, const std::string& msisdn, std::string text) {
    if (!begun_ || now - *begun_ >= kSpan) {
      begun_ = now;
      told_ = 0;
    }
    if (told_ == kNotesMax || notes_.size() >= kNotesMax) {
      ++left_out_;
      return;
    }
    ++told_;
    if (left_out_ > 0)
      text += " (" + std::to_string(std::exchange(left_out_, 0)) + " notes before this one were left out)";
    notes_.push_back({msisdn, std::move(text)});
  }
  std::optional<GatewayNote> poll() { return take_front(notes_); }

 private:
  std::deque<GatewayNote> notes_;
  std::optional<Instant> begun_;
  std::size_t told_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace drover::sms
