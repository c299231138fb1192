// SPDX-License-Identifier: Apache-2.0
// What the command line says about backups and object definitions.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/drover/upkeep.hpp"

namespace drover::cli {

void add_upkeep_commands(CLI::App& app, std::function<int(Session&)>& chosen) {
  const auto folder = std::make_shared<std::string>();
  const auto keep = std::make_shared<bool>(false);
  CLI::App* const backup = app.add_subcommand(
      "backup", "copy all that the server keeps into a new folder, while it runs; droverd --restore DIR puts it back");
  backup->add_option("folder", *folder, "is made")->required();
  backup->add_flag("--keep", *keep, "leave the server's own copy, which is beside its store, in place");
  backup->callback([&chosen, folder, keep] {
    chosen = [folder, keep](Session& s) { return make_backup(s, *folder, *keep); };
  });

  const auto files = std::make_shared<std::vector<std::string>>();
  CLI::App* const define = app.add_subcommand("define", "give the server object definitions, which it keeps");
  define->add_option("files", *files, "definition files (DDF)")->required()->check(CLI::ExistingFile);
  define->callback([&chosen, files] { chosen = [files](Session& s) { return add_definitions(s, *files); }; });

  const auto object = std::make_shared<std::uint16_t>(0);
  const auto version = std::make_shared<std::string>();
  CLI::App* const undefine = app.add_subcommand("undefine", "take back an object definition that was given to the server");
  undefine->add_option("id", *object, "of the object")->required();
  undefine->add_option("--object-version", *version, "1.0 without it");
  undefine->callback([&chosen, object, version] {
    chosen = [object, version](Session& s) { return remove_definition(s, *object, *version); };
  });
}

}  // namespace drover::cli
