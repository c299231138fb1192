// SPDX-License-Identifier: Apache-2.0
// The device maker's commands that check and install an image.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "firmware/child_process.hpp"

namespace drover::firmware {

/// A shell command while it runs. Its output may have lines "name=..." and "version=...", which are about the image;
/// the rest is kept, as far as it is the end, for the log.
class Hook {
 public:
  static constexpr std::size_t kTailMax = 2048;  ///< bytes of output that are kept

  struct Order {
    std::string command;
    std::vector<std::string> environment;  ///< "NAME=value"
    std::string folder;                    ///< its working directory; "" for ours
    Duration timeout{};
    /// The command goes on when this program ends, as it may be what ends it: its output goes to `log_file`, since a
    /// pipe would break, and its exit code to `exit_file`, even then. "" for none; the files are replaced.
    bool outlives_us = false;
    std::string log_file;
    std::string exit_file;
  };
  struct Report {
    Exit exit;
    std::string name;
    std::string version;
    std::string tail;
  };

  /// `on_done` is called once and may destroy the Hook.
  static Result<std::unique_ptr<Hook>> start(io::EventLoop& loop, const Order& order,
                                             std::function<void(const Report&)> on_done);

 private:
  explicit Hook(std::function<void(const Report&)> on_done) : on_done_(std::move(on_done)) {}
  void take_line(std::string_view line);
  void read_log();

  std::string log_file_;
  std::function<void(const Report&)> on_done_;
  Report report_;
  std::unique_ptr<ChildProcess> child_;
};

}  // namespace drover::firmware
