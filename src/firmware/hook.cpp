// SPDX-License-Identifier: Apache-2.0
#include "firmware/hook.hpp"

#include <algorithm>
#include <fstream>

namespace drover::firmware {

namespace {

constexpr const char* kShell = "/bin/sh";
/// Runs $1 with its output in the file $2, and leaves its exit code in the file $3, whole or not at all.
constexpr const char* kRecording =
    "/bin/sh -c \"$1\" >\"$2\" 2>&1; code=$?; "
    "if [ -n \"$3\" ]; then printf '%s\\n' \"$code\" >\"$3.new\" && mv \"$3.new\" \"$3\"; fi; exit \"$code\"";
/// As much of a log as is looked at.
constexpr std::streamoff kLogReadMax = 64 << 10;

}  // namespace

Result<std::unique_ptr<Hook>> Hook::start(io::EventLoop& loop, const Order& order,
                                          std::function<void(const Report&)> on_done) {
  std::unique_ptr<Hook> hook(new Hook(std::move(on_done)));
  ChildProcess::Command command;
  if (order.log_file.empty()) {
    command.arguments = {kShell, "-c", order.command};
  } else {
    command.arguments = {kShell, "-c", kRecording, "sh", order.command, order.log_file, order.exit_file};
  }
  hook->log_file_ = order.log_file;
  command.environment = order.environment;
  command.folder = order.folder;
  command.timeout = order.timeout;
  command.outlives_us = order.outlives_us;
  auto child = ChildProcess::start(loop, std::move(command),
                                   {[raw = hook.get()](std::string_view line) { raw->take_line(line); },
                                    [raw = hook.get()](const Exit& exit) {
                                      raw->report_.exit = exit;
                                      raw->read_log();
                                      const auto done = std::move(raw->on_done_);
                                      const Report report = std::move(raw->report_);
                                      done(report);
                                    }});
  if (!child) return tl::unexpected(child.error());
  hook->child_ = std::move(*child);
  return hook;
}

void Hook::read_log() {
  if (log_file_.empty()) return;
  std::ifstream log(log_file_, std::ios::binary | std::ios::ate);
  if (!log) return;
  log.seekg(std::max<std::streamoff>(0, log.tellg() - kLogReadMax));
  std::string line;
  while (std::getline(log, line)) take_line(line);
}

void Hook::take_line(std::string_view line) {
  if (line.starts_with("name=")) report_.name = std::string(line.substr(5));
  if (line.starts_with("version=")) report_.version = std::string(line.substr(8));
  std::string& tail = report_.tail;
  if (!tail.empty()) tail += '\n';
  tail += line;
  if (tail.size() > kTailMax) tail.erase(0, tail.size() - kTailMax);
}

}  // namespace drover::firmware
