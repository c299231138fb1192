// SPDX-License-Identifier: Apache-2.0
// What says that the program was built without libpcsclite.
#include "io/pcsc_terminal.hpp"
#include "io/pcsc_watcher.hpp"

#ifndef DROVER_HAS_PCSC
#include <utility>
#endif

namespace drover::io {

const char* to_string(ReaderEvent::What what) {
  switch (what) {
    case ReaderEvent::What::NoService: return "no service";
    case ReaderEvent::What::ReaderCame: return "reader came";
    case ReaderEvent::What::ReaderWent: return "reader went";
    case ReaderEvent::What::CardCame: return "card came";
    case ReaderEvent::What::CardWent: return "card went";
    case ReaderEvent::What::CardSwapped: return "card swapped";
  }
  return "?";
}

#ifndef DROVER_HAS_PCSC

namespace {
constexpr const char* kAbsent = "this program was built without PC/SC (libpcsclite)";
}

bool has_pcsc() {
  return false;
}

struct PcscTerminal::State {
  std::string none = {};
};
PcscTerminal::PcscTerminal(PcscSettings /*settings*/) : state_(std::make_unique<State>()) {}
PcscTerminal::~PcscTerminal() = default;
smartcard::CardResult<Bytes> PcscTerminal::connect() {
  return smartcard::card_error(smartcard::CardError::Kind::Terminal, kAbsent);
}
smartcard::CardResult<Bytes> PcscTerminal::transmit(ByteView /*command*/) {
  return connect();
}
void PcscTerminal::disconnect() {}
const std::string& PcscTerminal::reader() const {
  return state_->none;
}

struct PcscWatcher::State {
  std::function<void(const ReaderEvent&)> on_event;
};
PcscWatcher::PcscWatcher(EventLoop& loop, WatcherSettings /*settings*/,
                         std::function<void(const ReaderEvent&)> on_event)
    : state_(std::make_shared<State>(State{std::move(on_event)})) {
  loop.post([state = state_] {
    if (const auto told = state->on_event) told({ReaderEvent::What::NoService, {}, {}, kAbsent});
  });
}
PcscWatcher::~PcscWatcher() {
  state_->on_event = nullptr;
}

#endif

}  // namespace drover::io
