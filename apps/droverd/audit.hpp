// SPDX-License-Identifier: Apache-2.0
// What the program does itself, for the audit log.
#pragma once

#include <memory>
#include <string>

#include "audit/trail.hpp"
#include "base/result.hpp"
#include "config.hpp"

namespace drover::droverd {

/// `action` is "start", "stop", "reload", "add-token" or "rekey"; `target` what it is about.
audit::Record record_of_program(const std::string& action, const std::string& target);

/// For a start that does one thing to the store and ends: the fleet's file, open before anything is done, so that
/// nothing is done that can't be noted. Fault::Environment when it can't be.
class AuditOfCommand {
 public:
  static Result<AuditOfCommand> open(const Config& config);
  ~AuditOfCommand();
  AuditOfCommand(AuditOfCommand&&) noexcept;
  AuditOfCommand& operator=(AuditOfCommand&&) = delete;

  /// On disk when it succeeds.
  Result<void> note(const std::string& action, const std::string& target);

 private:
  struct Parts;
  explicit AuditOfCommand(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace drover::droverd
