// SPDX-License-Identifier: Apache-2.0
#include "smartcard/terminal.hpp"

namespace drover::smartcard {

const char* to_string(CardError::Kind kind) {
  switch (kind) {
    case CardError::Kind::NoCard: return "no card";
    case CardError::Kind::Removed: return "card removed";
    case CardError::Kind::Reset: return "card reset";
    case CardError::Kind::Terminal: return "reader failed";
    case CardError::Kind::Refused: return "refused by the card";
    case CardError::Kind::NotFound: return "not on the card";
    case CardError::Kind::Malformed: return "malformed";
    case CardError::Kind::Channel: return "secure channel failed";
    case CardError::Kind::Pin: return "PIN";
  }
  return "?";
}

}  // namespace drover::smartcard
