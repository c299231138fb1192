// SPDX-License-Identifier: Apache-2.0
// A byte string as what a modem says, when, and what is asked of the carrier meanwhile.
#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/reader.hpp"
#include "sms/modem/at_modem.hpp"

namespace {

using namespace drover;
using sms::Report;

/// What modems say, so that a fuzzer gets past the start; a script chooses among them by number.
constexpr std::array<std::string_view, 30> kWords{
    "\r\nOK\r\n",
    "\r\nERROR\r\n",
    "\r\n> ",
    "\r\n+CPIN: READY\r\n\r\nOK\r\n",
    "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n",
    "\r\n+CREG: 0,1\r\n\r\nOK\r\n",
    "\r\n+CREG: 2\r\n",
    "\r\n+CMGS: 7\r\n\r\nOK\r\n",
    "\r\n+CMS ERROR: 42\r\n",
    "\r\n+CMS ERROR: 304\r\n",
    "\r\n+CMS ERROR: 314\r\n",
    "\r\n+CMT: ,33\r\n00040C919471101100100004621122219293000E4402B60B2161FB63B13101300138\r\n",
    "\r\n+CMTI: \"SM\",3\r\n",
    "\r\n+CMGR: 0,,33\r\n00040C919471101100100004621122219293000E4402B60B2161FB63B13101300138\r\n\r\nOK\r\n",
    "\r\n+CMGL: 1,0,,28\r\n07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37\r\n\r\nOK\r\n",
    "\r\n+CDS: 25\r\n0006070C91947110110010621122219293006211222103930000\r\n",
    "\r\nRDY\r\n",
    "AT\r",
    "\r\n+CPINR: SIM PIN,3,3\r\n\r\nOK\r\n",
    "\r\n+CPMS: 0,50,0,50,0,50\r\n\r\nOK\r\n",
    "\r\n+CMGR: 0,,0\r\n\r\nOK\r\n",
    "\r\n+CMT: ,33\r\n",
    "\r\n+CEREG: 0,5\r\n\r\nOK\r\n",
    "\r\nCOMMAND NOT SUPPORT\r\n",
    "\r\n+CSIM: 6,\"019000\"\r\n\r\nOK\r\n",
    "\r\n+CSIM: 4,\"9000\"\r\n",
    "\r\n+CSIM: 8,\"019000\"\r\n\r\nOK\r\n",
    "\r\n+CME ERROR: 10\r\n",
    "\r\n+CME ERROR: 3\r\n",
    "\r\n+CPIN: NOT INSERTED\r\n",
};
constexpr std::string_view kPin = "8642";

sms::modem::ModemSettings settings(std::uint8_t how) {
  sms::modem::ModemSettings settings;
  if ((how & 1U) != 0) settings.pin = Secret<std::string>(std::string(kPin));
  settings.status_reports = (how & 2U) != 0;
  settings.card_only = (how & 4U) != 0;
  return settings;
}

/// Plays the owner and checks what a carrier promises.
class Player {
 public:
  explicit Player(ByteView script) : script_(script), modem_(settings(byte())) {}

  void play() {
    while (!script_.empty()) {
      step();
      drain();
    }
    // Left alone, every submission and every command to the card ends, and the timers don't spin.
    for (int i = 0; i < 2000 && (!open_.empty() || apdu_); ++i) {
      const auto deadline = modem_.deadline();
      assert(deadline.has_value());
      now_ = std::max(now_, deadline->at);
      modem_.handle_timeout(now_);
      drain();
      if (modem_.wants_line_closed()) modem_.line_closed(now_, "hung");
      drain();
    }
    assert(open_.empty() && !apdu_);
  }

 private:
  std::uint8_t byte() { return script_.u8().value_or(0); }

  void step() {
    const std::uint8_t action = byte();
    switch (action % 8) {
      case 0:
      case 1:
      case 2: say(as_bytes(kWords[(action / 8) % kWords.size()])); break;
      case 3: say(*script_.bytes(std::min<std::size_t>(byte() % 64, script_.remaining()))); break;
      case 4: submit(); break;
      case 5: advance(std::chrono::milliseconds(byte() * 40)); break;
      case 6: advance(std::chrono::seconds(byte())); break;
      default: line(action); break;
    }
  }

  void say(ByteView bytes) {
    if (!is_open_) return;
    // The last octets may be the end of the word.
    heard_ += as_text(bytes);
    if (heard_.find("READY") != std::string::npos) ready_ = true;
    if (ready_) heard_.clear();
    modem_.line_received(now_, bytes);
  }

  void line(std::uint8_t action) {
    if (is_open_ && (modem_.wants_line_closed() || action >= 0x80)) {
      is_open_ = false;
      modem_.line_closed(now_, "closed");
    } else if (!is_open_ && modem_.wants_line()) {
      is_open_ = true;
      modem_.line_opened(now_);
    }
  }

  void advance(Duration by) {
    now_ += by;
    modem_.handle_timeout(now_);
  }

  void submit() {
    const std::uint8_t size = byte();
    if (size >= 200) return transmit(size);
    const sms::SubmissionId id{next_++};
    open_.insert(id);
    modem_.submit(now_, {id, {"491701110001", 0, 4, false, Bytes(size % 150)}, std::chrono::seconds(byte() * 4)});
  }

  void transmit(std::uint8_t size) {
    const auto access = modem_.card_access();
    const bool taken = modem_.transmit_apdu(now_, next_, Bytes(size - 198U));
    const bool possible = access.state == sms::modem::CardAccess::State::Usable && !apdu_;
    assert(taken == (possible && size - 198U >= sms::modem::kCommandApduMin));
    if (!taken) return;
    apdu_ = next_++;
    apdu_session_ = access.session;
  }

  void drain_card() {
    while (const auto answer = modem_.poll_apdu_answer()) {
      assert(apdu_ == answer->id);
      apdu_.reset();
      if (!answer->response) continue;
      assert(answer->response->size() >= sms::modem::kResponseApduMin);
      assert(answer->response->size() <= sms::modem::kResponseApduMax);
      // It may have begun anew behind the answer, in the same octets, but an answer is never of a later session.
      assert(modem_.card_access().session >= apdu_session_);
    }
  }

  void drain() {
    drain_card();
    while (const auto output = modem_.poll_line_output()) {
      // Entered again only when the SIM was ready since, so that the first one was right.
      const bool pin = as_text(*output).find(kPin) != std::string_view::npos;
      assert(!pin || ready_);
      if (pin) ready_ = false;
    }
    while (const auto message = modem_.poll_delivery()) {
      assert(!message->msisdn.empty() && message->user_data.size() <= sms::kUserDataMax);
    }
    while (const auto report = modem_.poll_report()) {
      const bool first = report->what == Report::What::Taken || report->what == Report::What::Failed;
      assert(open_.contains(report->id) == first);
      if (first) open_.erase(report->id);
    }
    assert(modem_.state().find(kPin) == std::string::npos);
    assert(!(modem_.wants_line() && modem_.wants_line_closed()));
  }

  ByteReader script_;
  sms::modem::AtModem modem_;
  Instant now_{};
  bool is_open_ = false;
  std::uint64_t next_ = 1;
  std::set<sms::SubmissionId> open_;
  std::optional<std::uint64_t> apdu_;
  std::uint64_t apdu_session_ = 0;
  bool ready_ = true;  ///< the word was said, or no PIN was entered yet
  std::string heard_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Player(ByteView(data, size)).play();
  return 0;
}
