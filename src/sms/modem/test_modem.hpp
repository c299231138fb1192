// SPDX-License-Identifier: Apache-2.0
// A modem of a few lines on the other side of the line, in virtual time; its faults are switches.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sms/modem/at_modem.hpp"

namespace drover::sms::modem {

class TestModem {
 public:
  // What it is like.
  bool echo = true;
  bool silent = false;              ///< hears, and says nothing
  std::string sim = "READY";        ///< of +CPIN?
  std::string pin = "1234";         ///< that it takes
  std::string tries = "3,3";        ///< of +CPINR; "": it doesn't know the command
  std::string registration = "0,1";
  std::string packet_registration = "0,0";
  std::map<std::string, std::string> answers;  ///< to a command, in place of its own; "": nothing at all
  std::vector<std::string> storages{"SM", "ME"};
  /// By storage and index: status, length, PDU.
  std::map<std::string, std::map<unsigned, std::string>> stored;
  std::vector<std::string> send_results;  ///< in place of OK, one after the other; "-": nothing
  std::string before_prompt;              ///< said between AT+CMGS and the prompt
  std::map<std::string, std::string> card;  ///< response APDUs to command APDUs, in capital hexadecimal

  // What it saw.
  std::vector<std::string> commands;
  std::vector<std::string> sent;  ///< PDUs
  unsigned acknowledged = 0;
  unsigned escapes = 0;

  std::string take_output() { return std::exchange(output_, {}); }
  void say(std::string_view text) { output_ += "\r\n" + std::string(text) + "\r\n"; }
  void say_raw(std::string_view text) { output_ += text; }
  void reset() {
    echo = true;
    prompting_ = false;
    line_.clear();
    acknowledges_ = false;
    storage_ = "SM";
  }
  [[nodiscard]] unsigned count(std::string_view command) const {
    return static_cast<unsigned>(std::count(commands.begin(), commands.end(), command));
  }

  void feed(ByteView bytes) {
    for (const std::uint8_t octet : bytes) take(static_cast<char>(octet));
  }

 private:
  void take(char c) {
    if (echo && !silent) output_.push_back(c);
    if (c == '\x1B') {
      ++escapes;
      line_.clear();
      if (std::exchange(prompting_, false)) say("OK");
    } else if (prompting_ && c == '\x1A') {
      prompting_ = false;
      finish_sending(std::exchange(line_, {}));
    } else if (!prompting_ && c == '\r') {
      const std::string command = std::exchange(line_, {});
      if (!command.empty()) handle(command);
    } else {
      line_.push_back(c);
    }
  }

  void finish_sending(const std::string& pdu) {
    std::string result = "OK";
    if (!send_results.empty()) {
      result = send_results.front();
      send_results.erase(send_results.begin());
    }
    if (silent || result == "-") return;
    if (result == "OK") {
      sent.push_back(pdu);
      say("+CMGS: " + std::to_string(sent.size()));
    }
    say(result);
  }

  void handle(const std::string& command) {
    commands.push_back(command);
    if (silent) return;
    const auto is = [&](std::string_view prefix) { return command.starts_with(prefix); };
    if (const auto own = answers.find(command); own != answers.end()) {
      if (!own->second.empty()) say(own->second);
      return;
    }
    if (is("ATE")) {
      echo = command == "ATE1";
    } else if (command == "AT+CPIN?") {
      if (sim.starts_with("+CME")) return say(sim);
      say("+CPIN: " + sim);
    } else if (is("AT+CPINR")) {
      if (tries.empty()) return say("ERROR");
      say("+CPINR: SIM PIN," + tries);
    } else if (is("AT+CPIN=")) {
      if (command != "AT+CPIN=\"" + pin + "\"") return say("+CME ERROR: 16");
      sim = "READY";
    } else if (is("AT+CSMS=")) {
      acknowledges_ = command == "AT+CSMS=1";
      say("+CSMS: 1,1,1");
    } else if (is("AT+CREG?")) {
      say("+CREG: " + registration);
    } else if (is("AT+CEREG?")) {
      say("+CEREG: " + packet_registration);
    } else if (is("AT+CNMA")) {
      if (!acknowledges_) return say("+CMS ERROR: 340");
      if (command == "AT+CNMA") ++acknowledged;
    } else if (is("AT+CSIM=")) {
      if (!answer_apdu(command)) return say("+CME ERROR: 3");
    } else if (is("AT+CMGS=")) {
      prompting_ = true;
      return say_raw(before_prompt + "\r\n> ");
    } else if (is("AT+C") && !handle_storage(command)) {
      return say("+CME ERROR: 4");
    }
    say("OK");
  }

