// SPDX-License-Identifier: Apache-2.0
#include "coap/exchange/types.hpp"

namespace drover::coap {

const char* to_string(FailureCause cause) {
  switch (cause) {
    case FailureCause::Timeout: return "timeout";
    case FailureCause::Reset: return "reset";
    case FailureCause::Malformed: return "malformed";
    case FailureCause::TooLarge: return "too large";
    case FailureCause::Refused: return "refused";
  }
  return "";
}

}  // namespace drover::coap
