// SPDX-License-Identifier: Apache-2.0
// The terminal's half of the toolkit, and messages of a card's application. The first byte chooses: what a card, or a
// terminal, says, or all that a card answers.
#include <cstdlib>

#include "base/reader.hpp"
#include "smartcard/messages.hpp"
#include "smartcard/toolkit.hpp"

namespace {

using namespace drover;
using namespace drover::smartcard;

void check(bool holds) {
  if (!holds) std::abort();
}

void read(ByteView input) {
  if (const auto command = toolkit::parse_proactive(input)) {
    if (command->type == toolkit::kSendShortMessage && command->submit.size() < 200) {
      const auto again = toolkit::parse_proactive(toolkit::encode_proactive(*command));
      check(again && again->number == command->number && again->submit == command->submit);
    }
    const auto response = toolkit::read_terminal_response(toolkit::terminal_response(*command, input.back()));
    check(response && response->number == command->number && response->result == input.back());
  }
  Command envelope{0x80, ins::kEnvelope, 0, 0, Bytes(input.begin(), input.end()), {}};
  if (const auto deliver = toolkit::read_sms_download(envelope); deliver && deliver->size() < 200) {
    const auto again = toolkit::sms_download(*deliver, "491710760000");
    check(again && toolkit::read_sms_download(*again) == *deliver);
  }
  envelope.ins = ins::kTerminalResponse;
  static_cast<void>(toolkit::read_terminal_response(envelope));
}

/// Answers, each with its length in front; when there are no more, the card is gone.
class Scripted final : public Terminal {
 public:
  explicit Scripted(ByteView answers) : answers_(answers) {}
  CardResult<Bytes> connect() override {
    if (answers_.empty()) return card_error(CardError::Kind::NoCard, "gone");
    return Bytes();
  }
  CardResult<Bytes> transmit(ByteView) override {
    const auto length = answers_.u8();
    if (!length) return card_error(CardError::Kind::Removed, "gone");
    const auto answer = answers_.bytes(std::min<std::size_t>(*length, answers_.remaining()));
    return Bytes(answer->begin(), answer->end());
  }
  void disconnect() override {}
  [[nodiscard]] bool empty() const { return answers_.empty(); }

 private:
  ByteReader answers_;
};

void talk(ByteView answers) {
  Scripted terminal(answers);
  SplitMix rng(1);
  MessageApplication application(terminal, {}, rng);
  for (int i = 0; i < 32 && !terminal.empty(); ++i) {
    const auto message = application.fetch();
    if (!message || !*message) continue;
    check(!(*message)->msisdn.empty() && (*message)->coap.size() < kCardMessageMax);
    static_cast<void>(application.send(**message));
    if (!application.take_proactive()) continue;
    if (const auto command = toolkit::fetch(terminal, 0)) {
      static_cast<void>(toolkit::answer(terminal, *command, toolkit::kPerformed));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kSizeMax = 4096;
  if (size < 2 || size > kSizeMax) return 0;
  const ByteView input(data + 1, size - 1);
  (data[0] & 1) != 0 ? talk(input) : read(input);
  return 0;
}
