// SPDX-License-Identifier: Apache-2.0
#include "smartcard/uicc/uicc.hpp"

namespace drover::smartcard::uicc {

void MemoryTerminal::insert(Uicc* card) {
  card_ = card;
  connected_ = false;
  if (card_ != nullptr) card_->reset();
}

CardResult<Bytes> MemoryTerminal::connect() {
  if (card_ == nullptr) return card_error(CardError::Kind::NoCard, "no card is in the reader");
  connected_ = true;
  return card_->atr();
}

CardResult<Bytes> MemoryTerminal::transmit(ByteView command) {
  if (card_ == nullptr) return card_error(CardError::Kind::Removed, "the card was taken out");
  if (!connected_) return card_error(CardError::Kind::Reset, "another card was put in");
  return card_->transmit(command);
}

}  // namespace drover::smartcard::uicc
