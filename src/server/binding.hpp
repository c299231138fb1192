// SPDX-License-Identifier: Apache-2.0
// What a device's Binding says about the ways to it (Core Table 8).
#pragma once

#include <string_view>

namespace drover::server {

struct Reach {
  bool udp = false;
  bool sms = false;        ///< it takes requests by SMS at any time, or with `queue_sms` while it is awake
  bool queue_udp = false;  ///< what goes over UDP waits until it is awake
  bool queue_sms = false;
  bool trigger = false;         ///< the Registration Update Trigger may be sent by SMS (UQS, UQT)
  bool trigger_silent = false;  ///< it isn't answered (UQT)

  /// `binding` as announced: one of Table 8, or the letters of 1.1 and later with its `Q` parameter as `queue`, which
  /// there holds for UDP as soon as a device has it (1.1 Core §6.2.1.2). Anything else counts as UDP.
  static Reach of(std::string_view binding, bool queue);
  friend bool operator==(const Reach&, const Reach&) = default;
};

}  // namespace drover::server
