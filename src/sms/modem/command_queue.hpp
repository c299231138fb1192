// SPDX-License-Identifier: Apache-2.0
// AT commands one after the other, and what comes back: answers, and lines that nobody asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "sms/modem/line_reader.hpp"
#include "sms/modem/result_code.hpp"

namespace drover::sms::modem {

struct Command {
  std::uint64_t tag = 0;     ///< comes back with its answer
  std::string text;          ///< "AT+CREG?"
  std::string prefix = {};   ///< lines that begin so are its answer: "+CREG:"; "": it has none
  std::string payload = {};  ///< goes out behind the prompt, closed by Ctrl-Z; "": there is no prompt
  Duration timeout{};        ///< for the final result code, or for the prompt
  Duration payload_timeout = {};  ///< for the final result code behind the payload
};

struct Line {
  std::string text;  ///< "+CMGR: 0,,33"
  std::string data;  ///< the line with the PDU behind those that announce one
};

struct Answer {
  std::uint64_t tag = 0;
  std::optional<ModemError> error = {};
  std::vector<Line> lines = {};
  bool echoed = false;  ///< the modem sent the command back
};

/// An answer, or a line that is none (an unsolicited result code, 3GPP TS 27.007 §2).
using Arrival = std::variant<Answer, Line>;

/// Sans-IO, by the one contract. A command ends with its final result code or its timeout; after a timeout a prompt is
/// cancelled, and nothing is sent for kQuiet, so that a late answer isn't taken for another command's.
class CommandQueue {
 public:
  static constexpr std::size_t kCommandsMax = 16;
  static constexpr std::size_t kAnswerLinesMax = 512;  ///< of one command: more than a SIM stores
  static constexpr Duration kQuiet = std::chrono::seconds(2);

  /// False when kCommandsMax wait.
  bool push(Instant now, Command command);
  /// Forgets the commands: they get no answer.
  void cancel();
  /// For a new line: forgets everything.
  void reset();
  /// Sends ESC, which cancels a prompt that is open.
  void escape();
  void receive(Instant now, ByteView bytes);
  void handle_timeout(Instant now);

  std::optional<Bytes> poll_output();
  std::optional<Arrival> poll_arrival();
  [[nodiscard]] std::optional<Instant> deadline() const;

  [[nodiscard]] bool is_idle() const { return !running_ && commands_.empty(); }
  /// Lines that couldn't be read: too long, not ASCII, more of them than an answer may have.
  [[nodiscard]] std::uint64_t malformed() const { return malformed_ + reader_.dropped(); }

 private:
  enum class Stage : std::uint8_t { Result, Prompt, Payload };
  struct Running {
    Command command;
    Stage stage = Stage::Result;
    Instant until;
    Answer answer;
  };

  void start(Instant now);
  void finish(Instant now, std::optional<ModemError> error);
  void handle_prompt(Instant now);
  void handle_line(Instant now, std::string line);
  void handle_whole(Line line);

  LineReader reader_;
  std::deque<Command> commands_;
  std::optional<Running> running_;
  std::optional<Line> announced_;  ///< waits for the line with its PDU
  std::deque<Arrival> arrivals_;
  std::string output_;
  Instant quiet_until_ = Instant::min();
  std::uint64_t malformed_ = 0;
};

}  // namespace drover::sms::modem
