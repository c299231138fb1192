// SPDX-License-Identifier: Apache-2.0
#include "apps/device/prompt.hpp"

#include <unistd.h>

#include <condition_variable>
#include <iostream>
#include <mutex>
#include <thread>

namespace drover::device {

/// Between the reading thread, which may be stuck in read(2) for ever, and the prompt, which doesn't wait for it.
struct Prompt::Mailbox {
  std::mutex mutex;
  std::condition_variable done;
  Prompt* owner;      ///< nullptr once it's gone
  bool busy = false;  ///< a line is on its way to the loop: the next one waits, so nothing piles up
};

Prompt::Prompt(io::EventLoop& loop, Commands& commands, bool events, std::function<void()> on_eof)
    : loop_(loop),
      commands_(commands),
      session_{events, false},
      terminal_(::isatty(STDIN_FILENO) == 1),
      on_eof_(std::move(on_eof)),
      mailbox_(std::make_shared<Mailbox>()) {
  mailbox_->owner = this;
  show_prompt();
  // A thread and not the loop: standard input may be a file, which epoll refuses.
  std::thread([mailbox = mailbox_] {
    std::string line;
    while (std::getline(std::cin, line)) {
      if (!hand_over(*mailbox, std::move(line), false)) return;
    }
    hand_over(*mailbox, {}, true);
  }).detach();
}

Prompt::~Prompt() {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->owner = nullptr;
  mailbox_->done.notify_all();
}

bool Prompt::hand_over(Mailbox& mailbox, std::string line, bool eof) {
  std::unique_lock lock(mailbox.mutex);
  if (mailbox.owner == nullptr) return false;
  mailbox.busy = true;
  mailbox.owner->loop_.post([&mailbox, owner = mailbox.owner, eof, text = std::move(line)] {
    if (eof) {
      owner->on_eof_();
    } else {
      owner->take(text);
    }
    const std::lock_guard inner(mailbox.mutex);
    mailbox.busy = false;
    mailbox.done.notify_all();
  });
  mailbox.done.wait(lock, [&] { return !mailbox.busy || mailbox.owner == nullptr; });
  return mailbox.owner != nullptr;
}

void Prompt::take(const std::string& line) {
  const auto result = commands_.run(line, session_);
  if (result) {
    for (const std::string& output : *result) std::cout << output << '\n';
    if (!terminal_) std::cout << "ok\n";
  } else {
    std::cout << "error: " << result.error().reason << '\n';
  }
  std::cout.flush();
  if (!session_.closed) show_prompt();
}

void Prompt::show_prompt() const {
  if (terminal_) std::cout << "drover> " << std::flush;
}

void Prompt::event(const std::string& line) const {
  if (!session_.events) return;
  std::cout << (terminal_ ? "\r" : "") << "event: " << line << std::endl;
  show_prompt();
}

}  // namespace drover::device
