// SPDX-License-Identifier: Apache-2.0
// What the command line says about the audit log.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/drover/audit.hpp"

namespace drover::cli {

void add_audit_commands(CLI::App& app, std::function<int(Session&)>& chosen) {
  const auto a = std::make_shared<AuditArguments>();
  CLI::App* const command = app.add_subcommand("audit", "who changed what, and who tried to; the newest first");
  command->callback([&chosen, a] { chosen = [a](Session& s) { return audit(s, *a); }; });
  command->add_option("--who", a->who, "part of who it was, such as a token's name");
  command->add_option("--path", a->path, "what the request's path begins with, such as /api/v1/credentials");
  command->add_option("--from", a->from, "from then on: 2h (ago), Unix seconds, or 2026-01-31T12:00:00Z");
  command->add_option("--to", a->to, "before then");
  command->add_flag("--oldest-first", a->oldest, "else the newest stand first");
  command->add_option("--limit", a->limit, "at most so many [100]")->check(CLI::PositiveNumber);
}

}  // namespace drover::cli
