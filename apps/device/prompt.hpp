// SPDX-License-Identifier: Apache-2.0
// Standard input as a dialogue: a prompt at a terminal, plain replies for a pipe or a file.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "apps/device/commands.hpp"
#include "io/event_loop.hpp"

namespace drover::device {

class Prompt {
 public:
  /// `on_eof` is called on the loop's thread at the end of the input. loop and commands outlive the prompt.
  Prompt(io::EventLoop& loop, Commands& commands, bool events, std::function<void()> on_eof);
  ~Prompt();
  Prompt(const Prompt&) = delete;
  Prompt& operator=(const Prompt&) = delete;

  /// Prints an event line when this dialogue wants events.
  void event(const std::string& line) const;

 private:
  struct Mailbox;
  /// False when nobody listens any more.
  static bool hand_over(Mailbox& mailbox, std::string line, bool eof);
  void take(const std::string& line);
  void show_prompt() const;

  io::EventLoop& loop_;
  Commands& commands_;
  Commands::Session session_;
  bool terminal_;
  std::function<void()> on_eof_;
  std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace drover::device
