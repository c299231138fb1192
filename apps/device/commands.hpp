// SPDX-License-Identifier: Apache-2.0
// The commands of the prompt, of a pipe and of the control socket: a line in, lines out.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/device/device.hpp"
#include "base/result.hpp"
#include "client/client.hpp"

namespace drover::device {

/// One line of people's or a script's dialogue. The reply is any number of lines, then "ok" or "error: REASON".
class Commands {
 public:
  /// The longest line that is taken; the longest value a command line reasonably sets.
  static constexpr std::size_t kLineMax = 4096;

  /// `quit` ends the program; called from run().
  Commands(Device& device, std::function<void()> quit) : device_(device), quit_(std::move(quit)) {}

  /// What a dialogue has set for itself.
  struct Session {
    bool events = false;
    bool closed = false;  ///< quit was said
  };
  /// Output lines, or the error. On the loop's thread.
  Result<std::vector<std::string>> run(std::string_view line, Session& session);

 private:
  using Lines = std::vector<std::string>;
  using Words = std::vector<std::string_view>;
  struct Command {
    std::string_view name;
    std::string_view usage;
    std::string_view help;
    std::size_t words_min;
    std::size_t words_max;
    Result<Lines> (Commands::*run)(const Words&, Session&);
  };
  static const Command kCommands[];

  Result<Lines> help(const Words&, Session&);
  Result<Lines> set(const Words&, Session&);
  Result<Lines> unset(const Words&, Session&);
  Result<Lines> get(const Words&, Session&);
  Result<Lines> add(const Words&, Session&);
  Result<Lines> remove(const Words&, Session&);
  Result<Lines> show(const Words&, Session&);
  Result<Lines> status(const Words&, Session&);
  Result<Lines> update(const Words&, Session&);
  Result<Lines> go_offline(const Words&, Session&);
  Result<Lines> wake(const Words&, Session&);
  Result<Lines> start(const Words&, Session&);
  Result<Lines> deregister(const Words&, Session&);
  Result<Lines> bootstrap(const Words&, Session&);
  Result<Lines> card(const Words&, Session&);
  Result<Lines> rebind(const Words&, Session&);
  Result<Lines> attributes(const Words&, Session&);
  Result<Lines> observations(const Words&, Session&);
  Result<Lines> events(const Words&, Session&);
  Result<Lines> quit(const Words&, Session&);

  Device& device_;
  std::function<void()> quit_;
};

/// One line for an event: "registered server=1", "write server=1 path=/3/0/14 result=Changed".
std::string describe(const client::ClientEvent& event);
/// "dropped address=192.0.2.1:5683 why=\"...\"".
std::string describe(const coap::Drop& drop);

}  // namespace drover::device
