// SPDX-License-Identifier: Apache-2.0
// What the command line says about stored values.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/drover/history.hpp"
#include "lwm2m/data/path.hpp"

namespace drover::cli {

namespace {

using Command = std::function<int(Session&)>;

CLI::App* add(CLI::App& parent, Command& chosen, const char* name, const char* help, Command run) {
  CLI::App* const command = parent.add_subcommand(name, help);
  command->callback([&chosen, run = std::move(run)] { chosen = run; });
  return command;
}

void add_path(CLI::App* command, const std::shared_ptr<HistoryArguments>& a) {
  const CLI::Validator is_path{[](std::string& text) {
                                 return lwm2m::Path::parse(text) ? std::string()
                                                                 : "\"" + text + "\" is no path such as /3303/0/5700";
                               },
                               "PATH"};
  command->add_option("path", a->path, "what lies at or below it, such as /3303/0; all without it")->check(is_path);
}

}  // namespace

void add_history_commands(CLI::App& app, std::function<int(Session&)>& chosen) {
  const auto a = std::make_shared<HistoryArguments>();
  CLI::App* const last = add(app, chosen, "values", "the last values that the server knows, without asking the device",
                             [a](Session& s) { return values(s, *a); });
  last->add_option("endpoint", a->endpoint, "the device's endpoint name")->required();
  add_path(last, a);
  last->add_option("--limit", a->limit, "at most so many [1000]")->check(CLI::PositiveNumber);

  CLI::App* const all = add(app, chosen, "history", "values that were stored, with their times",
                            [a](Session& s) { return history(s, *a); });
  all->add_option("endpoint", a->endpoint, "the device's endpoint name, or a pattern such as \"pump-*\" for several")
      ->required();
  add_path(all, a);
  all->add_option("--from", a->from, "from then on: 2h (ago), Unix seconds, or 2026-01-31T12:00:00Z");
  all->add_option("--to", a->to, "before then");
  all->add_option("--every", a->every,
                  "instead of values, what those of each such span have in common: 90s, 5m, 1d, or seconds");
  all->add_flag("--oldest-first", a->oldest, "of each resource; else the newest stand first");
  CLI::Option* const csv = all->add_flag("--csv", a->csv, "a table for other programs (RFC 4180): all of it unless --limit");
  all->add_flag("--jsonl", a->jsonl, "the same with a line of JSON a value")->excludes(csv);
  all->add_option("--limit", a->limit, "at most so many [100]")->check(CLI::PositiveNumber);

  CLI::App* const gone = add(app, chosen, "forget-values", "remove what is stored of a device, with its history",
                             [a](Session& s) { return forget_values(s, a->endpoint); });
  gone->add_option("endpoint", a->endpoint, "the device's endpoint name")->required();
}

}  // namespace drover::cli
