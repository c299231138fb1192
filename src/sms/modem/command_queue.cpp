// SPDX-License-Identifier: Apache-2.0
#include "sms/modem/command_queue.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/take_front.hpp"

namespace drover::sms::modem {

namespace {

constexpr char kEscape = '\x1B';
constexpr char kCtrlZ = '\x1A';

/// Lines with a PDU in the line behind (3GPP TS 27.005 §3.4.1, §4.1, §4.2).
constexpr std::array<std::string_view, 5> kAnnouncing{"+CMT:", "+CDS:", "+CBM:", "+CMGR:", "+CMGL:"};

bool announces(std::string_view line) {
  return std::any_of(kAnnouncing.begin(), kAnnouncing.end(), [&](auto prefix) { return line.starts_with(prefix); });
}

bool is_hex(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
  });
}

}  // namespace

bool CommandQueue::push(Instant now, Command command) {
  if (commands_.size() == kCommandsMax) return false;
  commands_.push_back(std::move(command));
  start(now);
  return true;
}

void CommandQueue::cancel() {
  commands_.clear();
  running_.reset();
  std::erase_if(arrivals_, [](const Arrival& arrival) { return std::holds_alternative<Answer>(arrival); });
}

void CommandQueue::reset() {
  cancel();
  reader_.restart();
  announced_.reset();
  arrivals_.clear();
  output_.clear();
  quiet_until_ = Instant::min();
}

void CommandQueue::escape() {
  output_.push_back(kEscape);
}

void CommandQueue::start(Instant now) {
  if (running_ || commands_.empty() || now < quiet_until_) return;
  Running next;
  next.command = std::move(commands_.front());
  commands_.pop_front();
  next.stage = next.command.payload.empty() ? Stage::Result : Stage::Prompt;
  next.until = now + next.command.timeout;
  next.answer.tag = next.command.tag;
  output_ += next.command.text + "\r";
  running_ = std::move(next);
}

void CommandQueue::finish(Instant now, std::optional<ModemError> error) {
  running_->answer.error = error;
  arrivals_.emplace_back(std::move(running_->answer));
  running_.reset();
  start(now);
}

void CommandQueue::receive(Instant now, ByteView bytes) {
  for (const std::uint8_t octet : bytes) {
    switch (reader_.take(octet, running_ && running_->stage == Stage::Prompt)) {
      case LineReader::Found::Nothing: break;
      case LineReader::Found::Line: handle_line(now, reader_.line()); break;
      case LineReader::Found::Prompt: handle_prompt(now); break;
    }
  }
}

void CommandQueue::handle_prompt(Instant now) {
  running_->stage = Stage::Payload;
  running_->until = now + running_->command.payload_timeout;
  output_ += running_->command.payload + kCtrlZ;
}

void CommandQueue::handle_line(Instant now, std::string line) {
  if (line.empty()) return;
  if (announced_) {
    Line whole = *std::exchange(announced_, std::nullopt);
    if (is_hex(line)) {
      whole.data = std::move(line);
      return handle_whole(std::move(whole));
    }
    // Of an empty place ("+CMGR: 0,,0") there is nothing; what it means else is for its reader to judge.
    handle_whole(std::move(whole));
  }
  if (running_ && line == running_->command.text) {
    running_->answer.echoed = true;
    return;
  }
  if (announces(line)) {
    announced_ = Line{std::move(line), {}};
    return;
  }
  const auto result = parse_final(line);
  if (!result) return handle_whole({std::move(line), {}});
  if (!running_) return;
  // An OK can't answer a command that waits for its prompt: it is a late one, of an ESC.
  if (running_->stage == Stage::Prompt && !result->error) return;
  finish(now, result->error);
}

void CommandQueue::handle_whole(Line line) {
  const bool asked = running_ && !running_->command.prefix.empty() && line.text.starts_with(running_->command.prefix);
  if (!asked) {
    arrivals_.emplace_back(std::move(line));
  } else if (running_->answer.lines.size() < kAnswerLinesMax) {
    running_->answer.lines.push_back(std::move(line));
  } else {
    ++malformed_;
  }
}

void CommandQueue::handle_timeout(Instant now) {
  if (running_ && now >= running_->until) {
    if (running_->stage != Stage::Result) escape();
    quiet_until_ = now + kQuiet;
    finish(now, ModemError{ModemError::Kind::Silence, -1});
  }
  start(now);
}

std::optional<Bytes> CommandQueue::poll_output() {
  if (output_.empty()) return std::nullopt;
  return to_bytes(std::exchange(output_, {}));
}

std::optional<Arrival> CommandQueue::poll_arrival() {
  return take_front(arrivals_);
}

std::optional<Instant> CommandQueue::deadline() const {
  if (running_) return running_->until;
  if (!commands_.empty()) return quiet_until_;
  return std::nullopt;
}

}  // namespace drover::sms::modem
