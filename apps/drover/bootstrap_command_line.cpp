// SPDX-License-Identifier: Apache-2.0
// What the command line says about bootstraps.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/drover/bootstrap.hpp"

namespace drover::cli {

namespace {

using Command = std::function<int(Session&)>;

/// Adds one command below `parent`.
CLI::App* add(CLI::App& parent, Command& chosen, const char* name, const char* help, Command run) {
  CLI::App* const command = parent.add_subcommand(name, help);
  command->callback([&chosen, run = std::move(run)] { chosen = run; });
  return command;
}

constexpr const char* kFileHelp = "TOML or JSON by its ending, .toml or .json (docs/bootstrap.md); - is JSON from standard input";

void add_plans(CLI::App& bootstrap, Command& chosen, const std::shared_ptr<BootstrapArguments>& a) {
  CLI::App* const group = bootstrap.add_subcommand("plan", "what devices are given");
  group->require_subcommand(1);
  add(*group, chosen, "list", "all of them", [](Session& s) { return list_plans(s); });
  CLI::App* show = add(*group, chosen, "show", "one of them and its steps, without keys",
                       [a](Session& s) { return show_plan(s, a->plan); });
  CLI::App* put = add(*group, chosen, "put", "add one, or replace the one of its name",
                      [a](Session& s) { return put_plan(s, *a); });
  put->add_option("--name", a->plan, "when the file has none");
  CLI::App* gone = add(*group, chosen, "remove", "no longer given to anybody; sessions under way go on",
                       [a](Session& s) { return remove_plan(s, a->plan); });
  for (CLI::App* const command : {show, gone}) command->add_option("name", a->plan, "the plan's name")->required();
  CLI::App* check = add(*group, chosen, "validate", "check one without keeping it",
                        [a](Session& s) { return validate_plan(s, a->file); });
  for (CLI::App* const command : {put, check}) command->add_option("file", a->file, kFileHelp)->required();
  CLI::App* dry = add(*group, chosen, "dry-run", "the exact messages that a device would get",
                      [a](Session& s) { return dry_run_plan(s, *a); });
  dry->add_option("endpoint", a->endpoint, "the device's endpoint name")->required();
  CLI::Option* const name = dry->add_option("--plan", a->plan, "by this plan; without it the one that it would get");
  dry->add_option("--file", a->file, "by the plan in this file")->excludes(name);
  dry->add_option("--format", a->format, "that the device asks for: tlv or json");
}

}  // namespace

void add_bootstrap_commands(CLI::App& app, std::function<int(Session&)>& chosen) {
  CLI::App* const group = app.add_subcommand("bootstrap", "the bootstrap server: plans and sessions");
  group->require_subcommand(1);
  const auto a = std::make_shared<BootstrapArguments>();
  add_plans(*group, chosen, a);
  CLI::App* sessions = add(*group, chosen, "sessions", "bootstraps under way and ended, newest first",
                           [a](Session& s) { return bootstrap_sessions(s, *a); });
  sessions->add_option("id", a->id, "one of them, with each message and answer");
  sessions->add_option("--endpoint", a->endpoint, "only of this device");
  sessions->add_option("--limit", a->limit, "at most so many")->check(CLI::PositiveNumber)->capture_default_str();
  sessions->add_flag("--follow", a->follow, "go on with what happens: all until Ctrl-C, one until it ends");
  CLI::App* start = add(*group, chosen, "start", "ask a registered device to bootstrap, or call one",
                        [a](Session& s) { return start_bootstrap(s, *a); });
  start->add_option("endpoint", a->endpoint, "the device's endpoint name")->required();
  CLI::Option* const uri = start->add_option("--uri", a->uri, "where the device listens: coaps://HOST:PORT; the server begins");
  start->add_option("--server-instance", a->server_instance, "of object 1, whose trigger is executed; for devices with several")
      ->excludes(uri)
      ->type_name("N");
  CLI::App* end = add(*group, chosen, "end", "end a bootstrap as failed", [a](Session& s) { return end_bootstrap(s, *a->id); });
  end->add_option("id", a->id, "of the session")->required();
}

}  // namespace drover::cli
