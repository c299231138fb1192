// SPDX-License-Identifier: Apache-2.0
// What the command line says about sinks.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/drover/sinks.hpp"

namespace drover::cli {

void add_sink_commands(CLI::App& app, std::function<int(Session&)>& chosen) {
  CLI::App* const group = app.add_subcommand("sinks", "where events go (webhooks, MQTT), and whether they arrive");
  group->require_subcommand(0, 1);
  const auto name = std::make_shared<std::string>();
  CLI::App* const list = group->add_subcommand("list", "all of them; what is done without a word behind it");
  CLI::App* const show = group->add_subcommand("show", "one of them");
  CLI::App* const test = group->add_subcommand("test", "send it a test event, and say whether it has arrived");
  for (CLI::App* const command : {show, test}) command->add_option("name", *name, "as in the configuration")->required();
  list->callback([&chosen] { chosen = [](Session& s) { return list_sinks(s); }; });
  show->callback([&chosen, name] { chosen = [name](Session& s) { return show_sink(s, *name); }; });
  test->callback([&chosen, name] { chosen = [name](Session& s) { return test_sink(s, *name); }; });
  group->callback([&chosen, group] {
    if (group->get_subcommands().empty()) chosen = [](Session& s) { return list_sinks(s); };
  });
}

}  // namespace drover::cli
