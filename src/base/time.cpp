// SPDX-License-Identifier: Apache-2.0
#include "base/time.hpp"

namespace drover {

const char* to_string(Reason reason) {
  switch (reason) {
    case Reason::Retransmit: return "retransmit";
    case Reason::Acknowledge: return "acknowledge";
    case Reason::ExchangeEnd: return "exchange-end";
    case Reason::Forget: return "forget";
    case Reason::Lifetime: return "lifetime";
    case Reason::Retry: return "retry";
    case Reason::PMin: return "pmin";
    case Reason::PMax: return "pmax";
    case Reason::Disable: return "disable";
    case Reason::Script: return "script";
    case Reason::DtlsFlight: return "dtls-flight";
    case Reason::Handshake: return "handshake";
    case Reason::Park: return "park";
    case Reason::Collection: return "collection";
    case Reason::QueueAwake: return "queue-awake";
    case Reason::Line: return "line";
    case Reason::Bootstrap: return "bootstrap";
  }
  return "?";
}

}  // namespace drover