  /// False when the card doesn't have that command.
  bool answer_apdu(const std::string& command) {
    const std::size_t quote = command.find('"');
    const auto found = card.find(command.substr(quote + 1, command.size() - quote - 2));
    if (found == card.end()) return false;
    say("+CSIM: " + std::to_string(found->second.size()) + ",\"" + found->second + "\"");
    return true;
  }

  /// False when it has said the result itself.
  bool handle_storage(const std::string& command) {
    const auto is = [&](std::string_view prefix) { return command.starts_with(prefix); };
    auto& here = stored[storage_];
    if (is("AT+CPMS=\"")) {
      const std::string name = command.substr(9, 2);
      if (std::find(storages.begin(), storages.end(), name) == storages.end()) return false;
      storage_ = name;
      say("+CPMS: 0,50,0,50,0,50");
    } else if (is("AT+CMGL=4")) {
      for (const auto& [index, message] : here) say_stored("+CMGL: " + std::to_string(index) + ",", message);
    } else if (is("AT+CMGR=")) {
      const auto found = here.find(static_cast<unsigned>(std::stoul(command.substr(8))));
      if (found == here.end()) {
        say("+CMGR: 0,,0\r\n");
      } else {
        say_stored("+CMGR: ", found->second);
      }
    } else if (is("AT+CMGD=")) {
      here.erase(static_cast<unsigned>(std::stoul(command.substr(8))));
    } else {
      return is("AT+CMEE") || is("AT+CMGF") || is("AT+CNMI") || is("AT+CREG=");
    }
    return true;
  }

  /// "0,,33 PDU".
  void say_stored(const std::string& head, const std::string& message) {
    const std::size_t space = message.find(' ');
    say(head + message.substr(0, space) + "\r\n" + message.substr(space + 1));
  }

  std::string output_, line_;
  bool prompting_ = false;
  bool acknowledges_ = false;
  std::string storage_ = "SM";
};

/// A carrier and a modem with a line between them.
class Scene {
 public:
  explicit Scene(ModemSettings settings = {}) : carrier(std::move(settings)) {}

  void open() {
    carrier.line_opened(now);
    pump();
  }
  /// Lets both talk until nobody has a word to say.
  void pump() {
    for (int round = 0; round < 10'000; ++round) {
      bool quiet = true;
      while (auto bytes = carrier.poll_line_output()) {
        quiet = false;
        if (!drops) modem.feed(*bytes);
      }
      const std::string said = modem.take_output();
      if (!said.empty() && !drops) {
        quiet = false;
        receive(said);
      }
      while (auto message = carrier.poll_delivery()) delivered.push_back(std::move(*message));
      while (auto report = carrier.poll_report()) reports.push_back(std::move(*report));
      while (auto answer = carrier.poll_apdu_answer()) apdus.push_back(std::move(*answer));
      if (quiet) return;
    }
    FAIL() << "they never stop talking";
  }
  /// Steps through the carrier's deadlines.
  void run(Duration for_so_long) {
    const Instant end = now + for_so_long;
    for (int round = 0; round < 100'000; ++round) {
      const auto deadline = carrier.deadline();
      if (!deadline || deadline->at > end) {
        now = end;
        return;
      }
      now = std::max(now, deadline->at);
      carrier.handle_timeout(now);
      pump();
    }
    FAIL() << "a deadline that doesn't move";
  }
  void start() {
    open();
    run(std::chrono::seconds(1));
  }
  void submit(std::uint64_t id, Duration validity = std::chrono::minutes(5)) {
    carrier.submit(now, {{id}, {"491701110001", 0, 4, false, {1, 2, 3}}, validity});
    pump();
  }
  void say(std::string_view text) {
    modem.say(text);
    pump();
  }
  /// The answer, when there is one at once.
  std::optional<tl::expected<Bytes, ApduError>> transmit(std::string_view apdu) {
    apdus.clear();
    EXPECT_TRUE(carrier.transmit_apdu(now, ++last_apdu_, *from_hex(apdu)));
    pump();
    if (apdus.empty()) return std::nullopt;
    EXPECT_EQ(apdus.size(), 1u);
    EXPECT_EQ(apdus[0].id, last_apdu_);
    return apdus[0].response;
  }

  AtModem carrier;
  TestModem modem;
  Instant now{};
  bool drops = false;           ///< nothing gets through
  std::size_t chunk = 1 << 20;  ///< octets that arrive at once
  std::vector<ShortMessage> delivered;
  std::vector<Report> reports;
  std::vector<ApduAnswer> apdus;

 private:
  void receive(std::string_view said) {
    for (std::size_t at = 0; at < said.size(); at += chunk) {
      carrier.line_received(now, as_bytes(said.substr(at, chunk)));
    }
  }

  std::uint64_t last_apdu_ = 0;
};

}  // namespace drover::sms::modem
