// SPDX-License-Identifier: Apache-2.0
#include "smartcard/uicc/uicc.hpp"

#include "smartcard/uicc/card.hpp"

namespace drover::smartcard::uicc {

struct Uicc::State : Card {
  using Card::Card;
};

Uicc::Uicc(CardImage image, Rng& rng) : state_(std::make_unique<State>(std::move(image), rng)) {}
Uicc::~Uicc() = default;

void Uicc::reset() { state_->reset(); }
Bytes Uicc::atr() const { return state_->atr(); }
Bytes Uicc::transmit(ByteView command) { return state_->transmit(command); }
void Uicc::replace(CardImage image) { state_->replace(std::move(image)); }
unsigned Uicc::pin_tries() const { return state_->pin_tries(); }
SmsCounters Uicc::sms_counters() const { return state_->sms_counters(); }
void Uicc::set_sms_counters(const SmsCounters& counters) { state_->set_sms_counters(counters); }

}  // namespace drover::smartcard::uicc
