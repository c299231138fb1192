// SPDX-License-Identifier: Apache-2.0
#include "audit.hpp"

#include <unistd.h>

#include <span>
#include <utility>

#include "fleet_journal.hpp"
#include "io/clock.hpp"
#include "journal/journal.hpp"

namespace drover::droverd {

audit::Record record_of_program(const std::string& action, const std::string& target) {
  audit::Record record;
  record.at = io::unix_now();
  record.who = "droverd (uid " + std::to_string(::getuid()) + ")";
  record.action = action;
  record.target = target;
  return record;
}

struct AuditOfCommand::Parts {
  std::unique_ptr<journal::Journal> journal;
};

AuditOfCommand::AuditOfCommand(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
AuditOfCommand::~AuditOfCommand() = default;
AuditOfCommand::AuditOfCommand(AuditOfCommand&&) noexcept = default;

Result<AuditOfCommand> AuditOfCommand::open(const Config& config) {
  auto journal = journal::Journal::open(fleet_file(config.store), journal_limits(config), journal::Journal::Visit::Other);
  if (!journal) return tl::unexpected(journal.error());
  auto parts = std::make_unique<Parts>();
  parts->journal = std::move(*journal);
  return AuditOfCommand(std::move(parts));
}

Result<void> AuditOfCommand::note(const std::string& action, const std::string& target) {
  const audit::Record record = record_of_program(action, target);
  return parts_->journal->commit({}, {}, std::span(&record, 1));
}

}  // namespace drover::droverd
