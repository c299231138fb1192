// SPDX-License-Identifier: Apache-2.0
// drover bootstrap: plans and sessions of the Bootstrap-Server.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "apps/drover/commands.hpp"

namespace CLI {
class App;
}

namespace drover::cli {

struct BootstrapArguments {
  std::string plan;      ///< its name
  std::string file;      ///< see read_plan_file()
  std::string endpoint;
  std::string format;    ///< of a dry run: "tlv" or "json"
  std::string uri;       ///< "": the registered device is asked
  std::optional<std::uint16_t> server_instance;
  std::optional<std::uint64_t> id;
  std::size_t limit = 100;
  bool follow = false;
};

int list_plans(Session& session);
int show_plan(Session& session, const std::string& name);
int put_plan(Session& session, const BootstrapArguments& arguments);
int remove_plan(Session& session, const std::string& name);
int validate_plan(Session& session, const std::string& file);
/// Of a plan by name, of a file, or of the plan that the endpoint would get.
int dry_run_plan(Session& session, const BootstrapArguments& arguments);
/// All sessions, or the one with `id` and its messages; with `follow` goes on with what comes.
int bootstrap_sessions(Session& session, const BootstrapArguments& arguments);
int start_bootstrap(Session& session, const BootstrapArguments& arguments);
int end_bootstrap(Session& session, std::uint64_t id);

/// Adds the command `bootstrap`; the one below it that is given is in `chosen` after parsing.
void add_bootstrap_commands(CLI::App& app, std::function<int(Session&)>& chosen);

}  // namespace drover::cli
