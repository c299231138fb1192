// SPDX-License-Identifier: Apache-2.0
#include "server/binding.hpp"

namespace drover::server {

Reach Reach::of(std::string_view binding, bool queue) {
  Reach reach;
  char before = 0;
  bool silent = false;
  for (const char letter : binding) {
    switch (letter) {
      case 'U': reach.udp = true; break;
      case 'S': reach.sms = true; break;
      // In 1.0 only behind UQ: a trigger by SMS. In 1.1 it is TCP, which isn't a way of ours.
      case 'T': silent = before == 'Q'; break;
      // It queues the transport that it follows.
      case 'Q': (before == 'S' ? reach.queue_sms : reach.queue_udp) = true; break;
      default: break;
    }
    before = letter;
  }
  if (!reach.udp && !reach.sms) reach.udp = true;
  // The flag of 1.1, which isn't part of the binding's text.
  if (queue && !reach.queue_udp && !reach.queue_sms) (reach.udp ? reach.queue_udp : reach.queue_sms) = true;
  reach.trigger_silent = silent;
  reach.trigger = reach.queue_udp && (reach.sms || silent);
  return reach;
}

}  // namespace drover::server
