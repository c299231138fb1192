// SPDX-License-Identifier: Apache-2.0
// The parts of the server, opened before any of them runs, and ended in the order that loses nothing.
#pragma once

#include <memory>
#include <string>

#include "api/authority.hpp"
#include "base/result.hpp"
#include "config.hpp"
#include "lwm2m/model/registry.hpp"
#include "store/store_file.hpp"

namespace drover::droverd {

/// nullptr without a store.
Result<std::shared_ptr<store::StoreFile>> open_store(const Config& config);
Result<std::shared_ptr<api::Authority>> open_authority(const Config& config,
                                                       const std::shared_ptr<store::StoreFile>& file);

class Daemon {
 public:
  /// Opens files, sockets and ports; nothing runs before start(). `registry` outlives it.
  static Result<std::unique_ptr<Daemon>> open(const Config& config, lwm2m::model::Registry& registry,
                                              const std::string& key_variable);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Goes on with what the process before left, and begins.
  Result<void> start();
  /// On standard output, for people and for who starts it.
  void tell_ports() const;
  /// Takes up another configuration and other object definitions (those of folders), as far as that can be done while it
  /// runs; what needs a restart is logged. An error changes nothing.
  Result<void> reload(const Config& config, lwm2m::model::Registry definitions);
  /// For the audit log: what came of one, also of reading what it would have taken up.
  void note_reload(const Result<void>& done);
  /// Once, for `why`. What was acknowledged is on disk afterwards.
  void stop(const std::string& why);

 private:
  struct Parts;
  explicit Daemon(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace drover::droverd
